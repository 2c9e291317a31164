#!/usr/bin/env python3
"""Writes tests/goldens/gpt2: tiny GPT-2 directories with random weights, inputs, and what Transformers computes.

Made with Python 3.11, torch==2.13.0, transformers==4.55.4, safetensors==0.8.0, on the CPU:

    python3 tests/goldens/make_gpt2_goldens.py

encoder_goldens.py says how. Types of tokens are words of the vocabulary here, and are added only where they are given.
"""
import pathlib

import torch
from transformers import (GPT2DoubleHeadsModel, GPT2ForQuestionAnswering, GPT2ForSequenceClassification, GPT2ForTokenClassification,
                          GPT2LMHeadModel, GPT2Model)

from encoder_goldens import ATTEND, EMIT, Model, make_goldens, only_fields

SMALL = {"vocab_size": 97, "n_embd": 36, "n_head": 3, "n_layer": 2, "n_positions": 64}


def with_buffers(tensors: dict, config: dict) -> None:
    """As old files have them: attention's mask, and the head's weight beside the embedding that it is."""
    for layer in range(config["n_layer"]):
        mask = torch.ones(config["n_positions"], config["n_positions"]).tril()
        tensors[f"transformer.h.{layer}.attn.bias"] = mask.to(torch.uint8)[None, None]
        tensors[f"transformer.h.{layer}.attn.masked_bias"] = torch.tensor(-1e4)


MODELS = [
    Model("base-odd", GPT2Model, {"vocab_size": 307, "n_embd": 100, "n_head": 5, "n_layer": 3, "n_positions": 64},
          ["one-token", "ragged", "left-padded", "holes", "empty-row", "token-types", "positions", "everything",
           ("everything", EMIT)], "as published in small; types of tokens, given and left out"),
    Model("base-defaults", GPT2Model, {"vocab_size": 31, "n_embd": 24, "n_layer": 1}, ["ragged"],
          "config fields left out: 12 heads, 1024 positions, gelu_new", stored=torch.float16,
          edit=only_fields("vocab_size", "n_embd", "n_layer")),
    Model("base-scales", GPT2Model, SMALL | {"n_layer": 4, "scale_attn_by_inverse_layer_idx": True, "n_inner": 50,
                                             "activation_function": "silu", "layer_norm_epsilon": 0.1},
          ["ragged"], "scores divided by the layer's number, an inner width of its own, SiLU"),
    Model("base-unscaled", GPT2Model, SMALL | {"scale_attn_weights": False}, ["holes"],
          "scores that are products alone"),
    Model("lm", GPT2LMHeadModel, SMALL, ["one-token", "ragged", ("everything", EMIT), ("holes", ATTEND), "full-length"],
          "the head is the word embedding; buffers in the file", edit=with_buffers),
    Model("lm-untied", GPT2LMHeadModel, SMALL | {"tie_word_embeddings": False}, ["left-padded"], "a head of its own",
          stored=torch.bfloat16),
    Model("classes", GPT2ForSequenceClassification, SMALL | {"num_labels": 5, "pad_token_id": 11},
          ["padding-ids-inside"], "the last token that is no padding, by ids, and no bias", reads_first=False),
    Model("classes-no-padding", GPT2ForSequenceClassification, SMALL | {"num_labels": 1}, ["one-row"],
          "no padding's id: the last token", reads_first=False),
    Model("tokens", GPT2ForTokenClassification, SMALL | {"num_labels": 7}, ["holes"], "a label for each token"),
    Model("answers", GPT2ForQuestionAnswering, SMALL, ["ragged"], "start and end"),
    Model("lm-prefix", GPT2LMHeadModel, SMALL, ["prefix"],
          "prefixes that are seen from everywhere; eager attention would hide them behind its own mask", attention="sdpa",
          stored=torch.bfloat16),
    Model("two-heads", GPT2DoubleHeadsModel, SMALL, ["chosen", "chosen-last"],
          "a language model and a choice, of the token that is named or the last"),
    Model("two-heads-wide", GPT2DoubleHeadsModel, SMALL | {"summary_proj_to_labels": False, "summary_activation": "tanh"}, ["chosen"],
          "a summary as wide as the model, behind tanh", stored=torch.bfloat16),
    Model("two-heads-bare", GPT2DoubleHeadsModel, SMALL | {"summary_use_proj": False, "tie_word_embeddings": False}, ["chosen"],
          "the token itself", stored=torch.bfloat16),
]

if __name__ == "__main__":
    make_goldens(pathlib.Path(__file__).resolve().parent / "gpt2", MODELS)
