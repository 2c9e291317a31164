#!/usr/bin/env python3
"""Writes tests/goldens/pictures: image files of every kind, a directory of a tiny ViT with a preprocessor_config.json,
and the probabilities that Transformers' image-classification pipeline gives its classes for each of them.

Made with Python 3.11, torch==2.13.0, transformers==4.55.4, Pillow==11.3.0:

    python3 tests/goldens/make_picture_goldens.py

The model's config and weights are those of vit/classes.
"""
import json
import pathlib
import shutil

import numpy as np
import transformers
from PIL import Image

GOLDENS = pathlib.Path(__file__).resolve().parent
OUT = GOLDENS / "pictures"
MODEL = GOLDENS / "vit" / "classes" / "model"
PROCESSOR = {"image_processor_type": "ViTImageProcessor", "size": {"height": 16, "width": 16}, "resample": 2,
             "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}


def picture(seed: int, rows: int, columns: int) -> Image.Image:
    """Waves and a little noise: what JPEG can keep."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:rows, 0:columns] / 7.0
    waves = np.stack([np.sin(x + y * rng.uniform(-1, 1) + rng.uniform(0, 6)) for _ in range(3)], axis=-1)
    return Image.fromarray(np.clip(127 + 100 * waves + rng.normal(0, 9, waves.shape), 0, 255).astype(np.uint8))


def main() -> None:
    shutil.rmtree(OUT, ignore_errors=True)
    (OUT / "model").mkdir(parents=True)
    (OUT / "model" / "preprocessor_config.json").write_text(json.dumps(PROCESSOR, indent=2) + "\n")
    colours = picture(1, 31, 40)
    alpha = colours.copy()
    alpha.putalpha(Image.linear_gradient("L").resize(colours.size))
    colours.save(OUT / "colours.png")
    alpha.save(OUT / "transparent.png")
    picture(2, 20, 17).convert("L").save(OUT / "grey.png")
    picture(2, 20, 17).convert("1").save(OUT / "bits.png")
    picture(3, 23, 19).quantize(11).save(OUT / "palette.png")
    picture(3, 23, 19).quantize(11).save(OUT / "palette-transparent.png", transparency=3)
    alpha.convert("LA").save(OUT / "grey-transparent.png")
    picture(4, 48, 37).save(OUT / "colours.jpg", quality=90)
    picture(5, 33, 50).save(OUT / "progressive.jpg", quality=60, progressive=True, subsampling=0)
    picture(6, 16, 16).convert("L").save(OUT / "grey.jpg")

    model = transformers.ViTForImageClassification.from_pretrained(MODEL)
    processor = transformers.ViTImageProcessor(**{k: v for k, v in PROCESSOR.items() if k != "image_processor_type"})
    pipeline = transformers.pipeline("image-classification", model=model, image_processor=processor, device="cpu")
    expected = {}
    for path in sorted(OUT.glob("*.[pj][np]g")):
        expected[path.name] = {each["label"]: each["score"] for each in pipeline(Image.open(path).convert("RGB"), top_k=3)}
    (OUT / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main()
