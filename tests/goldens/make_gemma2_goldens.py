#!/usr/bin/env python3
"""Writes tests/goldens/gemma2: tiny Gemma 2 directories with random weights, inputs, and what Transformers computes.

Made with Python 3.11, torch==2.13.0, transformers==4.55.4, safetensors==0.8.0, on the CPU:

    python3 tests/goldens/make_gemma2_goldens.py

encoder_goldens.py says how. Only the eager attention caps scores. Its softmax is in float32, where the float64 mask
becomes -inf and queries without keys NaN: here it is in the model's type. Gains are stored as what they have above one.
"""
import pathlib
import types

import torch
import transformers.models.gemma2.modeling_gemma2 as modeling
from transformers import (Gemma2ForCausalLM, Gemma2ForSequenceClassification, Gemma2ForTokenClassification,
                          Gemma2Model)

from encoder_goldens import ATTEND, EMIT, Model, make_goldens, only_fields

functional = types.SimpleNamespace(softmax=lambda x, dim, dtype: torch.softmax(x, dim),
                                   dropout=torch.nn.functional.dropout)
modeling.nn = types.SimpleNamespace(**vars(torch.nn) | {"functional": functional})

SMALL = {"vocab_size": 97, "hidden_size": 36, "num_attention_heads": 3, "num_key_value_heads": 1, "head_dim": 20,
         "num_hidden_layers": 2, "intermediate_size": 50, "max_position_embeddings": 64, "tie_word_embeddings": False,
         "sliding_window": 4, "query_pre_attn_scalar": 15.0, "attn_logit_softcapping": 0.8}

MODELS = [
    Model("base-odd", Gemma2Model,
          {"vocab_size": 307, "hidden_size": 100, "num_attention_heads": 5, "num_key_value_heads": 5, "head_dim": 20,
           "num_hidden_layers": 3, "intermediate_size": 70, "max_position_embeddings": 64, "sliding_window": 5,
           "query_pre_attn_scalar": 20, "attn_logit_softcapping": 2.0},
          ["one-token", "ragged", "left-padded", "holes", "empty-row", "positions"],
          "as published in small: windows in every other layer", stored=torch.bfloat16, gain=0),
    Model("base-biased", Gemma2Model,
          SMALL | {"attention_bias": True, "hidden_activation": "silu", "rope_theta": 100.0,
                   "layer_types": ["full_attention", "sliding_attention"]},
          [("left-padded", EMIT)], "biases, SiLU, the second layer has the window", gain=0),
    Model("base-uncapped", Gemma2Model, SMALL | {"attn_logit_softcapping": None}, ["ragged"], "null is no cap", gain=0,
          stored=torch.bfloat16),
    Model("base-long", Gemma2Model, SMALL | {"max_position_embeddings": 200, "sliding_window": 70}, ["long", "long-holes"],
          "texts longer than a kernel's blocks", gain=0, stored=torch.bfloat16),
    Model("base-defaults", Gemma2Model,
          {"vocab_size": 31, "hidden_size": 16, "num_hidden_layers": 2, "intermediate_size": 8, "num_attention_heads": 2,
           "num_key_value_heads": 1},
          ["ragged"], "config fields left out: heads of 256, a cap of 50", stored=torch.bfloat16, gain=0,
          edit=only_fields("vocab_size", "hidden_size", "num_hidden_layers", "intermediate_size", "num_attention_heads",
                           "num_key_value_heads")),
    Model("lm", Gemma2ForCausalLM, SMALL | {"final_logit_softcapping": 3.0}, ["ragged", "left-padded"],
          "a head of its own, whose logits have a cap, too", stored=torch.float16, gain=0),
    Model("lm-tied", Gemma2ForCausalLM, SMALL | {"tie_word_embeddings": True, "final_logit_softcapping": None},
          [("no-mask", ATTEND)], "the head is the word embedding", stored=torch.bfloat16, gain=0),
    Model("classes", Gemma2ForSequenceClassification, SMALL | {"num_labels": 4, "pad_token_id": 5},
          ["padding-ids-inside"], "the last token that is no padding, by ids", reads_first=False, gain=0),
    Model("tokens", Gemma2ForTokenClassification, SMALL | {"num_labels": 5}, ["left-padded"], "classes of tokens",
          stored=torch.bfloat16, gain=0),
]

if __name__ == "__main__":
    make_goldens(pathlib.Path(__file__).resolve().parent / "gemma2", MODELS)
