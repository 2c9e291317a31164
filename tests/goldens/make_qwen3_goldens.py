#!/usr/bin/env python3
"""Writes tests/goldens/qwen3: tiny Qwen3 directories with random weights, inputs, and what Transformers computes.

Made with Python 3.11, torch==2.13.0, transformers==4.55.4, safetensors==0.8.0, on the CPU:

    python3 tests/goldens/make_qwen3_goldens.py

encoder_goldens.py says how, make_llama_goldens.py why attention is not the eager one.
"""
import pathlib

import torch
from transformers import (Qwen3ForCausalLM, Qwen3ForQuestionAnswering, Qwen3ForSequenceClassification,
                          Qwen3ForTokenClassification, Qwen3Model)

from encoder_goldens import ATTEND, EMIT, Model, make_goldens, only_fields

SMALL = {"vocab_size": 97, "hidden_size": 36, "num_attention_heads": 6, "num_key_value_heads": 3, "num_hidden_layers": 2,
         "intermediate_size": 50, "max_position_embeddings": 64, "head_dim": 20}

MODELS = [
    Model("base-odd", Qwen3Model,
          {"vocab_size": 307, "hidden_size": 100, "num_attention_heads": 5, "num_key_value_heads": 1,
           "num_hidden_layers": 3, "intermediate_size": 70, "max_position_embeddings": 64, "use_sliding_window": True,
           "sliding_window": 4, "max_window_layers": 2, "head_dim": 20},
          ["one-token", "ragged", "left-padded", "holes", "empty-row", "positions"],
          "as published in small, the last layer with a window", attention="sdpa", stored=torch.bfloat16),
    Model("base-types", Qwen3Model,
          SMALL | {"use_sliding_window": True, "sliding_window": 3, "rope_theta": 1e6, "rms_norm_eps": 0.05,
                   "layer_types": ["sliding_attention", "full_attention"], "attention_bias": True},
          [("left-padded", EMIT)], "the first layer has the window; biases", attention="sdpa"),
    Model("base-defaults", Qwen3Model,
          {"vocab_size": 31, "hidden_size": 64, "num_hidden_layers": 1, "intermediate_size": 32, "num_attention_heads": 2, "num_key_value_heads": 2}, ["ragged"],
          "config fields left out: heads of 128", attention="sdpa", stored=torch.bfloat16,
          edit=only_fields("vocab_size", "hidden_size", "num_hidden_layers", "intermediate_size", "num_attention_heads", "num_key_value_heads")),
    Model("lm", Qwen3ForCausalLM, SMALL, ["ragged", "left-padded"], "a head of its own", attention="sdpa",
          stored=torch.float16),
    Model("lm-tied", Qwen3ForCausalLM, SMALL | {"tie_word_embeddings": True}, [("ragged", ATTEND)],
          "the head is the word embedding", attention="eager", stored=torch.bfloat16),
    Model("classes", Qwen3ForSequenceClassification, SMALL | {"num_labels": 4, "pad_token_id": 5},
          ["padding-ids-inside"], "the last token that is no padding, by ids", reads_first=False, attention="sdpa"),
    Model("tokens", Qwen3ForTokenClassification, SMALL | {"num_labels": 5}, ["left-padded"], "classes of tokens",
          attention="sdpa", stored=torch.bfloat16),
    Model("answers", Qwen3ForQuestionAnswering, SMALL, ["ragged"], "starts and ends, under an older prefix",
          attention="sdpa", stored=torch.bfloat16),
]

if __name__ == "__main__":
    make_goldens(pathlib.Path(__file__).resolve().parent / "qwen3", MODELS)
