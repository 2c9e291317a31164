#!/usr/bin/env python3
"""Writes tests/goldens/mobilebert: tiny MobileBERT directories with random weights, inputs, and what Transformers computes.

Made with Python 3.11, torch==2.13.0, transformers==4.55.4, safetensors==0.8.0, on the CPU:

    python3 tests/goldens/make_mobilebert_goldens.py

encoder_goldens.py says how.
"""
import pathlib

import torch
from transformers import (MobileBertForMaskedLM, MobileBertForMultipleChoice, MobileBertForNextSentencePrediction,
                          MobileBertForPreTraining, MobileBertForQuestionAnswering, MobileBertForSequenceClassification,
                          MobileBertForTokenClassification, MobileBertModel)

from encoder_goldens import ATTEND, EMIT, Model, make_goldens, only_fields

SMALL = {"vocab_size": 97, "hidden_size": 36, "num_attention_heads": 3, "num_hidden_layers": 2, "intermediate_size": 27,
         "max_position_embeddings": 64, "embedding_size": 20, "intra_bottleneck_size": 24, "num_feedforward_networks": 3}
MODELS = [
    Model("base-odd", MobileBertModel,
          SMALL | {"vocab_size": 211, "hidden_size": 50, "num_attention_heads": 5, "num_hidden_layers": 3,
                   "intermediate_size": 33, "embedding_size": 14, "intra_bottleneck_size": 35},
          ["one-token", "ragged", "no-mask", "left-padded", "holes", "empty-row", "token-types", "positions",
           ("everything", EMIT)],
          "as published in small: scale and shift for norms; every kind of mask, under which ids are neighbours, too"),
    Model("base-norms", MobileBertModel, SMALL | {"normalization_type": "layer_norm", "layer_norm_eps": 0.1, "hidden_act": "gelu"},
          ["ragged", "holes"], "layer norms, of which some have the config's epsilon and some 1e-5"),
    Model("base-narrow-attention", MobileBertModel, SMALL | {"use_bottleneck_attention": True, "num_feedforward_networks": 1},
          ["ragged"], "queries, keys and values of the one bottleneck; no stack"),
    Model("base-wide", MobileBertModel, SMALL | {"use_bottleneck": False, "num_feedforward_networks": 2}, ["ragged"],
          "no bottlenecks"),
    Model("base-no-trigrams", MobileBertModel, SMALL | {"trigram_input": False}, ["ragged"],
          "words alone, brought to the layers' width"),
    Model("base-defaults", MobileBertModel,
          {"vocab_size": 31, "hidden_size": 132, "num_hidden_layers": 1, "intermediate_size": 20, "max_position_embeddings": 32},
          ["ragged"], "config fields left out: embedding 128, bottleneck 128, 4 heads, 4 networks, relu",
          stored=torch.float16,
          edit=only_fields("vocab_size", "hidden_size", "num_hidden_layers", "intermediate_size", "max_position_embeddings")),
    Model("mlm-tied", MobileBertForMaskedLM, SMALL, ["ragged", ("holes", EMIT), ("holes", ATTEND)],
          "the decoder is the word embedding and, for further columns, a table stored the other way round"),
    Model("mlm-untied", MobileBertForMaskedLM, SMALL | {"tie_word_embeddings": False}, ["ragged"], "a decoder of its own",
          stored=torch.bfloat16),
    Model("mlm-equal-widths", MobileBertForMaskedLM, SMALL | {"embedding_size": 36}, ["ragged"], "no further columns"),
    Model("pretraining", MobileBertForPreTraining, SMALL, ["ragged"], "both heads"),
    Model("next-sentence", MobileBertForNextSentencePrediction, SMALL, ["token-types"], "two logits for a pair"),
    Model("classes", MobileBertForSequenceClassification, SMALL | {"num_labels": 5}, ["ragged"], "the pooler"),
    Model("tokens", MobileBertForTokenClassification, SMALL | {"num_labels": 7}, ["holes"], "a label for each token"),
    Model("answers", MobileBertForQuestionAnswering, SMALL, ["ragged"], "start and end"),
    Model("choices", MobileBertForMultipleChoice, SMALL, ["choices"], "a sequence for each choice"),
]
for model in MODELS:
    if "normalization_type" not in model.config:
        model.gain = 0.7

if __name__ == "__main__":
    make_goldens(pathlib.Path(__file__).resolve().parent / "mobilebert", MODELS)
