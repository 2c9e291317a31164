#!/usr/bin/env python3
"""Writes tests/goldens/bloom: tiny BLOOM directories with random weights, inputs, and what Transformers computes.

Made with Python 3.11, torch==2.13.0, transformers==4.55.4, safetensors==0.8.0, on the CPU:

    python3 tests/goldens/make_bloom_goldens.py

encoder_goldens.py says how. Attention's softmax is in float32, where the float64 mask becomes -inf and queries without
keys NaN: here it is in the model's type.
"""
import pathlib
import types

import torch
import transformers.models.bloom.modeling_bloom as modeling
from transformers import (BloomForCausalLM, BloomForQuestionAnswering, BloomForSequenceClassification,
                          BloomForTokenClassification, BloomModel)

from encoder_goldens import ATTEND, EMIT, Model, make_goldens, only_fields

modeling.F = types.SimpleNamespace(softmax=lambda x, dim, dtype: torch.softmax(x, dim), linear=modeling.F.linear,
                                   dropout=modeling.F.dropout)

SMALL = {"vocab_size": 97, "hidden_size": 36, "n_head": 3, "n_layer": 2, "seq_length": 64, "pad_token_id": 5}

MODELS = [
    Model("base-odd", BloomModel, {"vocab_size": 307, "hidden_size": 100, "n_head": 5, "n_layer": 2, "seq_length": 64},
          ["one-token", "ragged", "left-padded", "holes", "empty-row"], "as published in small: 5 heads, of which one is between",
          stored=torch.bfloat16),
    Model("base-normed", BloomModel,
          SMALL | {"n_head": 4, "apply_residual_connection_post_layernorm": True, "layer_norm_epsilon": 0.05},
          [("left-padded", EMIT)], "parts of layers add to what is normalised"),
    Model("base-long", BloomModel, SMALL | {"n_head": 12, "seq_length": 200, "n_layer": 1}, ["long", "long-holes"],
          "12 heads, texts longer than a kernel's blocks", stored=torch.bfloat16),
    Model("base-defaults", BloomModel, {"vocab_size": 31}, ["ragged"], "config fields left out: two layers of 8 heads",
          stored=torch.bfloat16, edit=only_fields("vocab_size")),
    Model("lm", BloomForCausalLM, SMALL, ["ragged", ("left-padded", ATTEND)], "the head is the word embedding",
          stored=torch.float16),
    Model("lm-untied", BloomForCausalLM, SMALL | {"tie_word_embeddings": False}, ["holes"], "a head of its own",
          stored=torch.bfloat16),
    Model("classes", BloomForSequenceClassification, SMALL | {"num_labels": 4}, ["padding-ids-inside"],
          "the last token that is no padding, by ids", reads_first=False),
    Model("tokens", BloomForTokenClassification, SMALL | {"num_labels": 5}, ["left-padded"], "classes of tokens",
          stored=torch.bfloat16),
    Model("answers", BloomForQuestionAnswering, SMALL, ["ragged"], "starts and ends", stored=torch.bfloat16),
]

if __name__ == "__main__":
    make_goldens(pathlib.Path(__file__).resolve().parent / "bloom", MODELS)
