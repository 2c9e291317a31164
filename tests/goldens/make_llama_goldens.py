#!/usr/bin/env python3
"""Writes tests/goldens/llama: tiny Llama directories with random weights, inputs, and what Transformers computes.

Made with Python 3.11, torch==2.13.0, transformers==4.55.4, safetensors==0.8.0, on the CPU:

    python3 tests/goldens/make_llama_goldens.py

encoder_goldens.py says how. Norms and angles are computed in float32 whatever the model's type. Eager attention has a
softmax in float32, where the float64 mask becomes -inf and queries without keys NaN: the other one is used.
"""
import pathlib

import torch
from transformers import (LlamaForCausalLM, LlamaForQuestionAnswering, LlamaForSequenceClassification,
                          LlamaForTokenClassification, LlamaModel)

from encoder_goldens import ATTEND, EMIT, Model, make_goldens, only_fields

SMALL = {"vocab_size": 97, "hidden_size": 36, "num_attention_heads": 3, "num_hidden_layers": 2, "intermediate_size": 50,
         "max_position_embeddings": 64}

TINY = {"vocab_size": 41, "hidden_size": 24, "num_attention_heads": 2, "num_hidden_layers": 2, "intermediate_size": 20,
        "max_position_embeddings": 64, "rope_theta": 1000.0}


def written_by_version_5(tensors: dict, config: dict) -> None:
    config["dtype"] = config.pop("torch_dtype")
    config["rope_parameters"] = {"rope_type": "default", "rope_theta": config.pop("rope_theta")}
    del config["rope_scaling"]


def with_buffers(tensors: dict, config: dict) -> None:
    """As old files have them: the frequencies of rotations."""
    for layer in range(config["num_hidden_layers"]):
        tensors[f"model.layers.{layer}.self_attn.rotary_emb.inv_freq"] = torch.ones(6)


MODELS = [
    Model("base-odd", LlamaModel,
          {"vocab_size": 307, "hidden_size": 100, "num_attention_heads": 5, "num_hidden_layers": 3,
           "intermediate_size": 70, "max_position_embeddings": 64},
          ["one-token", "ragged", "left-padded", "holes", "empty-row", "positions", ("left-padded", EMIT)],
          "as published in small", attention="sdpa"),
    Model("base-biased", LlamaModel,
          SMALL | {"attention_bias": True, "mlp_bias": True, "hidden_act": "gelu", "rms_norm_eps": 0.1, "head_dim": 20,
                   "rope_theta": 100.0}, ["holes"],
          "biases, GELU, heads wider than their share of the hidden size, angles as version 5 writes them", attention="sdpa",
          edit=written_by_version_5, loads_in_transformers=False),
    Model("base-grouped", LlamaModel, SMALL | {"num_attention_heads": 6, "num_key_value_heads": 2, "head_dim": 20},
          ["ragged", "left-padded"], "three heads of queries to one of keys and values", attention="sdpa"),
    Model("base-shared", LlamaModel, SMALL | {"num_key_value_heads": 1}, ["holes"],
          "one head of keys and values for all", attention="sdpa", stored=torch.bfloat16),
    Model("base-defaults", LlamaModel,
          {"vocab_size": 31, "hidden_size": 64, "num_hidden_layers": 1, "intermediate_size": 32}, ["ragged"],
          "config fields left out: 32 heads, SiLU, no biases", attention="sdpa", stored=torch.bfloat16,
          edit=only_fields("vocab_size", "hidden_size", "num_hidden_layers", "intermediate_size")),
    Model("lm", LlamaForCausalLM, SMALL, ["ragged", "left-padded"], "a head of its own; buffers in the file",
          attention="sdpa", edit=with_buffers),
    Model("lm-tied", LlamaForCausalLM,
          SMALL | {"tie_word_embeddings": True, "num_attention_heads": 6, "num_key_value_heads": 3}, [("ragged", ATTEND)],
          "the head is the word embedding", stored=torch.float16),
    Model("classes", LlamaForSequenceClassification, SMALL | {"num_labels": 4, "pad_token_id": 5},
          ["padding-ids-inside"], "the last token that is no padding, by ids", reads_first=False, attention="sdpa"),
    Model("tokens", LlamaForTokenClassification, SMALL | {"num_labels": 5}, ["left-padded"], "classes of tokens",
          attention="sdpa", stored=torch.bfloat16),
    Model("answers", LlamaForQuestionAnswering, SMALL, ["ragged"], "starts and ends, under an older prefix",
          attention="sdpa", stored=torch.bfloat16),
    Model("rope-linear", LlamaModel, TINY | {"rope_scaling": {"rope_type": "linear", "factor": 2.5}}, ["ragged"],
          "positions stretched alike", attention="sdpa"),
    Model("rope-dynamic", LlamaModel, TINY | {"rope_scaling": {"type": "dynamic", "factor": 4.0}}, ["ragged"],
          "as without, up to the config's length", attention="sdpa"),
    Model("rope-llama3", LlamaModel,
          TINY | {"rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                                   "original_max_position_embeddings": 32}}, ["ragged", "positions"],
          "long waves stretched, short ones not, and some between", attention="sdpa"),
    Model("rope-yarn", LlamaModel,
          TINY | {"rope_scaling": {"rope_type": "yarn", "factor": 3.0, "original_max_position_embeddings": 16,
                                   "beta_fast": 4.0}}, ["ragged", "positions"],
          "slow pairs stretched, scores sharpened", attention="sdpa"),
    Model("rope-yarn-plain", LlamaModel,
          TINY | {"rope_scaling": {"rope_type": "yarn", "factor": 2.0, "mscale": 0.7, "mscale_all_dim": 1.3,
                                   "truncate": False}}, ["ragged"], "the same without rounding, scales of its own",
          attention="sdpa"),
    Model("rope-longrope", LlamaModel,
          TINY | {"max_position_embeddings": 64, "original_max_position_embeddings": 32,
                  "rope_scaling": {"rope_type": "longrope", "short_factor": [1.0, 1.5, 2.25, 0.8, 3.0, 7.0],
                                   "long_factor": [2.0, 3.0, 4.0, 5.0, 6.0, 7.0]}}, ["ragged"],
          "a factor for each pair", attention="sdpa"),
    Model("lm-prefix", LlamaForCausalLM, SMALL | {"max_position_embeddings": 200, "num_key_value_heads": 1},
          ["prefix", "prefix-long"], "prefixes that are seen from everywhere", stored=torch.bfloat16),
]

if __name__ == "__main__":
    make_goldens(pathlib.Path(__file__).resolve().parent / "llama", MODELS)
