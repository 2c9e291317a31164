#!/usr/bin/env python3
"""Writes tests/goldens/marian: tiny Marian directories with random weights, inputs, and what Transformers computes.

Made with Python 3.11, torch==2.13.0, transformers==4.55.4, safetensors==0.8.0, on the CPU:

    python3 tests/goldens/make_marian_goldens.py

encoder_goldens.py and seq2seq_goldens.py say how. Positions are no weights: Transformers computes them.
"""
import pathlib

from transformers import MarianModel, MarianMTModel

from encoder_goldens import EMIT, make_goldens, only_fields
from make_bart_goldens import ODD, SMALL, random_bias
from seq2seq_goldens import Seq2SeqModel, sinusoids

IDS = {"pad_token_id": 96, "eos_token_id": 0, "decoder_start_token_id": 96, "forced_eos_token_id": 0}


MODELS = [
    Seq2SeqModel("base-odd", MarianModel, ODD | IDS,
                 ["one-token", "ragged", "holes", "left-padded", "empty-rows", ("holes", EMIT)],
                 "as published in small, the sides unlike", after=sinusoids),
    Seq2SeqModel("base-defaults", MarianModel,
                 {"vocab_size": 31, "d_model": 32, "encoder_layers": 1, "decoder_layers": 1, "encoder_ffn_dim": 24,
                  "decoder_ffn_dim": 24, "max_position_embeddings": 40, "pad_token_id": 30}, ["ragged"],
                 "config fields left out: 16 heads, gelu", after=sinusoids,
                 edit=only_fields("vocab_size", "d_model", "encoder_layers", "decoder_layers", "encoder_ffn_dim",
                                  "decoder_ffn_dim", "max_position_embeddings", "pad_token_id")),
    Seq2SeqModel("lm", MarianMTModel, SMALL | IDS | {"scale_embedding": True, "activation_function": "swish"},
                 ["ragged", "no-mask", "left-padded", ("empty-rows", EMIT)],
                 "the head is the words, scaled, with a bias of its own", prepare=random_bias, after=sinusoids),
    Seq2SeqModel("lm-unshared", MarianMTModel,
                 SMALL | IDS | {"share_encoder_decoder_embeddings": False}, ["holes"], "words of its own on either side", prepare=random_bias, after=sinusoids),
    Seq2SeqModel("lm-long", MarianMTModel, SMALL | IDS | {"max_position_embeddings": 200}, ["long"], "many tokens",
                 prepare=random_bias, after=sinusoids),
]

if __name__ == "__main__":
    make_goldens(pathlib.Path(__file__).resolve().parent / "marian", MODELS)
