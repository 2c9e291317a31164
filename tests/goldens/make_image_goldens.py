#!/usr/bin/env python3
"""Writes tests/goldens/images/cases.json: what Transformers' image processors, the slow ones, make of images.

Made with Python 3.11, transformers==4.55.4, Pillow==11.3.0, numpy==2.4.6:

    python3 tests/goldens/make_image_goldens.py

Images are made from a seed on both sides (`image` below, tests/vision/SeededImage.h). Of pixel_values, f32 [3, rows,
columns] without what patches leave over, there is a SHA-256 and every so manieth value, so that a hash that differs says
something. Where neither do_rescale nor do_normalize is set, values are the bytes that Pillow gives.
"""
import hashlib
import json
import pathlib

import numpy as np
import transformers

OUT = pathlib.Path(__file__).resolve().parent / "images" / "cases.json"
SAMPLES = 24

BYTES = {"do_rescale": False, "do_normalize": False}
SQUARE = {"height": 48, "width": 48}
VIT = {"image_processor_type": "ViTImageProcessor", "size": SQUARE}
DEIT = {"image_processor_type": "DeiTImageProcessor", "size": {"height": 56, "width": 56}, "crop_size": SQUARE}
CLIP = {"image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": 48}, "crop_size": SQUARE}
BIT = {"image_processor_type": "BitImageProcessor", "size": {"shortest_edge": 64}, "crop_size": {"height": 56, "width": 56}}
FILTERS = {"nearest": 0, "lanczos": 1, "bilinear": 2, "bicubic": 3, "box": 4, "hamming": 5}

# name, configuration, rows, columns, pixels of a patch, kind of image
CASES = [(f"{name}-{rows}x{columns}", {**VIT, **BYTES, "resample": number}, rows, columns, 16, kind)
         for name, number in FILTERS.items()
         for rows, columns, kind in [(131, 97, "noise"), (20, 33, "noise"), (48, 90, "steps"), (75, 48, "noise"),
                                     (48, 48, "noise"), (1, 1, "noise"), (2, 5, "noise"), (7, 300, "steps")]]
CASES += [(f"bytes-{rows}x{columns}", {**VIT, **BYTES, "resample": 3}, rows, columns, 16, "noise")
          for rows, columns in [(16, 16), (17, 15), (31, 6), (33, 4), (480, 640), (5, 1), (1, 49), (49, 47), (700, 3),
                                (3, 700), (97, 96)]]
CASES += [
    ("vit-defaults", {"image_processor_type": "ViTImageProcessor"}, 250, 333, 16, "noise"),
    ("vit-means", {**VIT, "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}, 64, 91, 16, "noise"),
    ("vit-one-mean", {**VIT, "image_mean": 0.5, "image_std": 0.25}, 64, 91, 16, "waves"),
    ("vit-scale", {**VIT, "rescale_factor": 0.00784313725490196, "do_normalize": False}, 64, 91, 8, "noise"),
    ("vit-no-rescale", {**VIT, "do_rescale": False, "image_mean": [123.7, 116.3, 103.5], "image_std": [58.4, 57.1, 57.4]},
     64, 91, 8, "noise"),
    ("vit-no-resize", {**VIT, "do_resize": False}, 48, 48, 16, "noise"),
    ("vit-not-square", {**VIT, "size": {"height": 32, "width": 80}}, 77, 64, 16, "noise"),
    ("vit-patch-14", {**VIT, "size": {"height": 70, "width": 42}}, 77, 64, 14, "noise"),
    ("vit-patch-left-over", {**VIT, "size": {"height": 50, "width": 47}}, 77, 64, 15, "noise"),
    ("vit-patch-32", {**VIT, "size": {"height": 64, "width": 96}}, 77, 64, 32, "noise"),
    ("vit-patch-20", {**VIT, "size": {"height": 60, "width": 100}}, 77, 64, 20, "noise"),
    ("vit-patch-1", {**VIT, "size": {"height": 7, "width": 9}}, 77, 64, 1, "noise"),
    ("vit-old", {"feature_extractor_type": "ViTFeatureExtractor", "do_normalize": True, "do_resize": True,
                 "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5], "resample": 2, "size": 48}, 60, 60, 16, "waves"),
    ("vit-list", {**VIT, "size": [32, 64]}, 60, 70, 16, "noise"),
    ("vit-fast", {**VIT, "image_processor_type": "ViTImageProcessorFast", "crop_size": None, "device": None}, 60, 70, 16, "noise"),
    ("deit", DEIT, 120, 81, 16, "noise"),
    ("deit-defaults", {"image_processor_type": "DeiTImageProcessor"}, 120, 301, 16, "noise"),
    ("deit-old", {"feature_extractor_type": "DeiTFeatureExtractor", "size": 60, "crop_size": 48, "do_center_crop": True}, 90, 61, 16, "noise"),
    ("deit-padded", {**DEIT, "size": {"height": 31, "width": 60}}, 90, 61, 16, "noise"),
    ("deit-padded-odd", {**DEIT, "size": {"height": 60, "width": 33}, **BYTES}, 90, 61, 16, "noise"),
    ("deit-padded-both", {**DEIT, "do_resize": False}, 13, 22, 16, "noise"),
    ("deit-cropped", {**DEIT, "do_resize": False}, 77, 102, 16, "noise"),
    ("deit-no-crop", {**DEIT, "do_center_crop": False, "size": SQUARE}, 77, 102, 16, "noise"),
    ("beit", {**DEIT, "image_processor_type": "BeitImageProcessor", "do_reduce_labels": False, "resample": 2}, 77, 102, 16, "noise"),
    ("beit-defaults", {"image_processor_type": "BeitImageProcessor"}, 300, 224, 16, "waves"),
    ("clip", CLIP, 77, 102, 16, "noise"),
    ("clip-upright", CLIP, 190, 51, 16, "noise"),
    ("clip-square", CLIP, 51, 51, 16, "noise"),
    ("clip-long", CLIP, 10, 500, 16, "noise"),
    ("clip-enlarged", CLIP, 21, 30, 16, "steps"),
    ("clip-defaults", {"image_processor_type": "CLIPImageProcessor"}, 333, 250, 14, "noise"),
    ("clip-old", {"feature_extractor_type": "CLIPFeatureExtractor", "size": 48, "crop_size": 48, "resample": 3}, 77, 102, 16, "noise"),
    ("clip-both-edges", {**CLIP, "size": {"shortest_edge": 48, "longest_edge": 60}}, 77, 102, 16, "noise"),
    ("clip-exact", {**CLIP, "size": {"height": 52, "width": 61}}, 77, 102, 16, "noise"),
    ("clip-smaller-edge", {**CLIP, "size": {"shortest_edge": 31}}, 77, 102, 16, "noise"),
    ("siglip", {"image_processor_type": "SiglipImageProcessor", "size": SQUARE, "processor_class": "SiglipProcessor"}, 77, 102, 16, "noise"),
    ("siglip-defaults", {"image_processor_type": "SiglipImageProcessor"}, 100, 100, 16, "noise"),
    ("dinov2", BIT, 130, 98, 14, "noise"),
    ("dinov2-lanczos", {**BIT, "resample": 1}, 130, 98, 14, "steps"),
    ("dinov2-defaults", {"image_processor_type": "BitImageProcessor"}, 130, 98, 14, "noise"),
]


def image(kind, seed, rows, columns):
    """u8 [rows, columns, 3]: bytes of splitmix64, hard steps, or a slope that wraps around."""
    y, x, c = np.meshgrid(np.arange(rows), np.arange(columns), np.arange(3), indexing="ij")
    if kind == "steps":
        return (((x // 5 + y // 3 + c) % 2) * 255).astype(np.uint8)
    if kind == "waves":
        return ((x * 7 + y * 3 + c * 50) % 256).astype(np.uint8)
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + np.arange(1, rows * columns * 3 + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((z ^ (z >> np.uint64(31))) >> np.uint64(56)).astype(np.uint8).reshape(rows, columns, 3)


def main():
    cases = []
    for seed, (name, config, rows, columns, patch, kind) in enumerate(CASES):
        class_name = (config.get("image_processor_type") or config["feature_extractor_type"]).removesuffix("Fast")
        processor = getattr(transformers, class_name.replace("FeatureExtractor", "ImageProcessor")).from_dict(dict(config))
        values = processor(image(kind, seed, rows, columns), input_data_format="channels_last")["pixel_values"][0]
        values = np.asarray(values, dtype=np.float32)
        height, width = values.shape[1:]
        values = np.ascontiguousarray(values[:, :height // patch * patch, :width // patch * patch])
        flat = values.reshape(-1)
        cases.append({"name": name, "config": config, "rows": rows, "columns": columns, "kind": kind, "seed": seed,
                      "patch": patch, "image": [height, width], "sha256": hashlib.sha256(values.tobytes()).hexdigest(),
                      "samples": [float(flat[at]) for at in range(0, flat.size, -(-flat.size // SAMPLES))]})
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")
    print(len(cases), "cases,", OUT.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
