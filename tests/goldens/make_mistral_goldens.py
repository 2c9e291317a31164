#!/usr/bin/env python3
"""Writes tests/goldens/mistral: tiny Mistral directories with random weights, inputs, and what Transformers computes.

Made with Python 3.11, torch==2.13.0, transformers==4.55.4, safetensors==0.8.0, on the CPU:

    python3 tests/goldens/make_mistral_goldens.py

encoder_goldens.py says how, make_llama_goldens.py why attention is not the eager one.
"""
import pathlib

import torch
from transformers import (MistralForCausalLM, MistralForQuestionAnswering, MistralForSequenceClassification,
                          MistralForTokenClassification, MistralModel)

from encoder_goldens import ATTEND, EMIT, Model, make_goldens, only_fields

SMALL = {"vocab_size": 97, "hidden_size": 36, "num_attention_heads": 6, "num_key_value_heads": 3, "num_hidden_layers": 2,
         "intermediate_size": 50, "max_position_embeddings": 64, "sliding_window": 3}

MODELS = [
    Model("base-odd", MistralModel,
          {"vocab_size": 307, "hidden_size": 100, "num_attention_heads": 5, "num_key_value_heads": 1,
           "num_hidden_layers": 2, "intermediate_size": 70, "max_position_embeddings": 64, "sliding_window": 5},
          ["one-token", "ragged", "left-padded", "holes", "empty-row", "positions"], "as published in small: a window",
          attention="sdpa", stored=torch.bfloat16),
    Model("base-wide", MistralModel, SMALL | {"head_dim": 20, "sliding_window": None, "hidden_act": "gelu"},
          [("left-padded", EMIT)], "no window; heads wider than their share of the hidden size", attention="sdpa"),
    Model("base-defaults", MistralModel,
          {"vocab_size": 31, "hidden_size": 64, "num_hidden_layers": 1, "intermediate_size": 32}, ["ragged"],
          "config fields left out: 32 heads, of keys 8", attention="sdpa", stored=torch.bfloat16,
          edit=only_fields("vocab_size", "hidden_size", "num_hidden_layers", "intermediate_size")),
    Model("base-long", MistralModel, SMALL | {"max_position_embeddings": 200, "sliding_window": 70, "num_hidden_layers": 1},
          ["long", "long-holes"], "a window wider than a kernel's blocks", attention="sdpa", stored=torch.bfloat16),
    Model("lm", MistralForCausalLM, SMALL, ["ragged", "left-padded"], "a head of its own", attention="sdpa",
          stored=torch.float16),
    Model("lm-tied", MistralForCausalLM, SMALL | {"tie_word_embeddings": True, "sliding_window": 2}, [("no-mask", ATTEND)],
          "the head is the word embedding; a token sees one besides itself", attention="eager", stored=torch.bfloat16),
    Model("classes", MistralForSequenceClassification, SMALL | {"num_labels": 4, "pad_token_id": 5},
          ["padding-ids-inside"], "the last token that is no padding, by ids", reads_first=False, attention="sdpa"),
    Model("tokens", MistralForTokenClassification, SMALL | {"num_labels": 5}, ["left-padded"], "classes of tokens",
          attention="sdpa", stored=torch.bfloat16),
    Model("answers", MistralForQuestionAnswering, SMALL, ["ragged"], "starts and ends", attention="sdpa",
          stored=torch.bfloat16),
    Model("base-prefix", MistralModel, SMALL | {"sliding_window": 4}, ["prefix"],
          "prefixes that are seen from everywhere, windows that end behind the query", stored=torch.bfloat16),
]

if __name__ == "__main__":
    make_goldens(pathlib.Path(__file__).resolve().parent / "mistral", MODELS)
