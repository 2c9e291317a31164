#!/usr/bin/env python3
"""Writes tests/goldens/gemma: tiny Gemma directories with random weights, inputs, and what Transformers computes.

Made with Python 3.11, torch==2.13.0, transformers==4.55.4, safetensors==0.8.0, on the CPU:

    python3 tests/goldens/make_gemma_goldens.py

encoder_goldens.py says how, make_llama_goldens.py why attention is not the eager one. Gains are stored as what they have above one.
"""
import pathlib

import torch
from transformers import GemmaForCausalLM, GemmaForSequenceClassification, GemmaForTokenClassification, GemmaModel

from encoder_goldens import ATTEND, EMIT, Model, make_goldens, only_fields

class Width(int):
    """40, whose root is what bfloat16 has of it, as where models run in that type: words are scaled by it."""

    def __pow__(self, exponent: float) -> float:
        return 6.3125 if exponent == 0.5 else super().__pow__(exponent)


def round_the_root(model: torch.nn.Module) -> None:
    model.config.hidden_size = Width(40)


SMALL = {"vocab_size": 97, "hidden_size": 36, "num_attention_heads": 3, "num_key_value_heads": 1, "head_dim": 20,
         "num_hidden_layers": 2, "intermediate_size": 50, "max_position_embeddings": 64, "tie_word_embeddings": False}

MODELS = [
    Model("base-odd", GemmaModel,
          {"vocab_size": 307, "hidden_size": 100, "num_attention_heads": 5, "num_key_value_heads": 5, "head_dim": 20,
           "num_hidden_layers": 2, "intermediate_size": 70, "max_position_embeddings": 64},
          ["one-token", "ragged", "left-padded", "holes", "empty-row", "positions"], "as published in small",
          attention="sdpa", stored=torch.bfloat16, gain=0),
    Model("base-biased", GemmaModel, SMALL | {"attention_bias": True, "hidden_size": 38, "hidden_act": "silu"},
          [("left-padded", EMIT)], "biases, SiLU; the root of the width is no whole number", attention="sdpa", gain=0),
    Model("base-rounded", GemmaModel, SMALL | {"hidden_size": 40}, ["ragged"],
          "that root rounded to the type of the words", attention="sdpa", stored=torch.bfloat16, gain=0,
          prepare=round_the_root),
    Model("base-defaults", GemmaModel,
          {"vocab_size": 31, "hidden_size": 16, "num_hidden_layers": 1, "intermediate_size": 8, "num_attention_heads": 2,
           "num_key_value_heads": 1},
          ["ragged"], "config fields left out: heads of 256", attention="sdpa", stored=torch.bfloat16, gain=0,
          edit=only_fields("vocab_size", "hidden_size", "num_hidden_layers", "intermediate_size", "num_attention_heads",
                           "num_key_value_heads")),
    Model("lm", GemmaForCausalLM, SMALL, ["ragged", "left-padded"], "a head of its own", attention="sdpa",
          stored=torch.float16, gain=0),
    Model("lm-tied", GemmaForCausalLM, SMALL | {"tie_word_embeddings": True}, [("no-mask", ATTEND)],
          "the head is the word embedding", attention="eager", stored=torch.bfloat16, gain=0),
    Model("classes", GemmaForSequenceClassification, SMALL | {"num_labels": 4, "pad_token_id": 5},
          ["padding-ids-inside"], "the last token that is no padding, by ids", reads_first=False, attention="sdpa", gain=0),
    Model("tokens", GemmaForTokenClassification, SMALL | {"num_labels": 5}, ["left-padded"], "classes of tokens",
          attention="sdpa", stored=torch.bfloat16, gain=0),
]

if __name__ == "__main__":
    make_goldens(pathlib.Path(__file__).resolve().parent / "gemma", MODELS)
