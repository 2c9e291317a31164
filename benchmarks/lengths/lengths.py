#!/usr/bin/env python3
"""How time and memory grow with the length, of models whose masks rule out work beside one whose attention is dense:

    python3 benchmarks/lengths/lengths.py [LONGEST]

Needs what random_model.py needs. Makes and compiles the models of MODELS, times one text of each length from 512 to
LONGEST (16384) with `lathe bench --profile`, prints a table, and draws build/bench/lengths.svg, both axes logarithmic: what is
linear in the length rises by one square a square. Attention alone is what the profile says of its steps.
"""
import json
import math
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
LATHE, WORK = ROOT / "build/bin/lathe", ROOT / "build/bench"
MODELS = {"roberta-16k": "dense", "longformer-16k": "a window of 512"}
SHORTEST = 512


def compiled(name):
    directory, artifact = WORK / "models" / name, WORK / "artifacts" / name
    if not (directory / "model.safetensors").exists():
        subprocess.run([sys.executable, ROOT / "benchmarks/models/random_model.py", name, directory], check=True)
    flags = ["-o", artifact, "--name", name.replace("-", "_")]
    subprocess.run([LATHE, "compile", directory, *flags], check=True, stderr=subprocess.DEVNULL)
    return artifact


def measure(artifact, length):
    command = [LATHE, "bench", artifact, "--batch", "1", "--seq", str(length), "--profile", "--json"]
    result = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout)
    run = result["results"][0]
    share = sum(step["share"] for step in result["profile"] if "attention" in step["kernel"])
    return {"ms": run["median_ms"], "attention": run["median_ms"] * share, "mb": run["rss_mb"]}


def draw(table, lengths, path):
    """Lines of time by length."""
    times = [row[key] for rows in table.values() for row in rows for key in ("ms", "attention")]
    low, high = math.floor(math.log10(min(times))), math.ceil(math.log10(max(times)))
    side, left, top = 90, 70, 20
    x = {length: left + side * i for i, length in enumerate(lengths)}
    y = lambda ms: top + side * math.log2(10) * (high - math.log10(ms))  # a doubling is as high as it is wide
    width, height = x[lengths[-1]] + 190, y(10**low) + 40
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height:.0f}" font-family="sans-serif" font-size="12">',
             f'<rect width="{width}" height="{height:.0f}" fill="white"/>']
    for length in lengths:
        parts.append(f'<path d="M{x[length]} {top} V{y(10**low):.1f}" stroke="#ddd"/>'
                     f'<text x="{x[length]}" y="{y(10**low) + 20:.1f}" text-anchor="middle">{length}</text>')
    for power in range(low, high + 1):
        parts.append(f'<path d="M{left} {y(10**power):.1f} H{x[lengths[-1]]}" stroke="#ddd"/>'
                     f'<text x="{left - 8}" y="{y(10**power) + 4:.1f}" text-anchor="end">{10**power:g} ms</text>')
    for (name, rows), colour in zip(table.items(), ("#c33", "#06c")):
        for key, dash in (("ms", "none"), ("attention", "5 3")):
            points = " ".join(f"{x[length]},{y(row[key]):.1f}" for length, row in zip(lengths, rows))
            parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"/>')
            what = MODELS[name] + (", attention" if key == "attention" else "")
            parts.append(f'<text x="{x[lengths[-1]] + 8}" y="{y(rows[-1][key]) + 4:.1f}" fill="{colour}">{what}</text>')
    path.write_text("\n".join([*parts, "</svg>"]) + "\n")


def main():
    longest = int(sys.argv[1]) if len(sys.argv) > 1 else 16384
    lengths = [SHORTEST << i for i in range((longest // SHORTEST).bit_length())]
    table = {}
    print("| model | tokens | ms | us a token | attention ms | RSS MB |\n|---|---|---|---|---|---|")
    for name in MODELS:
        artifact = compiled(name)
        for length in lengths:
            row = measure(artifact, length)
            table.setdefault(name, []).append(row)
            print(f"| {name} | {length} | {row['ms']:.1f} | {1000 * row['ms'] / length:.1f} | {row['attention']:.1f} "
                  f"| {row['mb']:.0f} |", flush=True)
    draw(table, lengths, WORK / "lengths.svg")


main()
