#!/usr/bin/env python3
"""Writes tests/goldens/beit: tiny BEiT directories with random weights, images, and what Transformers computes from them.

Made with Python 3.11, torch==2.13.0, transformers==4.55.4, safetensors==0.8.0, on the CPU:

    python3 tests/goldens/make_beit_goldens.py

vision_goldens.py says how.
"""
import pathlib

from transformers import BeitForImageClassification, BeitModel

from encoder_goldens import ATTEND, EMIT, make_goldens
from vision_goldens import VisionModel

SMALL = {"hidden_size": 36, "num_attention_heads": 3, "num_hidden_layers": 2, "intermediate_size": 54, "image_size": 16,
         "patch_size": 4}
BIAS, SHARED, PLACES = ({name: True} for name in ("use_relative_position_bias", "use_shared_relative_position_bias",
                                                  "use_absolute_position_embeddings"))
MODELS = [
    VisionModel("base-bias", BeitModel,
                SMALL | BIAS | {"hidden_size": 100, "num_attention_heads": 5, "image_size": 20, "num_channels": 2},
                ["1-native", ("2-native", EMIT), ("2-native", ATTEND)], "a bias by distance for each layer"),
    VisionModel("base-shared", BeitModel, SMALL | SHARED | {"use_mean_pooling": False}, ["2-native"],
                "one bias for all layers; the pooler gives the first token"),
    VisionModel("base-both", BeitModel, SMALL | SHARED | BIAS | PLACES | {"use_mask_token": True}, ["2-native"],
                "both kinds of bias, and positions"),
    VisionModel("base-wide", BeitModel, SMALL | BIAS | {"image_size": [12, 20]}, ["2-native"],
                "images that are not square, whose table Transformers interpolates"),
    VisionModel("base-positions", BeitModel, SMALL | PLACES | {"layer_scale_init_value": 0},
                ["1-native", "1-24x20", "2-8x12"], "positions alone, and no scales: images of other sizes"),
    VisionModel("base-nowhere", BeitModel, SMALL, ["1-native", "1-12x24"], "nothing that says where a patch is"),
    VisionModel("base-no-pooler", BeitModel, SMALL | BIAS, ["1-native"], "no pooler", pooler=False),
    VisionModel("classes", BeitForImageClassification, SMALL | BIAS | {"num_labels": 5}, ["3-native"],
                "a classifier of the patches' mean"),
    VisionModel("classes-first", BeitForImageClassification,
                SMALL | SHARED | {"num_labels": 4, "use_mean_pooling": False}, ["2-native"],
                "a classifier of the first token"),
]

if __name__ == "__main__":
    make_goldens(pathlib.Path(__file__).resolve().parent / "beit", MODELS)
