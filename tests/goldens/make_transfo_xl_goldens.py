#!/usr/bin/env python3
"""Writes tests/goldens/transfo-xl: tiny Transformer-XL directories with random weights, inputs, and what Transformers
computes.

Made with Python 3.11, torch==2.13.0, transformers==4.55.4, safetensors==0.8.0, on the CPU:

    python3 tests/goldens/make_transfo_xl_goldens.py

encoder_goldens.py says how. Transformers' classes take no mask, so no sequence has padding. Their forward calls
Tensor.type_as with an argument that it does not have, `dtype`, and in float64 masks scores in float32 by the least number
of float64: both fail, and are put right here. Biases that all layers share it would not store: that they are tied is said here.
"""
import dataclasses
import pathlib
import typing

import torch
from transformers.models.deprecated.transfo_xl import (TransfoXLForSequenceClassification, TransfoXLLMHeadModel,
                                                       TransfoXLModel)

from encoder_goldens import ATTEND, EMIT, EMIT_BOTH, Model, make_goldens, only_fields

type_as = torch.Tensor.type_as
torch.Tensor.type_as = lambda self, other=None, dtype=None: self.to(dtype) if dtype else type_as(self, other)
masked_fill = torch.Tensor.masked_fill
torch.Tensor.masked_fill = lambda self, mask, value: masked_fill(self, mask, max(value, torch.finfo(self.dtype).min))
TransfoXLModel._tied_weights_keys = [r"layers\.\d+\.dec_attn\.r_[rw]_bias"]

SHAPES = {"one-token": (2, 1), "two": (2, 2), "some": (3, 13), "long": (2, 70), "alone": (1, 9), "padding-ids": (3, 8)}
# Rows that each sequence remembers, and the shape of what follows.
MEMORIES = {"remembers": (4, "some"), "remembers-more": (21, "two"), "remembers-for-one": (8, "one-token")}
SMALL = {"vocab_size": 97, "cutoffs": [20, 51], "d_model": 36, "d_embed": 36, "n_head": 3, "d_head": 12, "d_inner": 50,
         "n_layer": 2, "mem_len": 5, "div_val": 2, "clamp_len": -1, "same_length": False}


@dataclasses.dataclass
class TransfoXl(Model):
    # Some of its parameters are made in f32, whatever type is asked for.
    prepare: typing.Callable = lambda model: model.to(model.base_model.word_emb.emb_layers[0].weight.dtype)

    def __post_init__(self):
        self.omitted_memory = self.config.get("mem_len", 1600)

    def make_inputs(self, case, config, rng):
        length, shape = MEMORIES.get(case, (0, "some" if case == "second-segment" else case))
        draw = lambda: torch.randint(0, config.vocab_size, SHAPES[shape], generator=rng)
        inputs = {"input_ids": draw()}
        if case == "padding-ids":  # Transformers looks for the first
            ids = inputs["input_ids"]
            ids[ids == config.pad_token_id] += 1
            ids[0, 5:] = ids[1, 7:] = config.pad_token_id
        if case == "second-segment":
            with torch.no_grad():
                memories = self.network.base_model(draw()).mems
            return inputs | {f"mems.{i}": value.float() for i, value in enumerate(memories)}
        remembered = lambda: torch.randn(length, SHAPES[shape][0], config.d_model, generator=rng)
        return inputs | ({f"mems.{i}": remembered() for i in range(config.n_layer)} if length else {})


MODELS = [
    TransfoXl("base-odd", TransfoXLModel,
              SMALL | {"vocab_size": 307, "cutoffs": [51, 170], "d_model": 60, "d_embed": 50, "n_head": 5, "d_head": 20,
                       "d_inner": 130, "n_layer": 3, "mem_len": 9, "div_val": 3},
              ["one-token", "some", "long", "remembers", "remembers-more", "remembers-for-one", "second-segment",
               ("remembers", EMIT)],
              "heads wider than the model, three clusters with embeddings of 50, 16 and 5"),
    TransfoXl("base-published", TransfoXLModel, SMALL | {"clamp_len": 6, "same_length": True, "mem_len": 11},
              ["one-token", "some", "long", "remembers", "remembers-more", "second-segment"],
              "all tokens see as many before them; distances beyond 6 count as 6"),
    TransfoXl("base-same-length", TransfoXLModel, SMALL | {"same_length": True, "untie_r": False},
              ["some", "remembers-more"], "biases that all layers share, which Transformers cannot store itself",
              loads_in_transformers=False),
    TransfoXl("base-norm-first", TransfoXLModel, SMALL | {"pre_lnorm": True, "layer_norm_epsilon": 0.1, "clamp_len": 40},
              ["some", "remembers", ("some", EMIT)], "normalised before each part, with another epsilon"),
    TransfoXl("base-forgets", TransfoXLModel, SMALL | {"mem_len": 0}, ["one-token", "some"],
              "neither takes zeros for memories, nor gives any"),
    TransfoXl("base-flat", TransfoXLModel, SMALL | {"div_val": 1, "d_embed": 23}, ["some"],
              "embeddings of one width, which is not the model's"),
    TransfoXl("base-defaults", TransfoXLModel, SMALL | {"n_layer": 1, "div_val": 4, "clamp_len": 1000, "same_length": True},
              ["some"], "config fields left out: clamped distances, narrower clusters; frequencies are in the file, too",
              stored=torch.float16, edited_weights=True,
              edit=only_fields("vocab_size", "cutoffs", "d_model", "d_embed", "n_head", "d_head", "d_inner", "n_layer",
                               "mem_len")),
    TransfoXl("lm-tied", TransfoXLLMHeadModel, SMALL, ["one-token", "remembers", ("some", EMIT_BOTH), ("remembers", ATTEND)],
              "all projections but the first are the embeddings'"),
    TransfoXl("lm-untied", TransfoXLLMHeadModel, SMALL | {"tie_word_embeddings": False, "proj_share_all_but_first": False},
              ["some"], "words and projections of its own", stored=torch.bfloat16, edited_weights=True),
    TransfoXl("lm-flat", TransfoXLLMHeadModel, SMALL | {"div_val": 1}, ["some", "remembers"], "embeddings of one width"),
    TransfoXl("lm-flat-projected", TransfoXLLMHeadModel, SMALL | {"div_val": 1, "d_embed": 23}, ["some"],
              "likewise, projected"),
    TransfoXl("lm-one-cluster", TransfoXLLMHeadModel, SMALL | {"cutoffs": [], "div_val": 1}, ["some"], "one softmax"),
    TransfoXl("classes", TransfoXLForSequenceClassification, SMALL | {"num_labels": 5, "pad_token_id": 3},
              ["padding-ids", "remembers"], "the token before the first padding, or the last one", reads_first=False),
    TransfoXl("classes-alone", TransfoXLForSequenceClassification, SMALL | {"num_labels": 1}, ["alone"],
              "the last token", reads_first=False),
]

if __name__ == "__main__":
    make_goldens(pathlib.Path(__file__).resolve().parent / "transfo-xl", MODELS)
