#!/usr/bin/env python3
"""Writes tests/goldens/starcoder2: tiny StarCoder2 directories with random weights, inputs, and what Transformers computes.

Made with Python 3.11, torch==2.13.0, transformers==4.55.4, safetensors==0.8.0, on the CPU:

    python3 tests/goldens/make_starcoder2_goldens.py

encoder_goldens.py says how, make_llama_goldens.py why attention is not the eager one.
"""
import pathlib

import torch
from transformers import (Starcoder2ForCausalLM, Starcoder2ForSequenceClassification, Starcoder2ForTokenClassification,
                          Starcoder2Model)

from encoder_goldens import ATTEND, EMIT, Model, make_goldens, only_fields

SMALL = {"vocab_size": 97, "hidden_size": 36, "num_attention_heads": 6, "num_key_value_heads": 2, "num_hidden_layers": 2,
         "intermediate_size": 50, "max_position_embeddings": 64, "tie_word_embeddings": False}

MODELS = [
    Model("base-odd", Starcoder2Model,
          {"vocab_size": 307, "hidden_size": 100, "num_attention_heads": 5, "num_key_value_heads": 1,
           "num_hidden_layers": 2, "intermediate_size": 70, "max_position_embeddings": 64, "sliding_window": 6},
          ["one-token", "ragged", "left-padded", "holes", "empty-row", "positions"], "as published in small: a window",
          attention="sdpa", stored=torch.bfloat16),
    Model("base-unbiased", Starcoder2Model,
          SMALL | {"use_bias": False, "norm_epsilon": 0.05, "rope_theta": 1e5, "hidden_act": "relu"},
          [("left-padded", EMIT)], "no biases but those of norms, no window, ReLU", attention="sdpa"),
    Model("base-defaults", Starcoder2Model,
          {"vocab_size": 31, "hidden_size": 48, "num_hidden_layers": 1, "intermediate_size": 32}, ["ragged"],
          "config fields left out: 24 heads, of keys 2", attention="sdpa", stored=torch.bfloat16,
          edit=only_fields("vocab_size", "hidden_size", "num_hidden_layers", "intermediate_size")),
    Model("lm-defaults", Starcoder2ForCausalLM,
          {"vocab_size": 31, "hidden_size": 48, "num_hidden_layers": 1, "intermediate_size": 32}, ["ragged"],
          "the head is the word embedding unless the config says that it is not", attention="sdpa", stored=torch.bfloat16,
          edit=only_fields("vocab_size", "hidden_size", "num_hidden_layers", "intermediate_size")),
    Model("lm", Starcoder2ForCausalLM, SMALL, ["ragged", "left-padded"], "a head of its own", attention="sdpa",
          stored=torch.float16),
    Model("lm-tied", Starcoder2ForCausalLM, SMALL | {"tie_word_embeddings": True}, [("no-mask", ATTEND)],
          "the head is the word embedding", attention="eager", stored=torch.bfloat16),
    Model("classes", Starcoder2ForSequenceClassification, SMALL | {"num_labels": 4, "pad_token_id": 5},
          ["padding-ids-inside"], "the last token that is no padding, by ids", reads_first=False, attention="sdpa"),
    Model("tokens", Starcoder2ForTokenClassification, SMALL | {"num_labels": 5}, ["left-padded"], "classes of tokens",
          attention="sdpa", stored=torch.bfloat16),
]

if __name__ == "__main__":
    make_goldens(pathlib.Path(__file__).resolve().parent / "starcoder2", MODELS)
