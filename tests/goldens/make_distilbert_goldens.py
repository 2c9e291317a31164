#!/usr/bin/env python3
"""Writes tests/goldens/distilbert: tiny DistilBERT directories with random weights, inputs, and what Transformers computes.

Made with Python 3.11, torch==2.13.0, transformers==4.55.4, safetensors==0.8.0, on the CPU:

    python3 tests/goldens/make_distilbert_goldens.py

encoder_goldens.py says how. DistilBERT takes no position_ids.
"""
import pathlib

from transformers import (DistilBertForMaskedLM, DistilBertForMultipleChoice, DistilBertForQuestionAnswering,
                          DistilBertForSequenceClassification, DistilBertForTokenClassification, DistilBertModel)

from encoder_goldens import ATTEND, EMIT, Model, make_goldens, only_fields

SMALL = {"vocab_size": 97, "dim": 36, "n_heads": 3, "n_layers": 2, "hidden_dim": 54, "max_position_embeddings": 64}
MODELS = [
    Model("base-odd", DistilBertModel,
          {"vocab_size": 307, "dim": 60, "n_heads": 3, "n_layers": 3, "hidden_dim": 90, "max_position_embeddings": 64},
          ["one-token", "ragged", "no-mask", "left-padded", "holes", ("ragged", EMIT)],
          "sizes that fill no vector; every kind of mask, but no empty row, which gives NaN in Transformers"),
    Model("base-sinusoidal", DistilBertModel, SMALL | {"sinusoidal_pos_embds": True}, ["ragged"],
          "positions are a table in the file however they were made"),
    Model("base-defaults", DistilBertModel, {"vocab_size": 31, "dim": 24, "hidden_dim": 30, "max_position_embeddings": 32},
          ["ragged"], "config fields left out: 12 heads, 6 layers, gelu",
          edit=only_fields("vocab_size", "dim", "hidden_dim", "max_position_embeddings"), embedding_std=0.01),
    Model("mlm-tied", DistilBertForMaskedLM, SMALL | {"activation": "relu"},
          ["ragged", ("holes", EMIT), ("left-padded", ATTEND)],
          "the head's activation is the layers'"),
    Model("mlm-untied", DistilBertForMaskedLM, SMALL | {"tie_word_embeddings": False}, ["ragged"], "a decoder of its own"),
    Model("classes", DistilBertForSequenceClassification, SMALL | {"num_labels": 5}, ["ragged", "no-mask"],
          "a dense layer of its own on the first token, ReLU behind it"),
    Model("tokens", DistilBertForTokenClassification, SMALL | {"num_labels": 7}, ["holes"], "a label for each token"),
    Model("answers", DistilBertForQuestionAnswering, SMALL, ["ragged"], "start and end"),
    Model("choices", DistilBertForMultipleChoice, SMALL, ["choices"], "the same summary as in classification"),
]

if __name__ == "__main__":
    make_goldens(pathlib.Path(__file__).resolve().parent / "distilbert", MODELS)
