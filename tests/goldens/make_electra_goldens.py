#!/usr/bin/env python3
"""Writes tests/goldens/electra: tiny ELECTRA directories with random weights, inputs, and what Transformers computes.

Made with Python 3.11, torch==2.13.0, transformers==4.55.4, safetensors==0.8.0, on the CPU:

    python3 tests/goldens/make_electra_goldens.py

encoder_goldens.py says how.
"""
import pathlib

import torch
from transformers import (ElectraForCausalLM, ElectraForMaskedLM, ElectraForMultipleChoice, ElectraForPreTraining,
                          ElectraForQuestionAnswering, ElectraForSequenceClassification, ElectraForTokenClassification,
                          ElectraModel)

from encoder_goldens import ATTEND, EMIT, Model, make_goldens, only_fields

SMALL = {"vocab_size": 97, "embedding_size": 20, "hidden_size": 36, "num_attention_heads": 3, "num_hidden_layers": 2,
         "intermediate_size": 54, "max_position_embeddings": 64}
MODELS = [
    Model("base-odd", ElectraModel,
          {"vocab_size": 307, "embedding_size": 28, "hidden_size": 60, "num_attention_heads": 3, "num_hidden_layers": 3,
           "intermediate_size": 90, "max_position_embeddings": 64},
          ["one-token", "ragged", "left-padded", "holes", "empty-row", "everything", ("everything", EMIT)],
          "the embedding narrower than the layers; hidden states begin behind its projection"),
    Model("base-equal-widths", ElectraModel, SMALL | {"embedding_size": 36}, ["ragged"], "no projection"),
    Model("base-defaults", ElectraModel,
          {"vocab_size": 31, "num_hidden_layers": 1, "intermediate_size": 30, "max_position_embeddings": 32}, ["ragged"],
          "config fields left out: embedding 128, hidden 256, 4 heads", stored=torch.float16, embedding_std=0.01,
          edit=only_fields("vocab_size", "num_hidden_layers", "intermediate_size", "max_position_embeddings")),
    Model("generator", ElectraForMaskedLM, SMALL | {"hidden_act": "relu"},
          ["ragged", ("holes", EMIT), ("ragged", ATTEND)],
          "fills in masks; its head's activation is GELU whatever the layers have"),
    Model("generator-untied", ElectraForMaskedLM, SMALL | {"tie_word_embeddings": False}, ["ragged"], "a decoder of its own"),
    Model("discriminator", ElectraForPreTraining, SMALL | {"hidden_act": "relu"}, ["ragged", "left-padded", "empty-row"],
          "a number for each token: [batch, seq]"),
    Model("classes", ElectraForSequenceClassification, SMALL | {"num_labels": 5}, ["ragged"],
          "a dense layer of its own on the first token, GELU behind it"),
    Model("tokens", ElectraForTokenClassification, SMALL | {"num_labels": 7}, ["holes"], "a label for each token"),
    Model("answers", ElectraForQuestionAnswering, SMALL, ["ragged"], "start and end"),
    Model("choices", ElectraForMultipleChoice, SMALL, ["choices"], "a summary of its own, and a linear layer on it"),
    Model("causal", ElectraForCausalLM, SMALL | {"is_decoder": True}, ["ragged"], "a word sees none behind it"),
]

if __name__ == "__main__":
    make_goldens(pathlib.Path(__file__).resolve().parent / "electra", MODELS)
