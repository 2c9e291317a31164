#!/usr/bin/env python3
"""Writes tests/goldens/ctrl: tiny CTRL directories with random weights, inputs, and what Transformers computes.

Made with Python 3.11, torch==2.13.0, transformers==4.55.4, safetensors==0.8.0, on the CPU:

    python3 tests/goldens/make_ctrl_goldens.py

encoder_goldens.py says how. Types of tokens are words of the vocabulary here, and are added only where they are given.
"""
import pathlib

import torch
from transformers import CTRLForSequenceClassification, CTRLLMHeadModel, CTRLModel

from encoder_goldens import ATTEND, EMIT, Model, make_goldens

SMALL = {"vocab_size": 97, "n_embd": 36, "n_head": 3, "n_layer": 2, "n_positions": 64, "dff": 50}


def positions_of_its_type(model: torch.nn.Module) -> None:
    network = model.base_model
    network.pos_encoding = network.pos_encoding.to(network.w.weight.dtype)


MODELS = [
    Model("base-odd", CTRLModel,
          {"vocab_size": 307, "n_embd": 50, "n_head": 5, "n_layer": 3, "n_positions": 64, "dff": 70},
          ["one-token", "ragged", "left-padded", "holes", "empty-row", "token-types", "positions", "everything",
           ("everything", EMIT)], "as published in small; types of tokens, given and left out", prepare=positions_of_its_type),
    Model("base-epsilon", CTRLModel, SMALL | {"layer_norm_epsilon": 0.1, "n_positions": 256}, ["long"],
          "the config's epsilon is that of the last norm alone; many positions", prepare=positions_of_its_type),
    Model("lm", CTRLLMHeadModel, SMALL, ["ragged", ("holes", ATTEND)], "the head is the word embedding, with a bias",
          stored=torch.float16, prepare=positions_of_its_type),
    Model("lm-untied", CTRLLMHeadModel, SMALL | {"tie_word_embeddings": False}, ["left-padded"], "a head of its own",
          stored=torch.bfloat16, prepare=positions_of_its_type),
    Model("classes", CTRLForSequenceClassification, SMALL | {"num_labels": 4, "pad_token_id": 5},
          ["padding-ids-inside"], "the last token that is no padding, by ids", reads_first=False, prepare=positions_of_its_type),
]

if __name__ == "__main__":
    make_goldens(pathlib.Path(__file__).resolve().parent / "ctrl", MODELS)
