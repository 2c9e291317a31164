#!/usr/bin/env python3
"""Writes tests/goldens/m2m100: tiny M2M-100 directories with random weights, inputs, and what Transformers computes.

Made with Python 3.11, torch==2.13.0, transformers==4.55.4, safetensors==0.8.0, on the CPU:

    python3 tests/goldens/make_m2m100_goldens.py

encoder_goldens.py and seq2seq_goldens.py say how. NLLB is the same network.
"""
import pathlib

from transformers import M2M100ForConditionalGeneration, M2M100Model

from encoder_goldens import EMIT, make_goldens, only_fields
from make_bart_goldens import ODD, SMALL
from seq2seq_goldens import Seq2SeqModel

ODD = {**ODD, "d_model": 96, "encoder_attention_heads": 4}

MODELS = [
    Seq2SeqModel("base-odd", M2M100Model, ODD,
                 ["one-token", "ragged", "holes", "left-padded", "empty-rows", "padding-ids", ("holes", EMIT)],
                 "as published in small, the sides unlike; padding among ids, where positions stay"),
    Seq2SeqModel("base-defaults", M2M100Model,
                 {"vocab_size": 31, "d_model": 32, "encoder_layers": 1, "decoder_layers": 1, "encoder_ffn_dim": 24,
                  "decoder_ffn_dim": 24, "max_position_embeddings": 40}, ["ragged"],
                 "config fields left out: 16 heads, ReLU, words scaled",
                 edit=only_fields("vocab_size", "d_model", "encoder_layers", "decoder_layers", "encoder_ffn_dim",
                                  "decoder_ffn_dim", "max_position_embeddings")),
    Seq2SeqModel("lm", M2M100ForConditionalGeneration, SMALL | {"scale_embedding": False, "activation_function": "gelu"},
                 ["ragged", "no-mask", ("empty-rows", EMIT), "padding-ids"], "the head is the words"),
]

if __name__ == "__main__":
    make_goldens(pathlib.Path(__file__).resolve().parent / "m2m100", MODELS)
