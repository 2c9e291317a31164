#!/usr/bin/env python3
"""Writes tests/goldens/clip: tiny CLIP directories with random weights, texts and images, and what Transformers computes from
them.

Made with Python 3.11, torch==2.13.0, transformers==4.55.4, safetensors==0.8.0, on the CPU:

    python3 tests/goldens/make_clip_goldens.py

tower_goldens.py says how.
"""
import pathlib

import torch
from transformers import (CLIPForImageClassification, CLIPModel, CLIPTextModel, CLIPTextModelWithProjection, CLIPVisionModel,
                          CLIPVisionModelWithProjection)

from encoder_goldens import ATTEND, EMIT, EMIT_BOTH, make_goldens, only_fields
from tower_goldens import TowerModel

TEXT = {"vocab_size": 307, "hidden_size": 60, "num_attention_heads": 3, "num_hidden_layers": 2, "intermediate_size": 70,
        "max_position_embeddings": 11, "eos_token_id": 300, "projection_dim": 26}
ODD_TEXT = TEXT | {"hidden_size": 100, "num_attention_heads": 5, "num_hidden_layers": 3, "intermediate_size": 90}
VISION = {"hidden_size": 36, "num_attention_heads": 3, "num_hidden_layers": 2, "intermediate_size": 54, "image_size": 16,
          "patch_size": 5, "projection_dim": 26}
ODD_VISION = VISION | {"hidden_size": 100, "num_attention_heads": 5, "num_hidden_layers": 3, "intermediate_size": 90,
                       "num_channels": 2}


def both(text: dict, vision: dict, **fields) -> dict:
    return {"text_config": text | {"attn_implementation": "eager"},
            "vision_config": vision | {"attn_implementation": "eager"}} | fields


def as_dicts(tensors: dict, config: dict) -> None:
    """As the first files had it: each tower's config twice, of which the second counts."""
    for tower in ("text_config", "vision_config"):
        config[tower + "_dict"] = config[tower]
        config[tower] = {"hidden_size": 8, "num_attention_heads": 1}


MODELS = [
    TowerModel("text-odd", CLIPTextModel, ODD_TEXT,
               ["one-token", "ragged", "no-mask", "left-padded", "holes", "empty-row", "positions", "no-end", "two-ends",
                ("ragged", EMIT), ("holes", ATTEND)], "sizes that fill no vector; masks of every kind; ids that end texts",
               ends=300),
    TowerModel("text-greatest", CLIPTextModel, TEXT | {"eos_token_id": 2, "hidden_act": "gelu", "layer_norm_eps": 1e-3},
               ["ragged", "left-padded", "two-ends"], "the id that ends texts is the greatest, whatever the config says",
               ends=306),
    TowerModel("text-defaults", CLIPTextModel,
               {"vocab_size": 307, "hidden_size": 24, "intermediate_size": 30, "num_hidden_layers": 1, "eos_token_id": 9},
               ["ragged"], "config fields left out: 8 heads, 77 positions, quick_gelu", ends=9, stored=torch.float16,
               edit=only_fields("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "eos_token_id")),
    TowerModel("text-projected", CLIPTextModelWithProjection, TEXT, ["ragged", "one-token", ("left-padded", EMIT)],
               "vectors as projected, not of length 1", ends=300),
    TowerModel("vision-odd", CLIPVisionModel, ODD_VISION,
               ["1-native", "3-native", "2-13x11", ("2-native", EMIT), ("2-native", ATTEND)],
               "sizes that fill no vector; a rest at the right and below; another size"),
    TowerModel("vision-defaults", CLIPVisionModel,
               {"hidden_size": 24, "intermediate_size": 30, "num_hidden_layers": 1, "image_size": 64}, ["1-native"],
               "config fields left out: 12 heads, patches of 32, quick_gelu", stored=torch.bfloat16,
               edit=only_fields("hidden_size", "intermediate_size", "num_hidden_layers", "image_size")),
    TowerModel("vision-projected", CLIPVisionModelWithProjection, VISION | {"hidden_act": "gelu"},
               ["2-native", "1-20x27", ("1-native", EMIT)], "vectors as projected, not of length 1"),
    TowerModel("both-odd", CLIPModel, both(ODD_TEXT, ODD_VISION, projection_dim=22),
               ["ragged-3-native", "one-token-1-native", "no-mask-3-13x11", "left-padded-1-native", "empty-row-2-native",
                ("ragged-2-native", EMIT_BOTH), "ragged", "2-native"], "texts and images, and one of both", ends=300),
    TowerModel("both", CLIPModel, both(TEXT | {"hidden_act": "gelu"}, VISION, projection_dim=40),
               ["holes-2-native", "no-mask-1-20x27"], "stored as f16; other widths", stored=torch.float16, ends=300),
    TowerModel("both-dicts", CLIPModel, both(TEXT, VISION, projection_dim=17), ["ragged-2-native"],
               "configs of towers as the first files have them", ends=300, edit=as_dicts),
    TowerModel("classes", CLIPForImageClassification, both(TEXT, VISION, id2label={0: "cat", 1: "dog", 2: "a house"}),
               ["3-native", ("1-native", EMIT)], "three classes with names"),
    TowerModel("regression", CLIPForImageClassification, both(TEXT, VISION, num_labels=1), ["2-native"],
               "one label: [batch, 1]"),
]

if __name__ == "__main__":
    make_goldens(pathlib.Path(__file__).resolve().parent / "clip", MODELS)
