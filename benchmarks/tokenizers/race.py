#!/usr/bin/env python3
"""Tokenizers against Hugging Face's `tokenizers`, both on one thread, in turns, ids compared first:

    python3 benchmarks/tokenizers/race.py build/bin/tokenize-app ../shared/corpora [ROUNDS]

Both tokenize the lines of wikitext-2's valid.txt one by one; a line's time is its encoding with offsets. Medians count.
"""
import gzip
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

os.environ["RAYON_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
from tokenizers import Tokenizer  # noqa: E402: reads its threads from the environment

CONTENDERS = {"WordPiece (BERT)": "bert/bert-base-uncased.tokenizer.json", "BPE (RoBERTa)": "roberta/tokenizer.json",
              "Unigram (T5)": "t5/tokenizer.json", "Unigram (NMT)": "nmt/tokenizer.json",
              "Unigram (XLM-R)": "xlm-r/paraphrase-multilingual-mpnet-base-v2.json.gz"}


def main():
    app, corpora, rounds = sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 7
    text = corpora / "texts" / "wikitext-2" / "valid.txt"
    lines = text.read_text().split("\n")[:-1]
    megabytes = text.stat().st_size / 1e6
    print("| tokenizer | MB/s | tokenizers MB/s | times faster | tables MB |\n|---|---|---|---|---|")
    for name, path in CONTENDERS.items():
        with tempfile.TemporaryDirectory() as folder:
            data = (corpora / "tokenizers" / path).read_bytes()
            target = pathlib.Path(folder) / "tokenizer.json"
            target.write_bytes(gzip.decompress(data) if path.endswith(".gz") else data)
            peer = Tokenizer.from_file(str(target))
            peer.no_truncation()
            peer.no_padding()
            ours = subprocess.Popen([app, folder, str(text)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            tables = int(ours.stdout.readline())
            times = {"ours": [], "peer": []}
            for _ in range(rounds):
                ours.stdin.write("go\n")
                ours.stdin.flush()
                seconds, found = ours.stdout.readline().split()
                times["ours"].append(float(seconds))
                start = time.perf_counter()
                encodings = [peer.encode(line) for line in lines]
                times["peer"].append(time.perf_counter() - start)
                value = 0xCBF29CE484222325
                for encoding in encodings if not times["ours"][1:] else []:
                    for token in encoding.ids:
                        value = ((value ^ token) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
                if not times["ours"][1:] and found != f"{value:016x}":
                    sys.exit(f"{name}: the ids differ")
            ours.stdin.close()
            mine, others = (statistics.median(times[k]) for k in ("ours", "peer"))
            print(f"| {name} | {megabytes / mine:.1f} | {megabytes / others:.1f} | {others / mine:.1f} | {tables / 1e6:.1f} |")


if __name__ == "__main__":
    main()
