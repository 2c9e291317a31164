#!/usr/bin/env python3
"""Writes tests/goldens/pegasus: tiny PEGASUS directories with random weights, inputs, and what Transformers computes.

Made with Python 3.11, torch==2.13.0, transformers==4.55.4, safetensors==0.8.0, on the CPU:

    python3 tests/goldens/make_pegasus_goldens.py

encoder_goldens.py and seq2seq_goldens.py say how. Positions are no weights: Transformers computes them.
"""
import pathlib

from transformers import PegasusForConditionalGeneration, PegasusModel

from encoder_goldens import EMIT, make_goldens, only_fields
from make_bart_goldens import ODD, SMALL, random_bias
from seq2seq_goldens import Seq2SeqModel, sinusoids


MODELS = [
    Seq2SeqModel("base-odd", PegasusModel, ODD,
                 ["one-token", "ragged", "holes", "left-padded", "empty-rows", ("holes", EMIT)],
                 "as published in small, the sides unlike", after=sinusoids),
    Seq2SeqModel("base-defaults", PegasusModel,
                 {"vocab_size": 31, "d_model": 32, "encoder_layers": 1, "decoder_layers": 1, "encoder_ffn_dim": 24,
                  "decoder_ffn_dim": 24, "max_position_embeddings": 40}, ["ragged"],
                 "config fields left out: 16 heads, gelu", after=sinusoids,
                 edit=only_fields("vocab_size", "d_model", "encoder_layers", "decoder_layers", "encoder_ffn_dim",
                                  "decoder_ffn_dim", "max_position_embeddings")),
    Seq2SeqModel("lm", PegasusForConditionalGeneration, SMALL | {"scale_embedding": True, "activation_function": "relu"},
                 ["ragged", "no-mask", "left-padded", "holes", ("empty-rows", EMIT)], "the head is the words, with a bias of its own",
                 prepare=random_bias, after=sinusoids),
]

if __name__ == "__main__":
    make_goldens(pathlib.Path(__file__).resolve().parent / "pegasus", MODELS)
