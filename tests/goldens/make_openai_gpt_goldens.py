#!/usr/bin/env python3
"""Writes tests/goldens/openai-gpt: tiny GPT directories with random weights, inputs, and what Transformers computes.

Made with Python 3.11, torch==2.13.0, transformers==4.55.4, safetensors==0.8.0, on the CPU:

    python3 tests/goldens/make_openai_gpt_goldens.py

encoder_goldens.py says how. Types of tokens are words of the vocabulary here, and are added only where they are given.
"""
import pathlib

import torch
from transformers import OpenAIGPTDoubleHeadsModel, OpenAIGPTForSequenceClassification, OpenAIGPTLMHeadModel, OpenAIGPTModel

from encoder_goldens import ATTEND, EMIT, Model, make_goldens, only_fields

SMALL = {"vocab_size": 97, "n_embd": 36, "n_head": 3, "n_layer": 2, "n_positions": 64}
MODELS = [
    Model("base-odd", OpenAIGPTModel, {"vocab_size": 307, "n_embd": 60, "n_head": 3, "n_layer": 3, "n_positions": 64},
          ["one-token", "ragged", "left-padded", "holes", "empty-row", "token-types", "positions", "everything",
           ("everything", EMIT)], "as published in small; types of tokens, given and left out"),
    Model("base-silu", OpenAIGPTModel, SMALL | {"afn": "swish", "layer_norm_epsilon": 0.1}, ["holes"], "SiLU"),
    Model("base-defaults", OpenAIGPTModel, {"vocab_size": 31, "n_embd": 24, "n_layer": 1}, ["ragged"],
          "config fields left out: 12 heads, 512 positions, the tanh form of GELU", stored=torch.float16,
          edit=only_fields("vocab_size", "n_embd", "n_layer")),
    Model("lm", OpenAIGPTLMHeadModel, SMALL | {"afn": "relu"}, ["ragged", ("holes", ATTEND)],
          "the head is the word embedding; ReLU"),
    Model("lm-untied", OpenAIGPTLMHeadModel, SMALL | {"tie_word_embeddings": False}, ["left-padded"],
          "a head of its own", stored=torch.bfloat16),
    Model("classes", OpenAIGPTForSequenceClassification, SMALL | {"num_labels": 4, "pad_token_id": 5},
          ["padding-ids-inside"], "the last token that is no padding, by ids", reads_first=False),
    Model("two-heads", OpenAIGPTDoubleHeadsModel, SMALL, ["chosen", "chosen-last"],
          "a language model and a choice, of the token that is named or the last"),
    Model("two-heads-wide", OpenAIGPTDoubleHeadsModel, SMALL | {"summary_proj_to_labels": False, "summary_activation": "tanh"}, ["chosen"],
          "a summary as wide as the model, behind tanh", stored=torch.bfloat16),
    Model("two-heads-bare", OpenAIGPTDoubleHeadsModel, SMALL | {"summary_use_proj": False, "tie_word_embeddings": False}, ["chosen"],
          "the token itself", stored=torch.bfloat16),
]

if __name__ == "__main__":
    make_goldens(pathlib.Path(__file__).resolve().parent / "openai-gpt", MODELS)
