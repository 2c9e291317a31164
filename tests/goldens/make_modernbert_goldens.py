#!/usr/bin/env python3
"""Writes tests/goldens/modernbert: tiny ModernBERT directories with random weights, inputs, and what Transformers computes.

Made with Python 3.11, torch==2.13.0, transformers==4.55.4, safetensors==0.8.0, on the CPU:

    python3 tests/goldens/make_modernbert_goldens.py

encoder_goldens.py says how. Attention is "sdpa": the eager one computes its softmax in float32, where float64's most negative
number is -inf, and NaNs of padding reach tokens. The last of hidden_states.N is that of Transformers 5, behind the final norm; version 4 has what
the norm reads. Windows are so narrow that they matter; they go by columns, holes included.
"""
import pathlib

import torch
from transformers import (ModernBertForMaskedLM, ModernBertForMultipleChoice, ModernBertForQuestionAnswering,
                          ModernBertForSequenceClassification, ModernBertForTokenClassification, ModernBertModel)

from encoder_goldens import ATTEND, EMIT, Model, make_goldens, only_fields


def normed_last(network: ModernBertModel):
    """To be called before a forward; the result, called behind it with version 4's states, gives version 5's."""
    normed = []
    hook = network.final_norm.register_forward_hook(lambda module, arguments, result: normed.append((arguments[0], result)))

    def captured(version_4: tuple) -> list:
        hook.remove()
        (before, behind), = normed
        assert torch.equal(version_4[-1], before)
        return [*version_4[:-1], behind]

    return captured


def written_by_version_5(tensors: dict, config: dict) -> None:
    """Bases of rotations by kind of layer, and the kinds one by one."""
    every = config.pop("global_attn_every_n_layers")
    config["layer_types"] = ["sliding_attention" if i % every else "full_attention" for i in range(config["num_hidden_layers"])]
    config["rope_parameters"] = {
        "full_attention": {"rope_type": "default", "rope_theta": config.pop("global_rope_theta")},
        "sliding_attention": {"rope_type": "default", "rope_theta": config.pop("local_rope_theta")},
    }
    config["dtype"] = config.pop("torch_dtype")
    config["transformers_version"] = "5.5.0"


SMALL = {"vocab_size": 97, "hidden_size": 36, "num_attention_heads": 3, "num_hidden_layers": 4, "intermediate_size": 27,
         "max_position_embeddings": 64, "local_attention": 8, "global_rope_theta": 500.0, "local_rope_theta": 30.0,
         "pad_token_id": 0, "reference_compile": False}
MODELS = [
    Model("base-odd", ModernBertModel,
          SMALL | {"vocab_size": 211, "hidden_size": 50, "num_attention_heads": 5, "num_hidden_layers": 5,
                   "intermediate_size": 37},
          ["one-token", "ragged", "no-mask", "left-padded", "holes", "empty-row", "positions", ("ragged", EMIT),
           ("holes", ATTEND)],
          "sizes that fill no vector; every kind of mask; layers global, local, local, global, local", capture=normed_last),
    Model("base-biases", ModernBertModel,
          SMALL | {"norm_bias": True, "attention_bias": True, "mlp_bias": True, "hidden_activation": "gelu_pytorch_tanh"},
          ["ragged"], "biases wherever the config can have them; another activation"),
    Model("base-all-global", ModernBertModel,
          SMALL | {"global_attn_every_n_layers": 1, "num_attention_heads": 1, "hidden_size": 34}, ["holes", ("ragged", EMIT)],
          "no window anywhere; one head of 34", capture=normed_last),
    Model("base-long", ModernBertModel,
          SMALL | {"vocab_size": 53, "hidden_size": 32, "num_attention_heads": 2, "num_hidden_layers": 2,
                   "max_position_embeddings": 700, "local_attention": 65, "global_attn_every_n_layers": 2},
          ["long", "long-holes"], "windows that end within blocks of queries, of an odd width"),
    Model("base-one-theta", ModernBertModel, SMALL | {"local_rope_theta": None, "num_hidden_layers": 2}, ["ragged"],
          "no base for local layers: the global one"),
    Model("base-defaults", ModernBertModel,
          {"vocab_size": 31, "hidden_size": 24, "intermediate_size": 17, "num_hidden_layers": 3, "pad_token_id": 0,
           "reference_compile": False},
          ["ragged"], "config fields left out: 12 heads of 2, window 128, bases 160000 and 10000, epsilon 1e-5",
          stored=torch.float16, embedding_std=0.02,
          edit=only_fields("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "pad_token_id")),
    Model("base-version-5", ModernBertModel, SMALL, ["left-padded"],
          "config as Transformers 5 writes it, which version 4.55 would misread; weights stored as bf16",
          stored=torch.bfloat16, edit=written_by_version_5, loads_in_transformers=False),
    Model("mlm-tied", ModernBertForMaskedLM, SMALL, ["ragged", ("holes", EMIT)], "the head's dense layer has no bias",
          capture=normed_last),
    Model("mlm-untied", ModernBertForMaskedLM,
          SMALL | {"tie_word_embeddings": False, "decoder_bias": False, "classifier_bias": True,
                   "classifier_activation": "silu"}, ["ragged"],
          "a decoder of its own without a bias; a bias and another activation before it"),
    Model("classes", ModernBertForSequenceClassification, SMALL | {"num_labels": 5}, ["ragged"], "the first token"),
    Model("classes-mean", ModernBertForSequenceClassification, SMALL | {"num_labels": 5, "classifier_pooling": "mean"},
          ["ragged", "holes", "left-padded"], "the mean, which a masked first column does not matter to",
          reads_first=False),
    Model("tokens", ModernBertForTokenClassification, SMALL | {"num_labels": 7}, ["holes"], "a label for each token"),
    Model("answers", ModernBertForQuestionAnswering, SMALL, ["ragged"], "start and end"),
    Model("choices", ModernBertForMultipleChoice, SMALL, ["choices"], "the first token's head for each choice"),
]

for model in MODELS:
    model.attention = "sdpa"

if __name__ == "__main__":
    make_goldens(pathlib.Path(__file__).resolve().parent / "modernbert", MODELS)
