#!/usr/bin/env python3
"""Writes tests/goldens/deit: tiny DeiT directories with random weights, images, and what Transformers computes from them.

Made with Python 3.11, torch==2.13.0, transformers==4.55.4, safetensors==0.8.0, on the CPU:

    python3 tests/goldens/make_deit_goldens.py

vision_goldens.py says how.
"""
import pathlib

from transformers import DeiTForImageClassification, DeiTForImageClassificationWithTeacher, DeiTModel

from encoder_goldens import ATTEND, EMIT, make_goldens
from vision_goldens import VisionModel

SMALL = {"hidden_size": 36, "num_attention_heads": 3, "num_hidden_layers": 2, "intermediate_size": 54, "image_size": 16,
         "patch_size": 4}
MODELS = [
    VisionModel("base-odd", DeiTModel,
                {"hidden_size": 100, "num_attention_heads": 5, "num_hidden_layers": 2, "intermediate_size": 90,
                 "image_size": [13, 11], "patch_size": [3, 2], "num_channels": 2},
                ["1-native", "3-native", ("2-native", EMIT), ("2-native", ATTEND)],
                "sizes that fill no vector; patches and images that are not square"),
    VisionModel("base", DeiTModel, SMALL | {"qkv_bias": False}, ["1-24x20", "2-8x12"], "images of other sizes"),
    VisionModel("classes", DeiTForImageClassification, SMALL | {"num_labels": 5}, ["3-native", "1-12x28"],
                "the first token's classifier alone"),
    VisionModel("teacher", DeiTForImageClassificationWithTeacher, SMALL | {"num_labels": 7},
                ["1-native", "3-native", "2-20x16", ("2-native", ("--task", "base"))],
                "two classifiers and the mean of what they say"),
]

if __name__ == "__main__":
    make_goldens(pathlib.Path(__file__).resolve().parent / "deit", MODELS)
