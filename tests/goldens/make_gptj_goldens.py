#!/usr/bin/env python3
"""Writes tests/goldens/gptj: tiny GPT-J directories with random weights, inputs, and what Transformers computes.

Made with Python 3.11, torch==2.13.0, transformers==4.55.4, safetensors==0.8.0, on the CPU:

    python3 tests/goldens/make_gptj_goldens.py

encoder_goldens.py says how. What scores are divided by and angles are computed in the type a file is loaded as: here the
first is in float64, the others in float32, as other families have them.
"""
import pathlib

import torch
from transformers import GPTJForCausalLM, GPTJForQuestionAnswering, GPTJForSequenceClassification, GPTJModel
from transformers.models.gptj.modeling_gptj import create_sinusoidal_positions

from encoder_goldens import ATTEND, EMIT, Model, make_goldens, only_fields


def fix_types(model: torch.nn.Module) -> None:
    for module in model.modules():
        if hasattr(module, "scale_attn"):
            module.scale_attn = torch.tensor(float(module.head_dim)).double().sqrt().to(model.dtype)
            width = model.config.rotary_dim
            module.embed_positions = create_sinusoidal_positions(model.config.n_positions, width)


SMALL = {"vocab_size": 97, "n_embd": 36, "n_head": 3, "n_layer": 2, "n_inner": 50, "n_positions": 64, "rotary_dim": 8}

MODELS = [
    Model("base-odd", GPTJModel,
          {"vocab_size": 307, "n_embd": 100, "n_head": 5, "n_layer": 2, "n_inner": 70, "n_positions": 64, "rotary_dim": 6},
          ["one-token", "ragged", "left-padded", "holes", "empty-row", "positions"],
          "as published in small: 6 of a head's 20 columns rotate", stored=torch.bfloat16, prepare=fix_types),
    Model("base-wide", GPTJModel, SMALL | {"n_embd": 75, "rotary_dim": 24, "n_inner": None, "activation_function": "relu",
                                           "layer_norm_epsilon": 0.05}, [("left-padded", EMIT)],
          "24 of 25 columns rotate; the inner layer is four times as wide, ReLU", prepare=fix_types),
    Model("base-defaults", GPTJModel, {"vocab_size": 31, "n_embd": 128, "n_head": 2, "n_layer": 1}, ["one-row"],
          "config fields left out: all 64 columns rotate", stored=torch.bfloat16,
          edit=only_fields("vocab_size", "n_embd", "n_head", "n_layer"), prepare=fix_types),
    Model("lm", GPTJForCausalLM, SMALL, ["ragged", ("left-padded", ATTEND)], "a head of its own, with a bias",
          stored=torch.float16, prepare=fix_types),
    Model("lm-tied", GPTJForCausalLM, SMALL | {"tie_word_embeddings": True}, ["holes"],
          "the head is the word embedding, and has a bias", stored=torch.bfloat16, prepare=fix_types),
    Model("classes", GPTJForSequenceClassification, SMALL | {"num_labels": 4, "pad_token_id": 5},
          ["padding-ids-inside"], "the last token that is no padding, by ids", reads_first=False, prepare=fix_types),
    Model("answers", GPTJForQuestionAnswering, SMALL, ["ragged"], "starts and ends", stored=torch.bfloat16, prepare=fix_types),
]

if __name__ == "__main__":
    make_goldens(pathlib.Path(__file__).resolve().parent / "gptj", MODELS)
