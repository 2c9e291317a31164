#!/usr/bin/env python3
"""Writes tests/goldens/t5: tiny T5 directories with random weights, inputs, and what Transformers computes.

Made with Python 3.11, torch==2.13.0, transformers==4.55.4, safetensors==0.8.0, on the CPU:

    python3 tests/goldens/make_t5_goldens.py

encoder_goldens.py and seq2seq_goldens.py say how. No target that is masked is the first of its row: Transformers' T5
computes scores of targets that see none in f32, where f64's least number is no number, and spreads that.
"""
import pathlib

import torch
from transformers import (T5EncoderModel, T5ForConditionalGeneration, T5ForQuestionAnswering, T5ForSequenceClassification,
                          T5ForTokenClassification, T5Model)

from encoder_goldens import EMIT, Model, make_goldens, only_fields
from seq2seq_goldens import Seq2SeqModel, small_queries

START = {"decoder_start_token_id": 0}
SMALL = START | {"vocab_size": 97, "d_model": 36, "d_kv": 10, "d_ff": 50, "num_layers": 2, "num_heads": 3}
ODD = START | {"vocab_size": 307, "d_model": 100, "d_kv": 20, "d_ff": 70, "num_layers": 3, "num_decoder_layers": 2,
               "num_heads": 4}
BUCKETS = {"relative_attention_num_buckets": 8, "relative_attention_max_distance": 20}


MODELS = [
    Seq2SeqModel("base-odd", T5Model, ODD,
                 ["one-token", "ragged", "holes", "source-left-padded", "empty-rows", ("holes", EMIT)],
                 "as published in small: heads that are not the width's parts"),
    Seq2SeqModel("base-defaults", T5Model, {"vocab_size": 31, "d_model": 24, "d_kv": 4, "d_ff": 16, "num_layers": 1},
                 ["ragged"], "config fields left out: 8 heads, 32 buckets, ReLU", stored=torch.bfloat16,
                 edit=only_fields("vocab_size", "d_model", "d_kv", "d_ff", "num_layers")),
    Seq2SeqModel("lm", T5ForConditionalGeneration, SMALL, ["ragged", "no-mask", ("empty-rows", EMIT)],
                 "the head is the words, and what it reads is scaled"),
    Seq2SeqModel("lm-gated", T5ForConditionalGeneration,
                 SMALL | BUCKETS | {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False},
                 ["holes", "long"], "version 1.1: a gated inner layer, a head of its own; few buckets, many tokens"),
    Seq2SeqModel("lm-long", T5ForConditionalGeneration, SMALL | {"vocab_size": 41, "feed_forward_proj": "gated-silu"},
                 ["long"], "distances beyond the furthest", stored=torch.bfloat16),
    Seq2SeqModel("classes", T5ForSequenceClassification, SMALL | {"num_labels": 5}, ["ends", "ends-given"],
                 "of the target in the column of the text's last end"),
    Seq2SeqModel("answers", T5ForQuestionAnswering, SMALL, ["ragged", "left-out"], "start and end among targets"),
    Model("tokens", T5ForTokenClassification, SMALL | {"num_labels": 7}, ["ragged", "holes"],
          "a label for each token of the encoder", pooler=True),
    Model("encoder", T5EncoderModel, SMALL, ["ragged", "left-padded", ("holes", EMIT)], "the encoder alone"),
]

for entry in MODELS:
    entry.after = small_queries

if __name__ == "__main__":
    make_goldens(pathlib.Path(__file__).resolve().parent / "t5", MODELS)
