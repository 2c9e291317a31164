#!/usr/bin/env python3
"""Writes tests/goldens/reformer: tiny Reformer directories with random weights, inputs, and what Transformers computes.

Made with Python 3.11, torch==2.13.0, transformers==4.55.4, safetensors==0.8.0, on the CPU:

    python3 tests/goldens/make_reformer_goldens.py

encoder_goldens.py says how. Two things differ from other families. Logarithms of sums near -1e5 are rounded, so what is expected is
computed in float32, with a look at float64 that every bucket is a clear decision; rotations are drawn in float32 in either. And Transformers gives hidden states of the padding that it adds itself, which is left out here.

Without a hash_seed Transformers draws other rotations at each call; Lathe's are those of a seed that is the layer's number.
"""
import copy
import pathlib

import torch
from transformers import (ReformerForMaskedLM, ReformerForQuestionAnswering, ReformerForSequenceClassification, ReformerModel,
                          ReformerModelWithLMHead)
from transformers.models.reformer import modeling_reformer

from encoder_goldens import EMIT, MASKS, Model, forward, make_goldens, mask_of, relative_error, right_padded

MASKS |= {
    "chunk": lambda c: right_padded([4, 2], 4),
    "above-chunk": lambda c: right_padded([5, 5], 5),
    "whole-chunks": lambda c: right_padded([24, 13], 24),
    "rotations": MASKS["ragged"],
    "rotations-left-padded": MASKS["left-padded"],
    "most-masked": lambda c: mask_of(["000000000000000100000000", "111100000000000000001111"]),
}

ROTATIONS = "random_rotations."


class Hashing(modeling_reformer.LSHSelfAttention):
    """With given rotations, or else with those that it draws in float32, whatever it computes in."""
    given = None

    def _hash_vectors(self, vectors, *arguments, **options):
        draw = torch.randn

        def rotations(shape, device, dtype):
            return (draw(shape, device=device) if self.given is None else self.given).to(dtype)

        torch.randn = rotations
        try:
            return super()._hash_vectors(vectors, *arguments, **options)
        finally:
            torch.randn = draw


modeling_reformer.LSHSelfAttention = Hashing


class ReformerCase(Model):
    def make_inputs(self, case: str, config, rng: torch.Generator) -> dict:
        inputs = super().make_inputs(case, config, rng)
        for layer, kind in enumerate(config.attn_layers if case.startswith("rotations") else []):
            if kind == "lsh" and layer != 1:  # which keeps its own
                columns = sum(config.num_buckets) // 2 if isinstance(config.num_buckets, tuple) else config.num_buckets // 2
                inputs[f"{ROTATIONS}{layer}"] = torch.randn(config.num_attention_heads, config.attention_head_size,
                                                            config.num_hashes, columns, generator=rng)
        return inputs

    def forward(self, model: torch.nn.Module, inputs: dict, flags: tuple) -> dict:
        model = copy.deepcopy(model)
        rotations = {name: value for name, value in inputs.items() if name.startswith(ROTATIONS)}
        inputs = {name: value for name, value in inputs.items() if name not in rotations}
        for index, layer in enumerate(model.base_model.encoder.layers):
            attention = layer.attention.self_attention
            if getattr(attention, "hash_seed", 0) is None:
                attention.hash_seed = index
            attention.given = rotations.get(f"{ROTATIONS}{index}")
        columns = inputs["input_ids"].shape[-1]

        def compute(dtype: torch.dtype) -> dict:
            outputs = raw_forward(self, model.to(dtype), inputs, flags)
            return {name: value[:, :columns] if value.dim() == 3 else value for name, value in outputs.items()}

        if model.dtype != torch.float64:
            return compute(model.dtype)
        exact = compute(torch.float64)
        expected = {name: value.double() for name, value in compute(torch.float32).items()}
        # Two rounds in which a token sees nothing but itself have weights of 0.4989.
        assert relative_error(expected, exact) < 5e-3, f"{self.name}: float32 finds other buckets"
        return expected


def raw_forward(entry: Model, model: torch.nn.Module, inputs: dict, flags: tuple) -> dict:
    """`forward`, whose rules for the mask are of the caller's columns."""

    class Cut(torch.nn.Module):
        """The model without what it pads."""
        def __init__(self):
            super().__init__()
            self.base_model, self.config, self.dtype = self, model.config, model.dtype

        def forward(self, **given):
            result = (model.base_model if entry.is_base(flags) else model)(**given)
            if result.get("hidden_states"):
                result.hidden_states = tuple(x[:, :inputs["input_ids"].shape[-1]] for x in result.hidden_states)
            return result

    return forward(entry, Cut(), inputs, flags)


SMALL = {"vocab_size": 53, "hidden_size": 24, "num_attention_heads": 3, "attention_head_size": 5, "feed_forward_size": 30,
         "max_position_embeddings": 96, "axial_pos_shape": [8, 12], "axial_pos_embds_dim": [7, 17], "hash_seed": 7,
         "lsh_attn_chunk_length": 4, "local_attn_chunk_length": 4, "num_buckets": 4, "num_hashes": 2,
         "attn_layers": ["local", "lsh"]}
PLAIN = {"axial_pos_embds": False}
MIXED = SMALL | {"attn_layers": ["local", "lsh", "lsh", "local"], "local_attn_chunk_length": 6, "num_hashes": 3,
                 "num_buckets": [2, 4]}
MODELS = [
    ReformerCase("hashed", ReformerModel, SMALL | {"attn_layers": ["lsh", "lsh"]},
                 ["one-token", "ragged", ("ragged", EMIT), "no-mask", "left-padded", "holes", "empty-row", "chunk", "above-chunk",
                  "whole-chunks", "most-masked", "positions"],
                 "two rounds; every kind of mask, rows of fewer places than a chunk and of as many"),
    ReformerCase("local", ReformerModel,
                 SMALL | PLAIN | {"attn_layers": ["local", "local"], "local_attn_chunk_length": 5, "local_num_chunks_after": 1},
                 ["one-token", "ragged", "left-padded", "holes", ("above-chunk", EMIT), "most-masked"],
                 "chunks of columns, seen around the end; positions in a table"),
    ReformerCase("mixed", ReformerModel, MIXED | {"lsh_num_chunks_before": 2, "lsh_num_chunks_after": 1, "hidden_act": "gelu"},
                 ["ragged", "left-padded", "above-chunk", ("most-masked", EMIT)],
                 "chunks of two lengths, which rows are padded for; three rounds, buckets of two factors"),
    ReformerCase("around", ReformerModel,
                 SMALL | {"lsh_num_chunks_before": 3, "local_num_chunks_before": 3, "local_num_chunks_after": 4, "num_hashes": 1},
                 ["above-chunk", "holes"], "more chunks before and after than there are"),
    ReformerCase("alone", ReformerModel,
                 SMALL | {"lsh_num_chunks_before": 0, "local_num_chunks_before": 0, "hash_seed": None, "num_buckets": [6]},
                 ["ragged", "left-padded"], "no chunks but the own; without a seed"),
    ReformerCase("wide", ReformerModel,
                 SMALL | {"num_attention_heads": 2, "attention_head_size": 20, "lsh_attn_chunk_length": 48,
                          "local_attn_chunk_length": 16, "max_position_embeddings": 200, "axial_pos_shape": [4, 50],
                          "num_buckets": [4, 6], "attn_layers": ["lsh", "local", "lsh"]},
                 ["long", "long-holes"], "chunks that fill vectors; stored as f16", stored=torch.float16),
    ReformerCase("causal", ReformerModelWithLMHead, MIXED | {"is_decoder": True},
                 ["ragged", "left-padded", "holes", ("above-chunk", EMIT), "one-token"],
                 "a language model: tokens see none behind them, the first one nothing but itself"),
    ReformerCase("mlm", ReformerForMaskedLM, SMALL, ["ragged"], "fills in masks"),
    ReformerCase("classes", ReformerForSequenceClassification, SMALL | PLAIN | {"num_labels": 5}, ["ragged", "whole-chunks"],
                 "one of several"),
    ReformerCase("answers", ReformerForQuestionAnswering, SMALL | {"is_decoder": True, "local_num_chunks_after": 1}, ["left-padded"],
                 "where answers begin and end, by a causal model that looks ahead in vain"),
    ReformerCase("given", ReformerModel, MIXED | {"hash_seed": None}, ["rotations", "rotations-left-padded"],
                 "rotations that are given for all layers but one"),
]

if __name__ == "__main__":
    make_goldens(pathlib.Path(__file__).resolve().parent / "reformer", MODELS)
