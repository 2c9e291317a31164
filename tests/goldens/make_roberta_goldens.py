#!/usr/bin/env python3
"""Writes tests/goldens/roberta: tiny RoBERTa, XLM-RoBERTa and CamemBERT directories with random weights, inputs, and what
Transformers computes.

Made with Python 3.11, torch==2.13.0, transformers==4.55.4, safetensors==0.8.0, on the CPU:

    python3 tests/goldens/make_roberta_goldens.py

encoder_goldens.py says how. Positions count the ids that are no padding.
"""
import pathlib

import torch
from transformers import (CamembertForTokenClassification, CamembertModel, RobertaForCausalLM, RobertaForMaskedLM,
                          RobertaForMultipleChoice, RobertaForQuestionAnswering, RobertaForSequenceClassification,
                          RobertaForTokenClassification, RobertaModel, XLMRobertaForMaskedLM,
                          XLMRobertaForSequenceClassification)

from encoder_goldens import ATTEND, EMIT, Model, make_goldens, only_fields

SMALL = {"vocab_size": 97, "hidden_size": 36, "num_attention_heads": 3, "num_hidden_layers": 2, "intermediate_size": 54,
         "max_position_embeddings": 66, "type_vocab_size": 1}
MODELS = [
    Model("base-odd", RobertaModel,
          {"vocab_size": 307, "hidden_size": 60, "num_attention_heads": 3, "num_hidden_layers": 3, "intermediate_size": 90,
           "max_position_embeddings": 66, "type_vocab_size": 2},
          ["one-token", "ragged", "no-mask", "left-padded", "holes", "empty-row", "token-types", "positions", "everything",
           "padding-ids", ("padding-ids", EMIT)],
          "sizes that fill no vector; every kind of mask and input, padding ids in the midst of them"),
    Model("base-other-padding", RobertaModel, SMALL | {"pad_token_id": 7}, ["padding-ids", "full-length-behind-padding"],
          "positions begin behind another padding id"),
    Model("base-defaults", RobertaModel, {"vocab_size": 31, "hidden_size": 24, "intermediate_size": 30, "num_hidden_layers": 1},
          ["ragged"], "config fields left out: 12 heads, 512 positions, 2 types, gelu, epsilon 1e-12",
          stored=torch.float16, embedding_std=0.01, edit=only_fields("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers")),
    Model("mlm-tied", RobertaForMaskedLM, SMALL | {"hidden_act": "relu"}, ["ragged", ("padding-ids", EMIT), ("padding-ids", ATTEND)],
          "the head's activation is GELU whatever the layers have"),
    Model("mlm-untied", RobertaForMaskedLM, SMALL | {"tie_word_embeddings": False}, ["ragged"], "a decoder of its own"),
    Model("classes", RobertaForSequenceClassification, SMALL | {"num_labels": 5}, ["ragged", "padding-ids-first"],
          "a dense layer of its own on the first token"),
    Model("regression", RobertaForSequenceClassification, SMALL | {"num_labels": 1}, ["ragged"], "one label: [batch, 1]"),
    Model("tokens", RobertaForTokenClassification, SMALL | {"num_labels": 7}, ["holes"], "a label for each token"),
    Model("answers", RobertaForQuestionAnswering, SMALL, ["ragged"], "start and end"),
    Model("choices", RobertaForMultipleChoice, SMALL, ["choices"], "the pooler, and a linear layer on it"),
    Model("xlm-mlm", XLMRobertaForMaskedLM, SMALL, ["padding-ids"], "the same network under another name"),
    Model("xlm-classes", XLMRobertaForSequenceClassification, SMALL | {"num_labels": 3}, ["ragged"], "the same"),
    Model("camembert-base", CamembertModel, SMALL, ["padding-ids"], "the same"),
    Model("camembert-tokens", CamembertForTokenClassification, SMALL | {"num_labels": 3}, ["ragged"], "the same"),
    Model("causal", RobertaForCausalLM, SMALL | {"is_decoder": True}, ["ragged", "padding-ids"],
          "a word sees none behind it"),
]

if __name__ == "__main__":
    make_goldens(pathlib.Path(__file__).resolve().parent / "roberta", MODELS)
