#!/usr/bin/env python3
"""Writes tests/goldens/siglip: tiny SigLIP directories with random weights, texts and images, and what Transformers computes
from them.

Made with Python 3.11, torch==2.13.0, transformers==4.55.4, safetensors==0.8.0, on the CPU:

    python3 tests/goldens/make_siglip_goldens.py

tower_goldens.py says how.
"""
import pathlib

import torch
from transformers import SiglipForImageClassification, SiglipModel, SiglipTextModel, SiglipVisionModel

from encoder_goldens import ATTEND, EMIT, EMIT_BOTH, make_goldens, only_fields
from tower_goldens import TowerModel

TEXT = {"vocab_size": 307, "hidden_size": 60, "num_attention_heads": 3, "num_hidden_layers": 2, "intermediate_size": 70,
        "max_position_embeddings": 11}
ODD_TEXT = TEXT | {"hidden_size": 100, "num_attention_heads": 5, "num_hidden_layers": 3, "intermediate_size": 90}
VISION = {"hidden_size": 60, "num_attention_heads": 3, "num_hidden_layers": 2, "intermediate_size": 54, "image_size": 16,
          "patch_size": 5}
ODD_VISION = VISION | {"hidden_size": 100, "num_attention_heads": 5, "num_hidden_layers": 3, "intermediate_size": 90,
                       "num_channels": 2}


def both(text: dict, vision: dict, **fields) -> dict:
    return {"text_config": text | {"attn_implementation": "eager"},
            "vision_config": vision | {"attn_implementation": "eager"}} | fields


MODELS = [
    TowerModel("text-odd", SiglipTextModel, ODD_TEXT,
               ["one-token", "no-mask", "left-padded", "holes", "empty-row", "positions", ("no-mask", EMIT),
                ("holes", ATTEND)], "sizes that fill no vector; masks of every kind that has the last column"),
    TowerModel("text-projected", SiglipTextModel, TEXT | {"projection_size": 26, "hidden_act": "gelu"},
               ["no-mask", "left-padded"], "vectors of another width"),
    TowerModel("text-defaults", SiglipTextModel,
               {"vocab_size": 307, "hidden_size": 24, "intermediate_size": 30, "num_hidden_layers": 1}, ["no-mask"],
               "config fields left out: 12 heads, 64 positions, gelu_pytorch_tanh", stored=torch.float16,
               edit=only_fields("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers")),
    TowerModel("vision-odd", SiglipVisionModel, ODD_VISION,
               ["1-native", "3-native", "2-13x11", ("2-native", EMIT), ("2-native", ATTEND)],
               "sizes that fill no vector; a rest at the right and below; another size"),
    TowerModel("vision-no-head", SiglipVisionModel, VISION | {"vision_use_head": False}, ["2-native"], "no pooler_output"),
    TowerModel("vision-defaults", SiglipVisionModel,
               {"hidden_size": 24, "intermediate_size": 30, "num_hidden_layers": 1, "image_size": 32}, ["1-native"],
               "config fields left out: 12 heads, patches of 16, gelu_pytorch_tanh", stored=torch.bfloat16,
               edit=only_fields("hidden_size", "intermediate_size", "num_hidden_layers", "image_size")),
    TowerModel("both-odd", SiglipModel, both(ODD_TEXT, ODD_VISION),
               ["no-mask-3-native", "one-token-1-native", "left-padded-2-13x11", "empty-row-2-native",
                ("no-mask-3-native", EMIT_BOTH), "left-padded", "2-native"], "texts and images, and one of both"),
    TowerModel("both", SiglipModel, both(TEXT | {"projection_size": 36, "hidden_size": 40, "num_attention_heads": 4},
                                         VISION | {"hidden_size": 36}), ["holes-1-20x27"],
               "stored as f16; towers of several widths", stored=torch.float16),
    TowerModel("classes", SiglipForImageClassification, both(TEXT, VISION, id2label={0: "cat", 1: "dog", 2: "a house"}),
               ["3-native", "1-20x27", ("1-native", EMIT)], "three classes with names"),
    TowerModel("regression", SiglipForImageClassification, both(TEXT, VISION | {"vision_use_head": False}, num_labels=1),
               ["2-native"], "one label: [batch, 1]"),
]

if __name__ == "__main__":
    make_goldens(pathlib.Path(__file__).resolve().parent / "siglip", MODELS)
