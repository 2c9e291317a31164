#!/usr/bin/env python3
"""Writes tests/goldens/bert: tiny BERT directories with random weights, inputs, and what Transformers computes from them.

Made with Python 3.11, torch==2.13.0, transformers==4.55.4, safetensors==0.8.0, on the CPU:

    python3 tests/goldens/make_bert_goldens.py

encoder_goldens.py says how.
"""
import pathlib

import torch
from transformers import (BertForMaskedLM, BertForMultipleChoice, BertForNextSentencePrediction, BertForPreTraining,
                          BertForQuestionAnswering, BertForSequenceClassification, BertForTokenClassification, BertLMHeadModel,
                          BertModel)

from encoder_goldens import ATTEND, EMIT, EMIT_BOTH, Model, make_goldens, rename, only_fields, written_by_version_5

# --- Variants of stored directories -------------------------------------------------------------------------------------


def without_prefix(tensors: dict, config: dict) -> None:
    rename(tensors, lambda name: name.removeprefix("bert."))


def old_names_with_prefix(tensors: dict, config: dict) -> None:
    """As in the first TensorFlow conversions: gamma and beta, the prefix in a base model, a buffer that is no weight."""
    old = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
    for new_name, old_name in old.items():
        rename(tensors, lambda name: "bert." * (not name.startswith("bert.")) + name.replace(new_name, old_name))
    positions = config["max_position_embeddings"]
    tensors["bert.embeddings.position_ids"] = torch.arange(positions).unsqueeze(0)


def says_base(tensors: dict, config: dict) -> None:
    config["architectures"] = ["BertModel"]


def with_both_biases(tensors: dict, config: dict) -> None:
    """Version 5 keeps two biases in an untied model, and its forward adds the decoder's."""
    bias = tensors.pop("cls.predictions.bias")
    tensors["cls.predictions.decoder.bias"] = bias
    tensors["cls.predictions.bias"] = bias + 1


def with_tied_tensors_stored(tensors: dict, config: dict) -> None:
    """Old files repeat what is tied."""
    tensors["cls.predictions.decoder.weight"] = tensors["bert.embeddings.word_embeddings.weight"].clone()
    tensors["cls.predictions.decoder.bias"] = tensors["cls.predictions.bias"].clone()


# --- The models ---------------------------------------------------------------------------------------------------------

SMALL = {"vocab_size": 97, "hidden_size": 36, "num_attention_heads": 3, "num_hidden_layers": 2, "intermediate_size": 54,
         "max_position_embeddings": 64}
MODELS = [
    Model("base-odd", BertModel,
          {"vocab_size": 307, "hidden_size": 100, "num_attention_heads": 5, "num_hidden_layers": 2,
           "intermediate_size": 150, "max_position_embeddings": 64},
          ["one-token", "ragged", "no-mask", "left-padded", "holes", "empty-row", "token-types", "positions", "everything",
           ("everything", EMIT), ("everything", EMIT_BOTH)],
          "sizes that fill no vector; every kind of mask and input"),
    Model("base-deep", BertModel, SMALL | {"num_hidden_layers": 5, "hidden_act": "gelu_new", "type_vocab_size": 1},
          ["ragged", ("holes", EMIT)], "five layers, one token type"),
    Model("base-no-pooler", BertModel,
          {"vocab_size": 61, "hidden_size": 33, "num_attention_heads": 3, "num_hidden_layers": 1, "intermediate_size": 37,
           "max_position_embeddings": 65, "type_vocab_size": 3, "hidden_act": "relu"},
          ["ragged", "left-padded", "everything"], "no pooler_output; everything odd; head_dim 11", pooler=False),
    Model("base-long", BertModel,
          SMALL | {"vocab_size": 53, "hidden_size": 16, "num_attention_heads": 2, "num_hidden_layers": 1,
                   "intermediate_size": 23, "hidden_act": "silu", "layer_norm_eps": 1e-3, "max_position_embeddings": 530},
          ["s512", "full-length"], "up to the last position"),
    Model("base-wide-heads", BertModel,
          SMALL | {"hidden_size": 128, "num_attention_heads": 2, "num_hidden_layers": 1,
                   "hidden_act": "gelu_pytorch_tanh", "layer_norm_eps": 0.1},
          ["ragged", "empty-row"], "head_dim 64, a large epsilon"),
    Model("base-one-head", BertModel, SMALL | {"hidden_size": 17, "num_attention_heads": 1, "num_hidden_layers": 3,
                                               "intermediate_size": 5},
          ["ragged", "holes"], "one head of 17; the inner layer narrower than the outer"),
    Model("base-defaults", BertModel, {"vocab_size": 71, "hidden_size": 24, "num_hidden_layers": 1},
          ["ragged", "token-types"],
          "config fields left out: heads 12, inner 3072, positions 512, types 2, gelu, epsilon 1e-12; embeddings so small "
          "that another epsilon shows", stored=torch.float16, embedding_std=0.01,
          edit=only_fields("hidden_size", "num_hidden_layers", "vocab_size")),
    Model("base-f16", BertModel, SMALL, ["ragged"], "weights stored as f16", stored=torch.float16),
    Model("base-bf16", BertModel, SMALL, ["left-padded"], "weights stored as bf16; config as Transformers 5 writes it",
          stored=torch.bfloat16, edit=written_by_version_5),
    Model("base-sharded", BertModel, SMALL | {"hidden_act": "tanh"}, ["ragged", "positions"],
          "several files and their index", shard_size="40KB"),
    Model("base-old-names", BertModel, SMALL, ["ragged", "empty-row"],
          "gamma and beta, the prefix bert., the buffer position_ids", edit=old_names_with_prefix),
    Model("base-of-masked-lm", BertForMaskedLM, SMALL, [("ragged", ("--task", "base"))],
          "a masked-LM checkpoint read as a base model by flag: no pooler in the file, so none in the outputs"),
    Model("base-of-pretraining", BertForPreTraining, SMALL, [("ragged", ("--task", "base")),
                                                             ("holes", ("--task", "masked-lm"))],
          "a pre-training checkpoint: two heads, of which the task takes what it needs"),
    Model("base-by-architecture", BertForPreTraining, SMALL, ["left-padded"],
          "architectures says BertModel; the heads in the file are unknown tensors", edit=says_base, claims_base=True),
    Model("mlm-tied", BertForMaskedLM, SMALL | {"vocab_size": 211},
          ["ragged", "holes", ("left-padded", EMIT)], "decoder.weight and decoder.bias are not in the file"),
    Model("mlm-tied-stored", BertForMaskedLM, SMALL | {"hidden_act": "relu"}, ["ragged"],
          "tied tensors stored all the same; hidden_act also in the head", edit=with_tied_tensors_stored),
    Model("mlm-untied", BertForMaskedLM, SMALL | {"tie_word_embeddings": False, "hidden_act": "gelu_new"},
          ["ragged", "empty-row"], "a decoder of its own; predictions.bias alone is its bias"),
    Model("mlm-untied-biases", BertForMaskedLM, SMALL | {"tie_word_embeddings": False}, ["left-padded"],
          "both biases in the file and different: the decoder's counts, as in version 5; version 4 ties them and keeps "
          "whichever it read last", edit=with_both_biases, loads_in_transformers=False),
    Model("mlm-no-prefix", BertForMaskedLM, SMALL, ["ragged"],
          "names without bert. beside cls.: version 4.55 would prefix the head's names too and lose them",
          edit=without_prefix, loads_in_transformers=False),
] + [
    Model(f"act-{name.replace('_', '-')}", BertModel,
          SMALL | {"vocab_size": 53, "hidden_size": 20, "num_attention_heads": 1, "num_hidden_layers": 1,
                   "intermediate_size": 37, "hidden_act": name},
          ["ragged"], f"{name}; {note}", inner_gain=4)
    for name, note in {
        "gelu_10": "GELU clipped at 10", "gelu_accurate": "the tanh form", "gelu_fast": "the tanh form",
        "gelu_python": "the exact one", "laplace": "no kernel has it", "leaky_relu": "no kernel has it",
        "linear": "nothing is done", "mish": "no kernel has it", "quick_gelu": "no kernel has it",
        "relu2": "a kernel has half of it", "relu6": "no kernel has it", "sigmoid": "no kernel has it",
        "swish": "SiLU by its other name"}.items()
] + [
    Model("mlm-mish", BertForMaskedLM, SMALL | {"hidden_size": 100, "num_attention_heads": 5, "intermediate_size": 65,
                                                "num_hidden_layers": 2, "hidden_act": "mish"},
          ["holes", ("ragged", EMIT)], "a formula in the layers, where padding is left out, and in the head; head_dim 20",
          inner_gain=4),
    Model("pretraining", BertForPreTraining, SMALL, ["ragged"], "both heads"),
    Model("next-sentence", BertForNextSentencePrediction, SMALL, ["ragged", "token-types"], "two logits for a pair"),
    Model("classes", BertForSequenceClassification, SMALL | {"num_labels": 5}, ["ragged", ("no-mask", EMIT)],
          "names of classes in the config"),
    Model("regression", BertForSequenceClassification, SMALL | {"num_labels": 1}, ["ragged"], "one label: [batch, 1]"),
    Model("tokens", BertForTokenClassification, SMALL | {"num_labels": 7}, ["holes", "left-padded"], "a label for each token"),
    Model("answers", BertForQuestionAnswering, SMALL, ["ragged", "left-padded", ("empty-row", ATTEND)], "start and end"),
    Model("choices", BertForMultipleChoice, SMALL, ["choices", ("choices", ATTEND)], "a sequence for each choice"),
    Model("causal", BertLMHeadModel, SMALL | {"is_decoder": True, "vocab_size": 61, "max_position_embeddings": 170},
          ["one-token", "ragged", "left-padded", ("holes", EMIT), "long", ("left-padded", ATTEND)],
          "a word sees none behind it, in any batch"),
    Model("causal-base", BertModel, SMALL | {"is_decoder": True}, ["everything"], "the same without its head"),
    Model("causal-not", BertLMHeadModel, SMALL, ["ragged"], "the class alone makes nothing causal"),
]


if __name__ == "__main__":
    make_goldens(pathlib.Path(__file__).resolve().parent / "bert", MODELS)
