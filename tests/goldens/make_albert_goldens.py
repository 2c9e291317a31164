#!/usr/bin/env python3
"""Writes tests/goldens/albert: tiny ALBERT directories with random weights, inputs, and what Transformers computes.

Made with Python 3.11, torch==2.13.0, transformers==4.55.4, safetensors==0.8.0, on the CPU:

    python3 tests/goldens/make_albert_goldens.py

encoder_goldens.py says how. hidden_states.N are those of Transformers 5: the embeddings at the layers' width, then the
result of every layer, inner ones too, in the order in which they are applied. Version 4 lists only those that end a group;
`every_layer` records all and checks that version 4's are among them.
"""
import pathlib

import torch
from transformers import (AlbertForMaskedLM, AlbertForMultipleChoice, AlbertForPreTraining, AlbertForQuestionAnswering,
                          AlbertForSequenceClassification, AlbertForTokenClassification, AlbertModel)
from transformers.models.albert.modeling_albert import AlbertLayer

from encoder_goldens import ATTEND, EMIT, EMIT_BOTH, Model, make_goldens, only_fields, written_by_version_5


def every_layer(network: AlbertModel):
    """To be called before a forward; the result, called behind it with version 4's states, gives version 5's."""
    states = []

    def record(layer, arguments, result):
        if not states:
            states.append(arguments[0])
        states.append(result[0])

    hooks = [module.register_forward_hook(record) for module in network.modules() if isinstance(module, AlbertLayer)]

    def captured(version_4: tuple) -> list:
        for hook in hooks:
            hook.remove()
        inner = network.config.inner_group_num
        assert len(states) == 1 + network.config.num_hidden_layers * inner
        assert len(version_4) == len(states[::inner])
        assert all(torch.equal(a, b) for a, b in zip(version_4, states[::inner]))
        return states

    return captured


def with_tied_tensors_stored(tensors: dict, config: dict) -> None:
    """Old files repeat what is tied."""
    tensors["predictions.decoder.weight"] = tensors["albert.embeddings.word_embeddings.weight"].clone()
    tensors["predictions.decoder.bias"] = tensors["predictions.bias"].clone()


def with_equal_layers(tensors: dict, config: dict) -> None:
    """Two groups that hold the same numbers under two names, and an untied decoder that is the word embedding again."""
    group = "albert.encoder.albert_layer_groups."
    for name in [name for name in tensors if name.startswith(group + "1.")]:
        tensors[name] = tensors[name.replace(group + "1.", group + "0.")].clone()
    tensors["predictions.decoder.weight"] = tensors["albert.embeddings.word_embeddings.weight"].clone()


SMALL = {"vocab_size": 97, "embedding_size": 20, "hidden_size": 36, "num_attention_heads": 3, "num_hidden_layers": 3,
         "intermediate_size": 54, "max_position_embeddings": 64}
MODELS = [
    Model("base-odd", AlbertModel,
          {"vocab_size": 307, "embedding_size": 28, "hidden_size": 60, "num_attention_heads": 3, "num_hidden_layers": 4,
           "num_hidden_groups": 2, "inner_group_num": 2, "intermediate_size": 90, "max_position_embeddings": 64},
          ["one-token", "ragged", "no-mask", "left-padded", "holes", "empty-row", "token-types", "positions", "everything",
           ("everything", EMIT)],
          "two groups of two layers, four times; sizes that fill no vector; every kind of mask and input",
          capture=every_layer),
    Model("base-one-layer-often", AlbertModel, SMALL | {"num_hidden_layers": 7, "hidden_act": "gelu"},
          ["ragged", ("holes", EMIT)], "as published: one layer, applied seven times", capture=every_layer),
    Model("base-uneven", AlbertModel, SMALL | {"num_hidden_layers": 5, "num_hidden_groups": 3, "type_vocab_size": 1},
          ["ragged", ("holes", EMIT)], "five times three groups: 0 0 1 1 2", capture=every_layer),
    Model("base-inner", AlbertModel, SMALL | {"inner_group_num": 3, "hidden_act": "silu"},
          ["left-padded", ("ragged", EMIT), ("left-padded", EMIT_BOTH)], "three inner layers, three times", capture=every_layer),
    Model("base-no-pooler", AlbertModel,
          {"vocab_size": 61, "embedding_size": 41, "hidden_size": 33, "num_attention_heads": 3, "num_hidden_layers": 2,
           "intermediate_size": 37, "max_position_embeddings": 65, "type_vocab_size": 3, "hidden_act": "relu"},
          ["ragged", "everything"], "no pooler_output; the embedding wider than the layers; head_dim 11", pooler=False),
    Model("base-equal-widths", AlbertModel, SMALL | {"embedding_size": 36, "layer_norm_eps": 0.1}, ["ragged"],
          "the embedding is mapped to the layers' width also where that is its own; a large epsilon"),
    Model("base-defaults", AlbertModel,
          {"vocab_size": 31, "hidden_size": 64, "intermediate_size": 40, "max_position_embeddings": 32},
          ["ragged", "token-types"],
          "config fields left out: embedding 128, heads 64, 12 layers of one group, types 2, gelu_new, epsilon 1e-12; "
          "embeddings so small that another epsilon shows", stored=torch.float16, embedding_std=0.01,
          edit=only_fields("hidden_size", "intermediate_size", "max_position_embeddings", "vocab_size")),
    Model("base-bf16", AlbertModel, SMALL, ["left-padded"], "weights stored as bf16; config as Transformers 5 writes it",
          stored=torch.bfloat16, edit=written_by_version_5),
    Model("base-of-pretraining", AlbertForPreTraining, SMALL,
          [("ragged", ("--task", "base")), ("holes", ("--task", "masked-lm"))],
          "a pre-training checkpoint: two heads, of which the task takes what it needs"),
    Model("mlm-tied", AlbertForMaskedLM, SMALL | {"vocab_size": 211, "num_hidden_groups": 2},
          ["one-token", "ragged", "holes", ("left-padded", EMIT)], "decoder.weight and decoder.bias are not in the file",
          capture=every_layer),
    Model("mlm-tied-stored", AlbertForMaskedLM, SMALL | {"hidden_act": "relu"}, ["ragged"],
          "tied tensors stored all the same; hidden_act also in the head", edit=with_tied_tensors_stored),
    Model("mlm-untied", AlbertForMaskedLM, SMALL | {"tie_word_embeddings": False}, ["ragged", "empty-row"],
          "a decoder of its own; predictions.bias alone is its bias"),
    Model("mlm-equal", AlbertForMaskedLM,
          SMALL | {"tie_word_embeddings": False, "num_hidden_groups": 2, "num_hidden_layers": 4}, ["ragged"],
          "tensors that are equal under several names", edit=with_equal_layers, edited_weights=True),
    Model("mlm-mish", AlbertForMaskedLM, SMALL | {"hidden_act": "mish", "num_hidden_layers": 4, "num_hidden_groups": 2,
                                                    "inner_group_num": 2},
          ["holes", ("ragged", EMIT)], "a formula in the layers, where padding is left out, and in the head",
          inner_gain=4, capture=every_layer),
    Model("pretraining", AlbertForPreTraining, SMALL, ["ragged"], "the vocabulary, and the order of sentences"),
    Model("classes", AlbertForSequenceClassification, SMALL | {"num_labels": 5}, ["ragged"], "the pooler, and a linear layer"),
    Model("tokens", AlbertForTokenClassification, SMALL | {"num_labels": 7}, ["holes"], "a label for each token"),
    Model("answers", AlbertForQuestionAnswering, SMALL, ["ragged"], "start and end"),
    Model("choices", AlbertForMultipleChoice, SMALL, ["choices"], "a sequence for each choice"),
]

if __name__ == "__main__":
    make_goldens(pathlib.Path(__file__).resolve().parent / "albert", MODELS)
