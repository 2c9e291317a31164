#!/usr/bin/env python3
"""The front end for images against Pillow and numpy, both on one thread, in turns, patches compared first:

    python3 benchmarks/vision/race.py build/bin/front-end-app [ROUNDS]

Needs Pillow==11.3.0 and numpy. What numpy does is in f32 throughout, which is faster than what image processors do.
Medians count.
"""
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
from PIL import Image

VIT = {"image_processor_type": "ViTImageProcessor"}
CLIP = {"image_processor_type": "CLIPImageProcessor"}
DINOV2 = {"image_processor_type": "BitImageProcessor", "size": {"shortest_edge": 256},
          "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
SIGLIP = {"image_processor_type": "SiglipImageProcessor", "size": {"height": 384, "width": 384}, "resample": 1}
WORKS = [("ViT, 224, bilinear", VIT, 16), ("CLIP, 224, bicubic", CLIP, 14), ("DINOv2, 256 to 224, bicubic", DINOV2, 14),
         ("SigLIP, 384, Lanczos", SIGLIP, 16)]
SIZES = [(224, 224), (480, 640), (1080, 1920)]
MEANS = {"CLIPImageProcessor": ([0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711])}
RESAMPLES = {"ViTImageProcessor": 2}


def peer(config, patch):
    """A function of an image: what the configuration says, with Pillow and numpy."""
    kind = config["image_processor_type"]
    usual = MEANS.get(kind, ([0.5] * 3, [0.5] * 3))
    mean = np.array(config.get("image_mean", usual[0]), np.float32)
    deviation = np.array(config.get("image_std", usual[1]), np.float32)
    resample = config.get("resample", RESAMPLES.get(kind, 3))
    size = config.get("size", {"shortest_edge": 224} if kind == "CLIPImageProcessor" else {"height": 224, "width": 224})

    def run(pixels):
        image = Image.fromarray(pixels)
        if "height" in size:
            image = image.resize((size["width"], size["height"]), resample)
        else:
            edge, (columns, rows) = size["shortest_edge"], image.size
            target = (edge, int(edge * rows / columns)) if columns <= rows else (int(edge * columns / rows), edge)
            image = image.resize(target, resample)
            left, top = (image.width - 224) // 2, (image.height - 224) // 2
            image = image.crop((left, top, left + 224, top + 224))
        values = (np.asarray(image, dtype=np.float32) * np.float32(1 / 255) - mean) / deviation
        rows, columns = values.shape[0] // patch, values.shape[1] // patch
        return np.ascontiguousarray(values.reshape(rows, patch, columns, patch, 3).transpose(0, 2, 4, 1, 3))

    return run


def main():
    app, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 7
    print("| work | image | ms | Pillow and numpy ms | times faster |\n|---|---|---|---|---|")
    for name, config, patch in WORKS:
        for rows, columns in SIZES:
            pixels = np.random.default_rng(1).integers(0, 256, (rows, columns, 3), dtype=np.uint8)
            with tempfile.TemporaryDirectory() as folder:
                paths = [pathlib.Path(folder) / file for file in ("config.json", "image", "result")]
                paths[0].write_text(json.dumps(config))
                paths[1].write_bytes(pixels.tobytes())
                ours = subprocess.Popen([app, paths[0], str(patch), paths[1], str(rows), str(columns), paths[2]],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
                if ours.stdout.readline() != "ready\n":
                    sys.exit(f"{name}: the app failed")
                found = np.fromfile(paths[2], np.float32)
            run = peer(config, patch)
            expected = run(pixels).reshape(-1)
            if found.shape != expected.shape or np.abs(found - expected).max() > 2e-6:
                sys.exit(f"{name}, {rows} x {columns}: the patches differ")
            times = {"ours": [], "peer": []}
            for _ in range(rounds):
                ours.stdin.write("go\n")
                ours.stdin.flush()
                times["ours"].append(float(ours.stdout.readline()))
                count, start = 0, time.perf_counter()
                while time.perf_counter() - start < 0.1:
                    run(pixels)
                    count += 1
                times["peer"].append((time.perf_counter() - start) / count)
            ours.stdin.close()
            mine, others = (statistics.median(times[k]) * 1e3 for k in ("ours", "peer"))
            print(f"| {name} | {rows} x {columns} | {mine:.3f} | {others:.2f} | {others / mine:.1f} |", flush=True)


if __name__ == "__main__":
    main()
