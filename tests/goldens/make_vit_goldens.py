#!/usr/bin/env python3
"""Writes tests/goldens/vit: tiny ViT directories with random weights, images, and what Transformers computes from them.

Made with Python 3.11, torch==2.13.0, transformers==4.55.4, safetensors==0.8.0, on the CPU:

    python3 tests/goldens/make_vit_goldens.py

vision_goldens.py says how.
"""
import pathlib

import torch
from transformers import ViTForImageClassification, ViTModel

from encoder_goldens import ATTEND, EMIT, make_goldens, only_fields
from vision_goldens import VisionModel

SMALL = {"hidden_size": 36, "num_attention_heads": 3, "num_hidden_layers": 2, "intermediate_size": 54, "image_size": 16,
         "patch_size": 4}
MODELS = [
    VisionModel("base-odd", ViTModel,
                {"hidden_size": 100, "num_attention_heads": 5, "num_hidden_layers": 3, "intermediate_size": 90,
                 "image_size": [13, 11], "patch_size": [3, 2], "num_channels": 2},
                ["1-native", "3-native", ("2-native", EMIT), ("2-native", ATTEND)],
                "sizes that fill no vector; patches and images that are not square, with a rest at the right and below"),
    VisionModel("base", ViTModel, SMALL | {"layer_norm_eps": 1e-6, "hidden_act": "gelu_new"},
                ["2-native", "1-24x20", "2-8x12", "1-19x17", "1-4x4"], "images of other sizes, and one that is a patch"),
    VisionModel("base-no-biases", ViTModel, SMALL | {"qkv_bias": False, "num_channels": 1, "hidden_act": "quick_gelu"},
                ["2-native"], "queries, keys and values without biases, no pooler", pooler=False),
    VisionModel("base-wide-pooler", ViTModel, SMALL | {"pooler_output_size": 23, "pooler_act": "relu"}, ["2-native"],
                "a pooler of another width and activation"),
    VisionModel("base-defaults", ViTModel,
                {"hidden_size": 24, "intermediate_size": 30, "num_hidden_layers": 1, "image_size": 32}, ["1-native"],
                "config fields left out: 12 heads, patches of 16, 3 channels, gelu, epsilon 1e-12", stored=torch.float16,
                edit=only_fields("hidden_size", "intermediate_size", "num_hidden_layers", "image_size")),
    VisionModel("classes", ViTForImageClassification, SMALL | {"id2label": {0: "cat", 1: "dog", 2: "a house"}},
                ["3-native", "1-12x28", ("1-native", ("--task", "base"))], "three classes with names"),
    VisionModel("classes-bf16", ViTForImageClassification, SMALL | {"num_labels": 5}, ["2-native"],
                "weights stored as bf16", stored=torch.bfloat16),
    VisionModel("regression", ViTForImageClassification, SMALL | {"num_labels": 1}, ["2-native"], "one label: [batch, 1]"),
]

if __name__ == "__main__":
    make_goldens(pathlib.Path(__file__).resolve().parent / "vit", MODELS)
