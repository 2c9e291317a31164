#!/usr/bin/env python3
"""Writes tests/goldens/opt: tiny OPT directories with random weights, inputs, and what Transformers computes.

Made with Python 3.11, torch==2.13.0, transformers==4.55.4, safetensors==0.8.0, on the CPU:

    python3 tests/goldens/make_opt_goldens.py

encoder_goldens.py says how. Eager attention has a softmax in float32, where the float64 mask becomes -inf and queries
without keys NaN: the other one is used. Positions count the tokens of a row, so padding on the left and holes take none.
"""
import pathlib

import torch
from transformers import (OPTForCausalLM, OPTForQuestionAnswering, OPTForSequenceClassification, OPTModel,
                          OPTPreTrainedModel)

from encoder_goldens import ATTEND, EMIT, Model, make_goldens, only_fields

SMALL = {"vocab_size": 97, "hidden_size": 36, "num_attention_heads": 3, "num_hidden_layers": 2, "ffn_dim": 50,
         "max_position_embeddings": 64}

# Transformers 4.55 stumbles over norms without parameters as it initialises them; here all parameters are random anyway.
OPTPreTrainedModel._init_weights = lambda self, module: None

MODELS = [
    Model("base-odd", OPTModel,
          {"vocab_size": 307, "hidden_size": 100, "num_attention_heads": 5, "num_hidden_layers": 3, "ffn_dim": 70,
           "max_position_embeddings": 64},
          ["one-token", "ragged", "left-padded", "holes", "empty-row", "positions", ("left-padded", EMIT)],
          "as published in small", attention="sdpa"),
    Model("base-projected", OPTModel, SMALL | {"do_layer_norm_before": False, "word_embed_proj_dim": 20},
          ["ragged", ("holes", EMIT)], "norms behind their parts, and words narrower than layers, as in the 350M model",
          attention="sdpa"),
    Model("base-plain", OPTModel, SMALL | {"enable_bias": False, "layer_norm_elementwise_affine": False,
                                           "activation_function": "gelu"}, ["left-padded"],
          "no biases, norms without parameters, GELU", attention="sdpa"),
    Model("base-no-final-norm", OPTModel, SMALL | {"_remove_final_layer_norm": True}, ["ragged"],
          "no norm behind the layers", stored=torch.bfloat16),
    Model("base-defaults", OPTModel, {"vocab_size": 31, "hidden_size": 24, "num_hidden_layers": 1, "ffn_dim": 32,
                                      "max_position_embeddings": 40}, ["ragged"],
          "config fields left out: 12 heads, ReLU, biases",
          edit=only_fields("vocab_size", "hidden_size", "num_hidden_layers", "ffn_dim", "max_position_embeddings")),
    Model("lm", OPTForCausalLM, SMALL, ["ragged", "left-padded"], "the head is the word embedding", attention="sdpa",
          stored=torch.float16),
    Model("lm-attentions", OPTForCausalLM, SMALL, [("ragged", ATTEND)], "eager attention, which gives its probabilities"),
    Model("lm-projected", OPTForCausalLM, SMALL | {"word_embed_proj_dim": 20, "tie_word_embeddings": False},
          ["holes"], "a head of its own, of words narrower than layers", attention="sdpa"),
    Model("classes", OPTForSequenceClassification, SMALL | {"num_labels": 4}, ["padding-ids-inside"],
          "the last token that is no padding, by ids", reads_first=False, attention="sdpa"),
    Model("answers", OPTForQuestionAnswering, SMALL, ["ragged"], "start and end"),
]

if __name__ == "__main__":
    make_goldens(pathlib.Path(__file__).resolve().parent / "opt", MODELS)
