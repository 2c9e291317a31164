#!/usr/bin/env python3
"""Writes tests/goldens/mbart: tiny mBART directories with random weights, inputs, and what Transformers computes.

Made with Python 3.11, torch==2.13.0, transformers==4.55.4, safetensors==0.8.0, on the CPU:

    python3 tests/goldens/make_mbart_goldens.py

encoder_goldens.py and seq2seq_goldens.py say how.
"""
import pathlib

from transformers import (MBartForConditionalGeneration, MBartForQuestionAnswering, MBartForSequenceClassification,
                          MBartModel)

from encoder_goldens import EMIT, make_goldens, only_fields
from make_bart_goldens import ODD, SMALL, random_bias
from seq2seq_goldens import Seq2SeqModel


MODELS = [
    Seq2SeqModel("base-odd", MBartModel, ODD,
                 ["one-token", "ragged", "holes", "left-padded", "empty-rows", "left-out-padding", ("holes", EMIT)],
                 "as published in small, the sides unlike"),
    Seq2SeqModel("base-defaults", MBartModel, {"vocab_size": 31, "d_model": 32, "encoder_layers": 1, "decoder_layers": 1,
                                               "encoder_ffn_dim": 24, "decoder_ffn_dim": 24}, ["ragged"],
                 "config fields left out: 16 heads, 1024 positions, gelu",
                 edit=only_fields("vocab_size", "d_model", "encoder_layers", "decoder_layers", "encoder_ffn_dim",
                                  "decoder_ffn_dim")),
    Seq2SeqModel("lm", MBartForConditionalGeneration, SMALL, ["ragged", "left-out-padding", ("empty-rows", EMIT)],
                 "the head is the words, with a bias of its own", prepare=random_bias),
    Seq2SeqModel("classes", MBartForSequenceClassification, SMALL | {"num_labels": 5}, ["ends-given"],
                 "of the target in the column of the text's last end"),
    Seq2SeqModel("answers", MBartForQuestionAnswering, SMALL, ["ragged", "left-out-padding"],
                 "start and end among targets"),
]

if __name__ == "__main__":
    make_goldens(pathlib.Path(__file__).resolve().parent / "mbart", MODELS)
