#!/usr/bin/env python3
"""Writes tests/goldens/gpt-neox: tiny GPT-NeoX directories with random weights, inputs, and what Transformers computes.

Made with Python 3.11, torch==2.13.0, transformers==4.55.4, safetensors==0.8.0, on the CPU:

    python3 tests/goldens/make_gpt_neox_goldens.py

encoder_goldens.py says how, make_llama_goldens.py why attention is not the eager one.
"""
import pathlib

import torch
from transformers import (GPTNeoXForCausalLM, GPTNeoXForQuestionAnswering, GPTNeoXForSequenceClassification,
                          GPTNeoXForTokenClassification, GPTNeoXModel)

from encoder_goldens import ATTEND, EMIT, Model, make_goldens, only_fields

SMALL = {"vocab_size": 97, "hidden_size": 36, "num_attention_heads": 3, "num_hidden_layers": 2, "intermediate_size": 50,
         "max_position_embeddings": 64, "rotary_pct": 0.5}

MODELS = [
    Model("base-odd", GPTNeoXModel,
          {"vocab_size": 307, "hidden_size": 100, "num_attention_heads": 5, "num_hidden_layers": 2,
           "intermediate_size": 70, "max_position_embeddings": 64, "rotary_pct": 0.3},
          ["one-token", "ragged", "left-padded", "holes", "empty-row", "positions"],
          "as published in small: 6 of a head's 20 columns rotate", attention="sdpa", stored=torch.bfloat16),
    Model("base-sequential", GPTNeoXModel,
          SMALL | {"hidden_size": 75, "use_parallel_residual": False, "attention_bias": False, "rotary_emb_base": 100,
                   "hidden_act": "relu", "layer_norm_eps": 0.05, "rope_scaling": {"type": "linear", "factor": 2.0}},
          [("left-padded", EMIT)], "one part behind the other, heads of 25, attention without biases, ReLU",
          attention="sdpa"),
    Model("base-defaults", GPTNeoXModel,
          {"vocab_size": 31, "hidden_size": 128, "num_attention_heads": 8, "num_hidden_layers": 1, "intermediate_size": 8}, ["ragged"],
          "config fields left out: a quarter of 16 columns rotates", attention="sdpa", stored=torch.bfloat16,
          edit=only_fields("vocab_size", "hidden_size", "num_attention_heads", "num_hidden_layers", "intermediate_size")),
    Model("lm", GPTNeoXForCausalLM, SMALL, ["ragged", "left-padded"], "a head of its own", attention="sdpa",
          stored=torch.float16),
    Model("lm-tied", GPTNeoXForCausalLM, SMALL | {"tie_word_embeddings": True}, [("no-mask", ATTEND)],
          "the head is the word embedding", attention="eager", stored=torch.bfloat16),
    Model("classes", GPTNeoXForSequenceClassification, SMALL | {"num_labels": 4, "pad_token_id": 5},
          ["padding-ids-inside"], "the last token that is no padding, by ids", reads_first=False, attention="sdpa"),
    Model("tokens", GPTNeoXForTokenClassification, SMALL | {"num_labels": 5}, ["left-padded"], "classes of tokens",
          attention="sdpa", stored=torch.bfloat16),
    Model("answers", GPTNeoXForQuestionAnswering, SMALL, ["ragged"], "starts and ends", attention="sdpa",
          stored=torch.bfloat16),
]

if __name__ == "__main__":
    make_goldens(pathlib.Path(__file__).resolve().parent / "gpt-neox", MODELS)
