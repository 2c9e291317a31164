#!/usr/bin/env python3
"""Writes tests/goldens/xlnet: tiny XLNet directories with random weights, inputs, and what Transformers computes.

Made with Python 3.11, torch==2.13.0, transformers==4.55.4, safetensors==0.8.0, on the CPU:

    python3 tests/goldens/make_xlnet_goldens.py

encoder_goldens.py says how. What reads a whole text reads its last column, or its mean, which Transformers takes of padding,
too: such cases have none.
"""
import dataclasses
import math
import pathlib
import typing

import torch
from transformers import (XLNetForMultipleChoice, XLNetForQuestionAnsweringSimple, XLNetForSequenceClassification,
                          XLNetForTokenClassification, XLNetLMHeadModel, XLNetModel)

from encoder_goldens import ATTEND, EMIT, EMIT_BOTH, MASKS, Model, make_goldens, make_inputs, mask_of, only_fields

MASKS["left-ragged"] = lambda c: mask_of(["00000111111", "11111111111", "00000000001"])
MASKS["full-choices"] = lambda c: mask_of(["1111111"] * 6).view(2, 3, 7)
MASKS["holes-alone"] = lambda c: mask_of(["0011011001110"])
SMALL = {"vocab_size": 97, "d_model": 36, "n_head": 3, "n_layer": 2, "d_inner": 50, "mem_len": 5}
# Rows that each sequence remembers, and which columns follow: shorter and longer than these, and one token.
MEMORIES = {"remembers": (4, "ragged"), "remembers-more": (21, "everything"), "remembers-for-one": (3, "one-token"),
            "remembers-alone": (6, "holes-alone"), "remembers-choices": (3, "full-choices")}


@dataclasses.dataclass
class Xlnet(Model):
    after: typing.Callable = lambda model: as_published(model)
    # Some of its parameters stay in f32, whatever type they are loaded in.
    prepare: typing.Callable = lambda model: model.to(model.get_input_embeddings().weight.dtype)

    def make_inputs(self, case, config, rng):
        if case in MEMORIES:
            length, like = MEMORIES[case]
            inputs = self.make_inputs(like, config, rng)
            sequences = inputs["input_ids"].flatten(0, -2).shape[0]
            draw = lambda: torch.randn(length, sequences, config.d_model, generator=rng)
            return inputs | {f"mems.{i}": draw() for i in range(config.n_layer)}
        if case == "second-segment":  # behind another one
            inputs, before = self.make_inputs("no-mask", config, rng), self.make_inputs("no-mask", config, rng)
            with torch.no_grad():
                memories = self.network.base_model(**before).mems
            return inputs | {f"mems.{i}": value.float() for i, value in enumerate(memories)}
        mask = {"segments": "ragged", "token-types": "left-padded", "everything": "holes"}.get(case, case)
        inputs = make_inputs(mask, config, rng)
        if case in ("segments", "token-types", "everything"):  # any numbers: what counts is which are equal
            types = torch.tensor([0, 2, 3, 15] if case == "segments" else [0, 1])
            inputs["token_type_ids"] = types[torch.randint(0, len(types), inputs["input_ids"].shape, generator=rng)]
        return inputs


def as_published(model: torch.nn.Module) -> None:
    """Products have a third axis here, so their fan-in is another; by powers of two, which leave numbers what they are in
    any type."""
    for name, parameter in model.named_parameters():
        end = name.rpartition(".")[2]
        if end in ("q", "k", "v", "o", "r"):
            parameter.data *= 2.0 ** round(math.log2(math.sqrt(parameter.shape[1] / parameter.shape[0])))
        if end in ("mask_emb",) or name.endswith("word_embedding.weight"):
            parameter.data *= 4


def without_summary_fields(tensors: dict, config: dict) -> None:
    for field in ("summary_type", "summary_activation", "summary_use_proj"):
        config.pop(field, None)


MODELS = [
    Xlnet("base-odd", XLNetModel,
          {"vocab_size": 307, "d_model": 100, "n_head": 5, "n_layer": 3, "d_inner": 130, "mem_len": 9},
          ["one-token", "ragged", "no-mask", "left-padded", "holes", "empty-row", "token-types", "segments", "everything",
           "long", ("everything", EMIT), "remembers", "remembers-more", "remembers-for-one", "second-segment"],
          "as published in small; segments given and left out; with and without memories"),
    Xlnet("base-wide-eps", XLNetModel, SMALL | {"layer_norm_eps": 0.1, "ff_activation": "relu"}, ["left-padded"],
          "another epsilon and activation"),
    Xlnet("base-causal", XLNetModel, SMALL | {"attn_type": "uni"}, ["one-token", "no-mask", "holes-alone", "remembers-alone"],
          "a word sees none behind it; Transformers takes a mask with a single row only"),
    Xlnet("base-clamped", XLNetModel, SMALL | {"clamp_len": 5}, ["one-token", "ragged", "left-padded", "everything",
                                                                 "remembers-more"], "distances beyond 5 count as 5"),
    Xlnet("base-clamped-causal", XLNetModel, SMALL | {"clamp_len": 3, "attn_type": "uni"}, ["holes-alone", "remembers-alone"],
          "both"),
    Xlnet("base-forgets", XLNetModel, SMALL | {"use_mems_eval": False}, ["ragged"], "gives no memories"),
    Xlnet("base-remembers-all", XLNetModel, SMALL | {"mem_len": None}, ["remembers", "left-padded"],
          "gives all that it was given, and what it is given now"),
    Xlnet("base-defaults", XLNetModel, {"vocab_size": 31, "d_model": 32, "n_layer": 1, "d_inner": 4096}, ["ragged"],
          "config fields left out: 16 heads, 4096 inside, GELU, epsilon 1e-12", stored=torch.float16,
          edit=only_fields("vocab_size", "d_model", "n_layer")),
    Xlnet("lm-tied", XLNetLMHeadModel, SMALL, ["ragged", ("everything", EMIT_BOTH), ("holes", ATTEND), ("remembers", ATTEND)],
          "the decoder is the word embedding, with a bias"),
    Xlnet("lm-untied", XLNetLMHeadModel, SMALL | {"tie_word_embeddings": False}, ["left-padded"], "a decoder of its own",
          stored=torch.bfloat16),
    Xlnet("classes", XLNetForSequenceClassification, SMALL | {"num_labels": 5}, ["no-mask", "left-ragged"],
          "the last column, a linear layer and tanh", reads_first=False, edit=without_summary_fields),
    Xlnet("classes-first", XLNetForSequenceClassification,
          SMALL | {"num_labels": 1, "summary_type": "first", "summary_activation": None}, ["ragged"],
          "the first column, without an activation"),
    Xlnet("classes-mean", XLNetForSequenceClassification,
          SMALL | {"num_labels": 3, "summary_type": "mean", "summary_use_proj": False}, ["no-mask"],
          "the mean, without a linear layer", reads_first=False),
    Xlnet("tokens", XLNetForTokenClassification, SMALL | {"num_labels": 7}, ["holes"], "a label for each token"),
    Xlnet("answers", XLNetForQuestionAnsweringSimple, SMALL, ["ragged"], "start and end"),
    Xlnet("choices", XLNetForMultipleChoice, SMALL, ["full-choices", "remembers-choices"], "a number for each choice"),
]

if __name__ == "__main__":
    make_goldens(pathlib.Path(__file__).resolve().parent / "xlnet", MODELS)
