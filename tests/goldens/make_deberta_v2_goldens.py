#!/usr/bin/env python3
"""Writes tests/goldens/deberta-v2: tiny DeBERTa-v2 and v3 directories with random weights, inputs, and what Transformers
computes.

Made with Python 3.11, torch==2.13.0, transformers==4.55.4, safetensors==0.8.0, on the CPU:

    python3 tests/goldens/make_deberta_v2_goldens.py

encoder_goldens.py says how. Distances go by columns, holes included. Buckets are so few that distances share them.
"""
import pathlib

import torch
from transformers import (DebertaV2ForMaskedLM, DebertaV2ForMultipleChoice, DebertaV2ForQuestionAnswering,
                          DebertaV2ForSequenceClassification, DebertaV2ForTokenClassification, DebertaV2Model)

from encoder_goldens import ATTEND, EMIT, Model, make_goldens, only_fields

# As DeBERTa-v3 is published, but for sizes.
SMALL = {"vocab_size": 97, "hidden_size": 36, "num_attention_heads": 3, "num_hidden_layers": 2, "intermediate_size": 54,
         "max_position_embeddings": 64, "relative_attention": True, "position_buckets": 8, "norm_rel_ebd": "layer_norm",
         "share_att_key": True, "pos_att_type": ["p2c", "c2p"], "position_biased_input": False, "type_vocab_size": 0,
         "layer_norm_eps": 1e-7, "max_relative_positions": -1}
MODELS = [
    Model("base-odd", DebertaV2Model,
          SMALL | {"vocab_size": 211, "hidden_size": 50, "num_attention_heads": 5, "num_hidden_layers": 3,
                   "intermediate_size": 45, "position_buckets": 6},
          ["one-token", "ragged", "no-mask", "left-padded", "holes", "empty-row", ("ragged", EMIT),
           ("holes", ATTEND)],
          "as DeBERTa-v3; every kind of mask, holes in which columns are further apart than tokens"),
    Model("base-own-projections", DebertaV2Model, SMALL | {"share_att_key": False, "norm_rel_ebd": "none"}, ["ragged"],
          "distances have projections of their own, and no norm"),
    Model("base-query-only", DebertaV2Model, SMALL | {"pos_att_type": "c2p", "share_att_key": False}, ["holes"],
          "queries and distances alone; the list as one string"),
    Model("base-key-only", DebertaV2Model, SMALL | {"pos_att_type": ["p2c"]}, ["ragged"], "distances and keys alone"),
    Model("base-no-buckets", DebertaV2Model, SMALL | {"position_buckets": -1, "max_relative_positions": 10}, ["ragged"],
          "an embedding for each distance up to 10"),
    Model("base-absolute", DebertaV2Model,
          SMALL | {"relative_attention": False, "position_biased_input": True, "type_vocab_size": 3, "embedding_size": 20},
          ["everything", "ragged"], "no distances; positions and types are added, and the embedding is projected"),
    Model("base-both", DebertaV2Model, SMALL | {"position_biased_input": True, "type_vocab_size": 2}, ["everything"],
          "positions are added and distances count"),
    Model("base-long", DebertaV2Model,
          SMALL | {"vocab_size": 53, "hidden_size": 24, "num_attention_heads": 2, "num_hidden_layers": 1,
                   "intermediate_size": 23, "position_buckets": 16, "max_relative_positions": 100},
          ["long", "long-holes"], "beyond the furthest distance, and beyond max_position_embeddings, which nothing adds"),
    Model("base-defaults", DebertaV2Model,
          {"vocab_size": 31, "hidden_size": 48, "num_hidden_layers": 1, "intermediate_size": 20}, ["ragged"],
          "config fields left out: 24 heads, 512 positions, no types, no distances, epsilon 1e-7", stored=torch.float16,
          edit=only_fields("vocab_size", "hidden_size", "num_hidden_layers", "intermediate_size"), embedding_std=0.001),
    Model("mlm-tied", DebertaV2ForMaskedLM, SMALL, ["ragged", ("holes", EMIT)], "the older head"),
    Model("mlm-untied", DebertaV2ForMaskedLM, SMALL | {"tie_word_embeddings": False, "embedding_size": 20}, ["ragged"],
          "a decoder of its own, of another width", stored=torch.bfloat16),
    Model("mlm-newer", DebertaV2ForMaskedLM, SMALL | {"legacy": False, "tie_word_embeddings": False}, ["ragged"],
          "the newer head, which multiplies with the word embedding whatever is tied; version 4.55 would tie another layer"),
    Model("classes", DebertaV2ForSequenceClassification, SMALL | {"num_labels": 5, "pooler_hidden_act": "tanh"}, ["ragged"],
          "a pooler with an activation of its own"),
    Model("tokens", DebertaV2ForTokenClassification, SMALL | {"num_labels": 7}, ["holes"], "a label for each token"),
    Model("answers", DebertaV2ForQuestionAnswering, SMALL, ["ragged"], "start and end"),
    Model("choices", DebertaV2ForMultipleChoice, SMALL, ["choices"], "the pooler"),
]

if __name__ == "__main__":
    make_goldens(pathlib.Path(__file__).resolve().parent / "deberta-v2", MODELS)
