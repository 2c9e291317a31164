#!/usr/bin/env python3
"""Writes tests/goldens/linear-attention: tiny BERT directories with linear attention and random weights, inputs, and what is
computed from them.

Made with Python 3.11, torch==2.13.0, transformers==4.55.4, safetensors==0.8.0, on the CPU:

    python3 tests/goldens/make_linear_attention_goldens.py

Transformers has no such class: `LinearSelfAttention` is what docs/formats/linear-attention.md says, in place of its BERT's
attention; all else is Transformers'. It goes by the definition, with a weight for each query and key. encoder_goldens.py says
how parameters and inputs are made, and which rules are Lathe's.
"""
import functools
import pathlib

import torch
from transformers import (BertForMaskedLM, BertForMultipleChoice, BertForNextSentencePrediction, BertForPreTraining,
                          BertForQuestionAnswering, BertForSequenceClassification, BertForTokenClassification, BertLMHeadModel,
                          BertModel)
from transformers.models.bert import modeling_bert

from encoder_goldens import EMIT, Model, make_goldens


class LinearSelfAttention(modeling_bert.BertSelfAttention):
    def __init__(self, config, position_embedding_type=None, layer_idx=None):
        super().__init__(config, position_embedding_type, layer_idx)
        self.features = config.num_random_features if config.attention_type == "performer" else None
        if self.features:
            self.projection_matrix = torch.nn.Parameter(torch.empty(self.features, self.attention_head_size))

    def phi(self, x: torch.Tensor) -> torch.Tensor:
        if not self.features:
            return torch.nn.functional.elu(x) + 1
        x = x / self.attention_head_size**0.25
        return torch.exp(x @ self.projection_matrix.T - (x**2).sum(-1, keepdim=True) / 2) / self.features**0.5

    def forward(self, hidden_states, attention_mask, *arguments, **others):
        def heads(x: torch.Tensor) -> torch.Tensor:
            return x.unflatten(-1, (self.num_attention_heads, -1)).transpose(1, 2)

        q, k, v = (heads(project(hidden_states)) for project in (self.query, self.key, self.value))
        weights = self.phi(q) @ self.phi(k).transpose(-1, -2)
        weights = weights * (attention_mask[:, :, -1:] == 0)  # what the last query sees are all keys that there are
        if self.is_decoder:
            weights = weights.tril()
        total = weights.sum(-1, keepdim=True)
        context = torch.where(total > 0, weights @ v / total, 0)
        return context.transpose(1, 2).flatten(2), None


modeling_bert.BERT_SELF_ATTENTION_CLASSES["eager"] = LinearSelfAttention


def make_projections(model: torch.nn.Module, gain: float = 1) -> None:
    """N(0, 1), as random features have them; queries and keys so many times larger."""
    for layer in model.base_model.encoder.layer:
        attention = layer.attention.self
        if attention.features:
            attention.projection_matrix.data *= attention.attention_head_size**0.5
            attention.projection_matrix.data = attention.projection_matrix.data.float().double()
        for linear in (attention.query, attention.key):
            linear.weight.data = (gain * linear.weight.data).float().double()


SMALL = {"vocab_size": 97, "hidden_size": 36, "num_attention_heads": 3, "num_hidden_layers": 2, "intermediate_size": 54,
         "max_position_embeddings": 64}
LINEAR = SMALL | {"attention_type": "linear"}
PERFORMER = SMALL | {"attention_type": "performer", "num_random_features": 21}
LinearModel = functools.partial(Model, after=make_projections)
MODELS = [
    LinearModel("linear-odd", BertModel,
                LINEAR | {"vocab_size": 307, "hidden_size": 100, "num_attention_heads": 5, "intermediate_size": 150},
                ["one-token", "ragged", "no-mask", "left-padded", "holes", "empty-row", ("everything", EMIT)],
                "elu + 1; sizes that fill no vector; every kind of mask"),
    LinearModel("linear-long", BertModel,
                LINEAR | {"vocab_size": 53, "hidden_size": 16, "num_attention_heads": 2, "num_hidden_layers": 1,
                          "intermediate_size": 23, "max_position_embeddings": 530},
                ["full-length"], "up to the last position"),
    LinearModel("linear-causal", BertLMHeadModel,
                LINEAR | {"is_decoder": True, "vocab_size": 61, "max_position_embeddings": 170},
                ["one-token", "ragged", "left-padded", ("holes", EMIT), "long"], "a running state"),
    LinearModel("performer-odd", BertModel, PERFORMER,
                ["one-token", "ragged", "no-mask", "left-padded", "holes", "empty-row", ("everything", EMIT)],
                "21 random features of heads of 12"),
    LinearModel("performer-wide", BertModel,
                PERFORMER | {"hidden_size": 128, "num_attention_heads": 2, "num_random_features": 100, "num_hidden_layers": 1},
                ["ragged", "holes"], "100 random features of heads of 64"),
    LinearModel("performer-one", BertModel, PERFORMER | {"num_attention_heads": 1, "num_random_features": 1},
                ["ragged"], "one feature: all keys weigh as they do for any query"),
    LinearModel("performer-far", BertModel, PERFORMER, ["ragged", "left-padded"],
                "queries and keys so large that features lie further apart than f32 reaches",
                after=functools.partial(make_projections, gain=8)),
    LinearModel("performer-long", BertModel,
                PERFORMER | {"vocab_size": 53, "hidden_size": 16, "num_attention_heads": 2, "num_hidden_layers": 1,
                             "intermediate_size": 23, "max_position_embeddings": 530},
                ["full-length"], "up to the last position"),
    LinearModel("performer-causal", BertLMHeadModel,
                PERFORMER | {"is_decoder": True, "vocab_size": 61, "max_position_embeddings": 170},
                ["one-token", "ragged", "left-padded", ("holes", EMIT), "long"], "a running state"),
    LinearModel("performer-causal-far", BertModel, PERFORMER | {"is_decoder": True}, ["ragged", "left-padded"],
                "a running state relative to the largest features so far",
                after=functools.partial(make_projections, gain=8)),
    LinearModel("performer-f16", BertModel, PERFORMER | {"num_random_features": 32}, ["ragged"], "weights stored as f16",
                stored=torch.float16, after=lambda model: None),
    LinearModel("mlm", BertForMaskedLM, LINEAR, ["ragged"], "words"),
    LinearModel("pretraining", BertForPreTraining, PERFORMER, ["ragged"], "both heads"),
    LinearModel("next-sentence", BertForNextSentencePrediction, LINEAR, ["ragged"], "two logits for a pair"),
    LinearModel("classes", BertForSequenceClassification, PERFORMER | {"num_labels": 5}, ["ragged"], "names of classes"),
    LinearModel("tokens", BertForTokenClassification, LINEAR | {"num_labels": 7}, ["holes"], "a label for each token"),
    LinearModel("answers", BertForQuestionAnswering, PERFORMER, ["left-padded"], "start and end"),
    LinearModel("choices", BertForMultipleChoice, LINEAR, ["choices"], "a sequence for each choice"),
]


if __name__ == "__main__":
    make_goldens(pathlib.Path(__file__).resolve().parent / "linear-attention", MODELS)
