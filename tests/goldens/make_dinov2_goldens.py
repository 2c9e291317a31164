#!/usr/bin/env python3
"""Writes tests/goldens/dinov2: tiny DINOv2 directories, with registers and without, with random weights, images, and what
Transformers computes from them.

Made with Python 3.11, torch==2.13.0, transformers==4.55.4, safetensors==0.8.0, on the CPU:

    python3 tests/goldens/make_dinov2_goldens.py

vision_goldens.py says how.
"""
import pathlib

from transformers import (Dinov2ForImageClassification, Dinov2Model, Dinov2WithRegistersForImageClassification,
                          Dinov2WithRegistersModel)

from encoder_goldens import ATTEND, EMIT, make_goldens, only_fields
from vision_goldens import VisionModel

SMALL = {"hidden_size": 36, "num_attention_heads": 3, "num_hidden_layers": 2, "image_size": 16, "patch_size": 4}
SIZES = ["2-native", "1-24x20", "2-8x12", "1-19x17", "1-4x8"]
MODELS = [
    VisionModel("base-odd", Dinov2Model,
                {"hidden_size": 100, "num_attention_heads": 5, "num_hidden_layers": 2, "mlp_ratio": 1.5, "image_size": 13,
                 "patch_size": [3, 2], "num_channels": 2},
                ["1-native", ("2-native", EMIT), ("2-native", ATTEND)],
                "sizes that fill no vector; patches that are not square, with a rest at the right and below"),
    VisionModel("base", Dinov2Model, SMALL | {"qkv_bias": False, "use_mask_token": False}, SIZES, "images of other sizes"),
    VisionModel("base-wide", Dinov2Model, SMALL | {"image_size": [8, 32]}, ["1-native", "1-16x16"],
                "images that are not square: 2 x 8 patches, whose positions are taken for 4 x 4"),
    VisionModel("base-gated", Dinov2Model, SMALL | {"use_swiglu_ffn": True, "mlp_ratio": 3}, ["2-native"],
                "a gated feed-forward network, whose width is rounded up"),
    VisionModel("base-defaults", Dinov2Model, {"hidden_size": 24, "num_hidden_layers": 1, "image_size": 28}, ["1-native"],
                "config fields left out: 12 heads, patches of 14, layers four times as wide inside",
                edit=only_fields("hidden_size", "num_hidden_layers", "image_size")),
    VisionModel("classes", Dinov2ForImageClassification, SMALL | {"num_labels": 5}, ["3-native", "1-12x28"],
                "a classifier of the first token and the mean of patches"),
    VisionModel("registers", Dinov2WithRegistersModel, SMALL | {"num_register_tokens": 3}, SIZES + [("1-native", EMIT)],
                "tokens without positions; positions interpolated with antialiasing"),
    VisionModel("registers-classes", Dinov2WithRegistersForImageClassification,
                SMALL | {"num_labels": 5, "num_register_tokens": 2}, ["3-native", "1-12x28"],
                "registers have no part in the mean"),
]

if __name__ == "__main__":
    make_goldens(pathlib.Path(__file__).resolve().parent / "dinov2", MODELS)
