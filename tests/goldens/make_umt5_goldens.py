#!/usr/bin/env python3
"""Writes tests/goldens/umt5: tiny UMT5 directories with random weights, inputs, and what Transformers computes.

Made with Python 3.11, torch==2.13.0, transformers==4.55.4, safetensors==0.8.0, on the CPU:

    python3 tests/goldens/make_umt5_goldens.py

encoder_goldens.py and seq2seq_goldens.py say how. Each layer has a table of biases.
"""
import pathlib

from transformers import (UMT5EncoderModel, UMT5ForConditionalGeneration, UMT5ForQuestionAnswering,
                          UMT5ForSequenceClassification, UMT5ForTokenClassification, UMT5Model)

from encoder_goldens import EMIT, Model, make_goldens, only_fields
from make_t5_goldens import ODD, SMALL
from seq2seq_goldens import Seq2SeqModel, small_queries

MODELS = [
    Seq2SeqModel("base-odd", UMT5Model, ODD, ["one-token", "ragged", "holes", "empty-rows", ("holes", EMIT)],
                 "as published in small"),
    Seq2SeqModel("base-defaults", UMT5Model, {"vocab_size": 31, "d_model": 24, "d_kv": 4, "d_ff": 16, "num_layers": 1},
                 ["ragged"], "config fields left out: 6 heads, 32 buckets, a gated inner layer",
                 edit=only_fields("vocab_size", "d_model", "d_kv", "d_ff", "num_layers")),
    Seq2SeqModel("lm", UMT5ForConditionalGeneration, SMALL, ["ragged", "source-left-padded", ("empty-rows", EMIT)],
                 "as the config class has the head"),
    Seq2SeqModel("classes", UMT5ForSequenceClassification, SMALL | {"num_labels": 5}, ["ends-given"],
                 "of the target in the column of the text's last end"),
    Seq2SeqModel("answers", UMT5ForQuestionAnswering, SMALL, ["ragged"], "start and end among targets"),
    Model("tokens", UMT5ForTokenClassification, SMALL | {"num_labels": 7}, ["holes"],
          "a label for each token of the encoder"),
    Model("encoder", UMT5EncoderModel, SMALL, ["ragged"], "the encoder alone"),
]

for entry in MODELS:
    entry.after = small_queries

if __name__ == "__main__":
    make_goldens(pathlib.Path(__file__).resolve().parent / "umt5", MODELS)
