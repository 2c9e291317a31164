#!/usr/bin/env python3
"""Writes tests/goldens/gemma3: tiny Gemma 3 directories with random weights, inputs, and what Transformers computes.

Made with Python 3.11, torch==2.13.0, transformers==4.55.4, safetensors==0.8.0, on the CPU:

    python3 tests/goldens/make_gemma3_goldens.py

encoder_goldens.py says how, make_llama_goldens.py why attention is not the eager one. Gains are stored as what they have above one.
"""
import pathlib

import torch
from transformers import Gemma3ForCausalLM, Gemma3TextModel

from encoder_goldens import ATTEND, EMIT, Model, make_goldens, only_fields

SMALL = {"vocab_size": 97, "hidden_size": 36, "num_attention_heads": 3, "num_key_value_heads": 1, "head_dim": 20,
         "num_hidden_layers": 2, "intermediate_size": 50, "max_position_embeddings": 64, "tie_word_embeddings": False,
         "sliding_window": 4, "layer_types": ["full_attention", "sliding_attention"], "query_pre_attn_scalar": 15.0}

MODELS = [
    Model("base-odd", Gemma3TextModel,
          {"vocab_size": 307, "hidden_size": 100, "num_attention_heads": 5, "num_key_value_heads": 5, "head_dim": 20,
           "num_hidden_layers": 3, "intermediate_size": 70, "max_position_embeddings": 64, "sliding_window": 5,
           "layer_types": ["sliding_attention", "sliding_attention", "full_attention"], "query_pre_attn_scalar": 20},
          ["one-token", "ragged", "left-padded", "holes", "empty-row", "positions"],
          "as published in small: windows in most layers", attention="sdpa", stored=torch.bfloat16, gain=0),
    Model("base-scaled", Gemma3TextModel,
          SMALL | {"attention_bias": True, "rope_scaling": {"rope_type": "linear", "factor": 8.0}, "rope_theta": 1e4,
                   "rope_local_base_freq": 100.0, "hidden_activation": "silu"},
          [("left-padded", EMIT)], "biases, SiLU, two rotations of which one is stretched", attention="sdpa", gain=0),
    Model("base-defaults", Gemma3TextModel,
          {"vocab_size": 31, "hidden_size": 16, "num_hidden_layers": 6, "intermediate_size": 8, "num_attention_heads": 2,
           "num_key_value_heads": 1},
          ["ragged"], "config fields left out: heads of 256, the sixth layer without a window", attention="sdpa",
          stored=torch.bfloat16, gain=0,
          edit=only_fields("vocab_size", "hidden_size", "num_hidden_layers", "intermediate_size", "num_attention_heads",
                           "num_key_value_heads")),
    Model("lm", Gemma3ForCausalLM, SMALL, ["ragged", "left-padded", "holes"], "a head of its own", attention="sdpa",
          stored=torch.float16, gain=0),
    Model("lm-tied", Gemma3ForCausalLM, SMALL | {"tie_word_embeddings": True, "final_logit_softcapping": 3.0},
          [("no-mask", ATTEND)], "the head is the word embedding, and its logits have a cap", attention="eager",
          stored=torch.bfloat16, gain=0),
]

if __name__ == "__main__":
    make_goldens(pathlib.Path(__file__).resolve().parent / "gemma3", MODELS)
