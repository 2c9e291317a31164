#!/usr/bin/env python3
"""Writes tests/goldens/longformer: tiny Longformer directories with random weights, inputs, and what Transformers computes.

Made with Python 3.11, torch==2.13.0, transformers==4.55.4, safetensors==0.8.0, on the CPU:

    python3 tests/goldens/make_longformer_goldens.py

encoder_goldens.py says how. Positions count the ids that are no padding. Windows are so narrow that they matter; Transformers
pads to a multiple of the widest, which changes no token. It computes every softmax in float32.
"""
import dataclasses
import pathlib

import torch
from transformers import (LongformerForMaskedLM, LongformerForMultipleChoice, LongformerForQuestionAnswering,
                          LongformerForSequenceClassification, LongformerForTokenClassification, LongformerModel)

from encoder_goldens import EMIT, MASKS, Model, make_goldens, mask_of, only_fields, right_padded

# Which columns are global, by row: in and out of windows, first and last, side by side, masked, none of a row, all of it.
GLOBALS = {
    "globals-ragged": {0: [0, 3, 16], 3: [11, 12, 22]},
    "globals-left-padded": {0: [2, 5, 14], 2: range(15)},
    "globals-holes": {0: [1, 2], 1: [0, 6], 2: [8]},
    "globals-long": {0: [0, 80, 81, 159], 1: range(5, 140, 9)},
    "globals-long-holes": {0: [2, 77], 1: range(0, 160, 14)},
    "globals-many": {0: range(0, 1060, 2)},
    "globals-everywhere": {0: range(13), 1: range(13)},
}
MASKS |= {
    "globals-ragged": MASKS["ragged"],
    "globals-left-padded": MASKS["left-padded"],
    "globals-holes": MASKS["holes"],
    "globals-long": MASKS["long"],
    "globals-long-holes": MASKS["long-holes"],
    "globals-many": lambda c: right_padded([1060], 1060),
    "globals-everywhere": MASKS["no-mask"],
    "question": lambda c: right_padded([17, 23, 12], 23),
    "question-left-padded": lambda c: mask_of(["0001111111111", "1111111111111"]),
    "question-choices": lambda c: right_padded([11, 9, 6, 10, 11, 8], 11).view(2, 3, 11),
}
# Columns of the three separators, by row.
SEPARATORS = {
    "question": [[5, 6, 16], [0, 9, 22], [3, 4, 11]],
    "question-left-padded": [[6, 7, 12], [5, 6, 12]],
    "question-choices": [[3, 4, 10], [2, 3, 8], [1, 2, 5], [4, 5, 9], [3, 4, 10], [0, 1, 7]],
}


class LongformerCase(Model):
    def make_inputs(self, case: str, config, rng: torch.Generator) -> dict:
        inputs = super().make_inputs(case, config, rng)
        ids = inputs["input_ids"]
        if case in SEPARATORS:
            rows = ids.view(-1, ids.shape[-1])
            rows[rows == config.sep_token_id] = 9
            for row, columns in enumerate(SEPARATORS[case]):
                rows[row, columns] = config.sep_token_id
        if case in GLOBALS:
            mask = torch.zeros_like(ids)
            for row, columns in GLOBALS[case].items():
                mask[row, list(columns)] = 1
            inputs["global_attention_mask"] = mask
        return inputs


def as_list(tensors: dict, config: dict) -> None:
    """The window of every layer, as allenai/longformer-base-4096 has it, and what its config says besides."""
    config["attention_window"] = [64] * config["num_hidden_layers"]
    config |= {"attention_mode": "longformer", "ignore_attention_mask": False}


SMALL = {"vocab_size": 97, "hidden_size": 36, "num_attention_heads": 3, "num_hidden_layers": 2, "intermediate_size": 54,
         "max_position_embeddings": 200, "type_vocab_size": 1, "attention_window": 8, "pad_token_id": 1, "sep_token_id": 2}
MODELS = [
    LongformerCase("base-odd", LongformerModel,
                   SMALL | {"vocab_size": 307, "hidden_size": 60, "num_hidden_layers": 3, "intermediate_size": 90,
                            "type_vocab_size": 2, "attention_window": [4, 12, 6]},
                   ["one-token", "ragged", "no-mask", "left-padded", "holes", "empty-row", "token-types", "positions",
                    "padding-ids", ("padding-ids", EMIT), "globals-ragged", ("globals-ragged", EMIT), "globals-left-padded",
                    "globals-holes", "globals-everywhere"],
                   "sizes that fill no vector, a window for each layer; every kind of mask and input; tokens that are global"),
    LongformerCase("base-long", LongformerModel,
                   SMALL | {"vocab_size": 53, "hidden_size": 32, "num_attention_heads": 2, "attention_window": 50,
                            "max_position_embeddings": 1100},
                   ["long", "globals-long", "globals-long-holes", "globals-many"],
                   "windows that end within blocks of queries; more global tokens than a block of keys has"),
    LongformerCase("base-wide", LongformerModel, SMALL | {"attention_window": 64}, ["globals-ragged"],
                   "windows wider than texts; stored as f16, no pooler", pooler=False, stored=torch.float16, edit=as_list),
    LongformerCase("base-defaults", LongformerModel,
                   {"vocab_size": 31, "hidden_size": 24, "intermediate_size": 30, "num_hidden_layers": 1, "pad_token_id": 1},
                   ["ragged", "globals-ragged"],
                   "config fields left out: 12 heads, 512 positions, 2 types, window 512, gelu, epsilon 1e-12",
                   edit=only_fields("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers")),
    LongformerCase("mlm-tied", LongformerForMaskedLM, SMALL | {"hidden_act": "relu"}, ["ragged", "globals-ragged"],
                   "the head's activation is GELU whatever the layers have"),
    LongformerCase("mlm-untied", LongformerForMaskedLM, SMALL | {"tie_word_embeddings": False}, ["globals-holes"],
                   "a decoder of its own"),
    LongformerCase("classes", LongformerForSequenceClassification, SMALL | {"num_labels": 5},
                   ["ragged", "globals-ragged", "long"],
                   "the first column is global where no mask says which are"),
    LongformerCase("tokens", LongformerForTokenClassification, SMALL | {"num_labels": 7}, ["holes", "globals-holes"],
                   "a label for each token"),
    LongformerCase("answers", LongformerForQuestionAnswering, SMALL,
                   ["question", "question-left-padded", "globals-ragged"],
                   "the question is global where no mask says otherwise: what stands before the first of three separators"),
    LongformerCase("choices", LongformerForMultipleChoice, SMALL, ["question-choices"],
                   "what stands behind the first two separators is global"),
]

if __name__ == "__main__":
    make_goldens(pathlib.Path(__file__).resolve().parent / "longformer", MODELS)
