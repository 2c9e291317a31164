#!/usr/bin/env python3
"""Writes tests/goldens/bart: tiny BART directories with random weights, inputs, and what Transformers computes.

Made with Python 3.11, torch==2.13.0, transformers==4.55.4, safetensors==0.8.0, on the CPU:

    python3 tests/goldens/make_bart_goldens.py

encoder_goldens.py and seq2seq_goldens.py say how.
"""
import pathlib

import torch
from transformers import (BartForConditionalGeneration, BartForQuestionAnswering, BartForSequenceClassification,
                          BartModel)

from encoder_goldens import EMIT, make_goldens, only_fields
from seq2seq_goldens import Seq2SeqModel

SMALL = {"vocab_size": 97, "d_model": 36, "max_position_embeddings": 64, "encoder_layers": 2, "decoder_layers": 2,
         "encoder_attention_heads": 3, "decoder_attention_heads": 3, "encoder_ffn_dim": 50, "decoder_ffn_dim": 50}
ODD = {"vocab_size": 307, "d_model": 100, "max_position_embeddings": 64, "encoder_layers": 3, "decoder_layers": 2,
       "encoder_attention_heads": 5, "decoder_attention_heads": 4, "encoder_ffn_dim": 70, "decoder_ffn_dim": 130}


def random_bias(model: torch.nn.Module) -> None:
    """A buffer, which is not among the parameters."""
    if hasattr(model, "final_logits_bias"):
        rng = torch.Generator().manual_seed(5)
        shape = model.final_logits_bias.shape
        bias = (0.1 * torch.randn(shape, generator=rng)).bfloat16()  # which every type has
        model.final_logits_bias = bias.to(model.final_logits_bias.dtype)


def shared_thrice(tensors: dict, config: dict) -> None:
    """As some files have the words: under the names of encoder and decoder, too."""
    for name in ("model.encoder.embed_tokens.weight", "model.decoder.embed_tokens.weight"):
        tensors[name] = tensors["model.shared.weight"].clone()


MODELS = [
    Seq2SeqModel("base-odd", BartModel, ODD,
                 ["one-token", "ragged", "holes", "left-padded", "empty-rows", "left-out", "left-out-masked",
                  ("holes", EMIT)], "as published in small, the sides unlike"),
    Seq2SeqModel("base-defaults", BartModel, {"vocab_size": 31, "d_model": 32, "encoder_layers": 1, "decoder_layers": 1,
                                              "encoder_ffn_dim": 24, "decoder_ffn_dim": 24}, ["ragged"],
                 "config fields left out: 16 heads, 1024 positions, gelu", stored=torch.float16,
                 edit=only_fields("vocab_size", "d_model", "encoder_layers", "decoder_layers", "encoder_ffn_dim",
                                  "decoder_ffn_dim")),
    Seq2SeqModel("lm", BartForConditionalGeneration, SMALL, ["ragged", "no-mask", "left-out", ("empty-rows", EMIT)],
                 "the head is the words, with a bias of its own", prepare=random_bias),
    Seq2SeqModel("lm-long", BartForConditionalGeneration, SMALL | {"max_position_embeddings": 200, "vocab_size": 41},
                 ["long"], "many tokens; the words under three names", edit=shared_thrice,
                 prepare=random_bias),
    Seq2SeqModel("lm-untied", BartForConditionalGeneration,
                 SMALL | {"tie_word_embeddings": False, "scale_embedding": True, "activation_function": "silu"},
                 ["left-padded"], "a head of its own, words scaled, SiLU", stored=torch.bfloat16, edit=shared_thrice,
                 prepare=random_bias),
    Seq2SeqModel("classes", BartForSequenceClassification, SMALL | {"num_labels": 5}, ["ends", "ends-given"],
                 "of the target in the column of the text's last end"),
    Seq2SeqModel("answers", BartForQuestionAnswering, SMALL, ["ragged", "left-out"], "start and end among targets"),
]

if __name__ == "__main__":
    make_goldens(pathlib.Path(__file__).resolve().parent / "bart", MODELS)
