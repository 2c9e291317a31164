#!/usr/bin/env python3
"""Writes tests/goldens/mpnet: tiny MPNet directories with random weights, inputs, and what Transformers computes.

Made with Python 3.11, torch==2.13.0, transformers==4.55.4, safetensors==0.8.0, on the CPU:

    python3 tests/goldens/make_mpnet_goldens.py

encoder_goldens.py says how. Positions count the ids that are not 1, whatever pad_token_id is; the bias of scores goes by
columns, holes included. "long" reaches distances that share the last buckets.
"""
import pathlib

import torch
from transformers import (MPNetForMaskedLM, MPNetForMultipleChoice, MPNetForQuestionAnswering,
                          MPNetForSequenceClassification, MPNetForTokenClassification, MPNetModel)

from encoder_goldens import ATTEND, EMIT, Model, make_goldens, only_fields

SMALL = {"vocab_size": 97, "hidden_size": 36, "num_attention_heads": 3, "num_hidden_layers": 2, "intermediate_size": 54,
         "max_position_embeddings": 66}
MODELS = [
    Model("base-odd", MPNetModel,
          {"vocab_size": 307, "hidden_size": 60, "num_attention_heads": 5, "num_hidden_layers": 3,
           "intermediate_size": 90, "max_position_embeddings": 66},
          ["one-token", "ragged", "no-mask", "left-padded", "holes", "empty-row", "positions", "padding-ids",
           ("ragged", EMIT), ("holes", ATTEND)],
          "sizes that fill no vector; every kind of mask, holes in which columns are further apart than tokens"),
    Model("base-other-padding", MPNetModel, SMALL | {"pad_token_id": 5, "num_hidden_layers": 1}, ["padding-ids-first"],
          "pad_token_id changes nothing: positions begin behind 1 all the same"),
    Model("base-long", MPNetModel,
          SMALL | {"vocab_size": 53, "hidden_size": 20, "num_attention_heads": 2, "num_hidden_layers": 1,
                   "intermediate_size": 23, "max_position_embeddings": 162},
          ["long", "long-holes"], "distances beyond 128, which share a bucket"),
    Model("base-more-buckets", MPNetModel, SMALL | {"relative_attention_num_buckets": 40, "num_hidden_layers": 1},
          ["ragged"], "a table of more rows than there are buckets: always 32 count"),
    Model("base-defaults", MPNetModel,
          {"vocab_size": 31, "hidden_size": 24, "intermediate_size": 30, "num_hidden_layers": 1}, ["ragged"],
          "config fields left out: 12 heads, 512 positions, gelu, epsilon 1e-12", stored=torch.float16,
          edit=only_fields("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers"), embedding_std=0.01),
    Model("mlm-tied", MPNetForMaskedLM, SMALL | {"hidden_act": "relu"}, ["ragged", ("holes", EMIT)],
          "the head's activation is GELU whatever the layers have"),
    Model("mlm-untied", MPNetForMaskedLM, SMALL | {"tie_word_embeddings": False}, ["ragged"], "a decoder of its own",
          stored=torch.bfloat16),
    Model("classes", MPNetForSequenceClassification, SMALL | {"num_labels": 5}, ["ragged"],
          "a dense layer of its own on the first token"),
    Model("tokens", MPNetForTokenClassification, SMALL | {"num_labels": 7}, ["holes"], "a label for each token"),
    Model("answers", MPNetForQuestionAnswering, SMALL, ["ragged"], "start and end"),
    Model("choices", MPNetForMultipleChoice, SMALL, ["choices"], "the pooler, and a linear layer on it"),
]

if __name__ == "__main__":
    make_goldens(pathlib.Path(__file__).resolve().parent / "mpnet", MODELS)
