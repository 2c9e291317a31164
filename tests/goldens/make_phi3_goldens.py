#!/usr/bin/env python3
"""Writes tests/goldens/phi3: tiny Phi-3 directories with random weights, inputs, and what Transformers computes.

Made with Python 3.11, torch==2.13.0, transformers==4.55.4, safetensors==0.8.0, on the CPU:

    python3 tests/goldens/make_phi3_goldens.py

encoder_goldens.py says how, make_llama_goldens.py why attention is not the eager one.
"""
import pathlib

import torch
from transformers import Phi3ForCausalLM, Phi3ForSequenceClassification, Phi3ForTokenClassification, Phi3Model

from encoder_goldens import ATTEND, EMIT, Model, make_goldens, only_fields

SMALL = {"vocab_size": 97, "hidden_size": 36, "num_attention_heads": 3, "num_key_value_heads": 1, "num_hidden_layers": 2,
         "intermediate_size": 50, "max_position_embeddings": 64, "original_max_position_embeddings": 64, "pad_token_id": 0}

MODELS = [
    Model("base-odd", Phi3Model,
          {"vocab_size": 307, "hidden_size": 100, "num_attention_heads": 5, "num_hidden_layers": 2,
           "intermediate_size": 70, "max_position_embeddings": 64, "original_max_position_embeddings": 64,
           "pad_token_id": 0},
          ["one-token", "ragged", "left-padded", "holes", "empty-row", "positions"], "as published in small",
          attention="sdpa", stored=torch.bfloat16),
    Model("base-partial", Phi3Model,
          SMALL | {"hidden_size": 75, "num_key_value_heads": 3, "partial_rotary_factor": 0.5, "sliding_window": 4},
          [("left-padded", EMIT)], "12 of a head's 25 columns rotate; a window", attention="sdpa"),
    Model("base-longrope", Phi3Model,
          SMALL | {"original_max_position_embeddings": 32, "partial_rotary_factor": 0.7,
                   "rope_scaling": {"type": "su", "short_factor": [1.0, 1.5, 2.25, 0.8],
                                    "long_factor": [2.0, 3.0, 4.0, 5.0]}}, ["ragged", "holes"],
          "a factor for each pair, under an older name", attention="sdpa"),
    Model("base-defaults", Phi3Model,
          {"vocab_size": 31, "hidden_size": 64, "num_hidden_layers": 1, "intermediate_size": 32, "pad_token_id": 0},
          ["ragged"], "config fields left out: 32 heads", attention="sdpa", stored=torch.bfloat16,
          edit=only_fields("vocab_size", "hidden_size", "num_hidden_layers", "intermediate_size", "pad_token_id")),
    Model("lm", Phi3ForCausalLM, SMALL, ["ragged", "left-padded"], "a head of its own", attention="sdpa",
          stored=torch.float16),
    Model("lm-tied", Phi3ForCausalLM, SMALL | {"tie_word_embeddings": True}, [("no-mask", ATTEND)],
          "the head is the word embedding", attention="eager", stored=torch.bfloat16),
    Model("classes", Phi3ForSequenceClassification, SMALL | {"num_labels": 4, "pad_token_id": 5},
          ["padding-ids-inside"], "the last token that is no padding, by ids", reads_first=False, attention="sdpa"),
    Model("tokens", Phi3ForTokenClassification, SMALL | {"num_labels": 5}, ["left-padded"], "classes of tokens",
          attention="sdpa", stored=torch.bfloat16),
]

if __name__ == "__main__":
    make_goldens(pathlib.Path(__file__).resolve().parent / "phi3", MODELS)
