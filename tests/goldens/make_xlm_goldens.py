#!/usr/bin/env python3
"""Writes tests/goldens/xlm: tiny XLM directories with random weights, inputs, and what Transformers computes.

Made with Python 3.11, torch==2.13.0, transformers==4.55.4, safetensors==0.8.0, on the CPU:

    python3 tests/goldens/make_xlm_goldens.py

encoder_goldens.py says how. Types of tokens are words of the vocabulary here, and are added only where they are given, as
languages are. Without a mask, a row has as many tokens as ids that are no padding.
"""
import pathlib

import torch
from transformers import (XLMForMultipleChoice, XLMForQuestionAnsweringSimple, XLMForSequenceClassification,
                          XLMForTokenClassification, XLMModel, XLMWithLMHeadModel)

from encoder_goldens import ATTEND, EMIT, Model, make_goldens, only_fields

SMALL = {"vocab_size": 97, "emb_dim": 36, "n_heads": 3, "n_layers": 2, "max_position_embeddings": 64}
MODELS = [
    Model("base-odd", XLMModel,
          {"vocab_size": 307, "emb_dim": 50, "n_heads": 5, "n_layers": 3, "max_position_embeddings": 64, "n_langs": 4},
          ["one-token", "ragged", "left-padded", "holes", "token-types", "langs", "positions", "everything",
           ("everything", EMIT)],
          "as published in small; languages and types of tokens, given and left out"),
    Model("base-relu", XLMModel, SMALL | {"gelu_activation": False, "layer_norm_eps": 0.1, "sinusoidal_embeddings": True},
          ["ragged", "token-types"], "ReLU; one language; the file's positions count, whatever they began as"),
    Model("base-no-languages", XLMModel, SMALL | {"n_langs": 3, "use_lang_emb": False}, ["ragged"],
          "several languages without embeddings"),
    Model("base-defaults", XLMModel, {"vocab_size": 31, "emb_dim": 32, "n_layers": 1}, ["ragged"],
          "config fields left out: 16 heads, 512 positions, GELU, epsilon 1e-12", stored=torch.float16, embedding_std=0.01,
          edit=only_fields("vocab_size", "emb_dim", "n_layers")),
    Model("base-counted", XLMModel, SMALL | {"vocab_size": 7, "pad_index": 3}, ["no-mask"],
          "no mask: tokens are counted by ids that are no padding"),
    Model("mlm-tied", XLMWithLMHeadModel, SMALL | {"n_langs": 2}, ["ragged", ("everything", EMIT), ("holes", ATTEND)],
          "the decoder is the word embedding, with a bias"),
    Model("mlm-untied", XLMWithLMHeadModel, SMALL | {"tie_word_embeddings": False}, ["holes"], "a decoder of its own",
          stored=torch.bfloat16),
    Model("causal", XLMWithLMHeadModel, SMALL | {"causal": True}, ["one-token", "ragged"], "a word sees none behind it"),
    Model("classes", XLMForSequenceClassification, SMALL | {"num_labels": 5}, ["ragged"], "the first token, no activation"),
    Model("classes-tanh", XLMForSequenceClassification, SMALL | {"num_labels": 3, "summary_activation": "tanh"}, ["ragged"],
          "logits behind a tanh"),
    Model("tokens", XLMForTokenClassification, SMALL | {"num_labels": 7}, ["holes"], "a label for each token"),
    Model("answers", XLMForQuestionAnsweringSimple, SMALL, ["ragged"], "start and end"),
    Model("choices", XLMForMultipleChoice, SMALL | {"num_labels": 3}, ["choices"],
          "as many summaries as the config has labels, and a linear layer on them"),
]

if __name__ == "__main__":
    make_goldens(pathlib.Path(__file__).resolve().parent / "xlm", MODELS)
