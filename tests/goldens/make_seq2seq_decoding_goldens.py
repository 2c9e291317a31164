#!/usr/bin/env python3
"""Writes tests/goldens/seq2seq-decoding: what Transformers' generate() writes with the tiny models that have an encoder and
a decoder, which other scripts have stored, and the logits of texts that are given.

Made with Python 3.11, torch==2.13.0, transformers==4.55.4, safetensors==0.8.0, on the CPU:

    python3 tests/goldens/make_seq2seq_decoding_goldens.py

As make_decoding_goldens.py: only runs are kept in which every decision is clear, in float64 each source alone, and in
float32 all as one batch, padded on either side under a mask. `decoder_ids`, where there are such, are what texts begin with.
forced.safetensors has the logits behind the decoder's start and behind each token that follows, [2, 21, vocabulary] by
FAMILY/MODEL.
"""
import importlib
import json
import pathlib
import random
import sys

import torch
from safetensors.torch import save_file
from transformers.utils import logging

from encoder_goldens import load_model
from make_decoding_goldens import CLEAR, NOISE, round_logits

GOLDENS = pathlib.Path(__file__).resolve().parent
OUT = GOLDENS / "seq2seq-decoding"
FORCED = 20

MODELS = ["bart/lm", "bart/lm-untied", "t5/lm", "t5/lm-gated", "marian/lm", "marian/lm-unshared", "mbart/lm",
          "pegasus/lm", "m2m100/lm", "mt5/lm", "umt5/lm"]

# Lengths of sources; options, where eos_token_id and bad_words_ids are numbers of ids that would be written else; and the
# length of what the decoder begins with.
ALL = {
    "as-the-file-says": ((1, 5, 17), {}, 0),
    "greedy": ((20, 1, 9), {"max_new_tokens": 25, "eos_token_id": None, "forced_eos_token_id": None}, 0),
    "greedy-ends": ((1, 17, 5), {"max_new_tokens": 20, "eos_token_id": 3, "forced_eos_token_id": None}, 0),
    "greedy-prompt": ((7, 3), {"max_length": 18, "eos_token_id": None, "forced_eos_token_id": None}, 4),
    "greedy-forced": ((7, 12), {"max_new_tokens": 14, "forced_bos_token_id": 7, "forced_eos_token_id": 9}, 0),
    "greedy-ngrams": ((5, 1), {"max_length": 25, "min_length": 12, "no_repeat_ngram_size": 2, "eos_token_id": 2,
                               "forced_eos_token_id": None, "repetition_penalty": 1.2}, 0),
    "greedy-bad-words": ((9, 5), {"max_new_tokens": 16, "bad_words_ids": 4, "eos_token_id": None,
                                  "forced_eos_token_id": None}, 0),
    "beams-4": ((5, 1, 17), {"max_new_tokens": 18, "num_beams": 4, "num_return_sequences": 4, "eos_token_id": 3,
                             "forced_eos_token_id": None, "length_penalty": 1.6}, 0),
    "beams-3-enough": ((12, 4), {"max_new_tokens": 18, "num_beams": 3, "num_return_sequences": 2, "eos_token_id": 2,
                                 "forced_eos_token_id": None, "early_stopping": True, "length_penalty": 0.6}, 0),
    "beams-2-prompt": ((3, 9), {"max_length": 20, "num_beams": 2, "eos_token_id": 2, "forced_eos_token_id": None,
                                "length_penalty": -0.5, "early_stopping": "never"}, 3),
    "beams-groups": ((5, 8), {"max_new_tokens": 14, "num_beams": 4, "num_beam_groups": 2, "diversity_penalty": 0.7,
                              "num_return_sequences": 4, "eos_token_id": None, "forced_eos_token_id": None}, 0),
}
WITH_ALL = {"bart/lm", "t5/lm"}


def names_for(model):
    if model in WITH_ALL:
        return list(ALL)
    others, number = list(ALL)[1:], MODELS.index(model)
    return ["as-the-file-says", others[number % 6], others[6 + number % 4]]


class Writer:
    def __init__(self, path):
        family, name = path.split("/")
        script = importlib.import_module(f"make_{family}_goldens")
        entry = next(entry for entry in script.MODELS if entry.name == name)
        self.single, self.double = (load_model(entry, GOLDENS / path / "model", t) for t in (torch.float32, torch.float64))
        self.double.register_forward_hook(round_logits)
        config = self.single.config
        self.vocabulary, self.start = config.vocab_size, self.single.generation_config.decoder_start_token_id
        if self.start is None:
            self.start = self.single.generation_config.bos_token_id

    def ends(self, options):
        ends = options.get("eos_token_id", self.single.generation_config.eos_token_id)
        return [ends] if isinstance(ends, int) else ends or []

    def generate(self, model, sources, prompts, options, side="left"):
        width = max(map(len, sources))
        pad = lambda row, with_what: ([with_what] * (width - len(row)) + row if side == "left" else
                                      row + [with_what] * (width - len(row)))
        ids = torch.tensor([pad(source, 1) for source in sources])
        mask = torch.tensor([pad([1] * len(source), 0) for source in sources])
        given = {"decoder_input_ids": torch.tensor(prompts)} if prompts else {}
        with torch.no_grad():
            out = model.generate(ids, attention_mask=mask, do_sample=False, output_scores=True,
                                 return_dict_in_generate=True, **given, **options)
        begin = (len(prompts[0]) if prompts else 0) + 1  # the start stands before any
        texts, gap = [], float("inf")
        ends, beams = self.ends(options), options.get("num_beams", 1)
        for row, written in enumerate(out.sequences[:, begin:].tolist()):
            texts.append(written[:next((i + 1 for i, id in enumerate(written) if id in ends), len(written))])
            if beams == 1:
                for scores in out.scores[:len(texts[-1])]:
                    best, second = scores[row].double().topk(2).values.tolist()
                    gap = min(gap, best - second)
        return texts, out.sequences_scores.tolist() if beams > 1 else [], gap

    def alone(self, model, sources, prompts, options):
        parts = [self.generate(model, [source], prompts[i:i + 1], options) for i, source in enumerate(sources)]
        texts, scores, gaps = zip(*parts)
        return sum(texts, []), sum(scores, []), min(gaps)

    def run(self, name, rng):
        lengths, options, prompt = ALL[name]
        draw = lambda length: [rng.randrange(5, self.vocabulary - 2) for _ in range(length)]
        sources, prompts = [draw(length) for length in lengths], [draw(prompt) for _ in lengths] if prompt else []
        options = self.with_ids({"pad_token_id": 1} | options, sources, rng)
        texts, scores, gap = self.alone(self.double, sources, prompts, options)
        count = options.get("num_return_sequences", 1)
        for first in range(0, len(scores), count):
            one = scores[first:first + count]
            gap = min([gap] + [a - b for a, b in zip(one, one[1:])])
        if gap < (CLEAR["scores"] if scores else CLEAR["greedy"]):
            return None
        again = [self.generate(self.single, sources, prompts, options, side) for side in ("left", "right")]
        noise = torch.Generator().manual_seed(rng.randrange(1 << 30))

        def disturb(module, inputs, output):
            output.logits = output.logits + NOISE * (2 * torch.rand(output.logits.shape, generator=noise) - 1)

        handle = self.single.register_forward_hook(disturb)
        again += [self.alone(self.single, sources, prompts, options) for _ in range(2)]
        handle.remove()
        # Padding moves tokens to other columns, where positions are such: there texts alone are compared.
        same = [other[0] == texts for other in again]
        if not all(same[1:]):
            return None
        if any(abs(a - b) > CLEAR["scores"] for a, b in zip(scores, again[1][1])):
            return None
        ended = sum(text[-1] in self.ends(options) for text in texts)
        if isinstance(ALL[name][1].get("eos_token_id"), int) and not ended:
            return None
        left = same[0] and all(abs(a - b) <= CLEAR["scores"] for a, b in zip(scores, again[0][1]))
        stored = {"name": name, "options": options, "sources": sources, "texts": texts, "left": left}
        if prompts:
            stored["decoder_ids"] = prompts
        return stored | ({"scores": [float(f"{s:.7g}") for s in scores]} if scores else {})

    def with_ids(self, options, sources, rng):
        names = ("eos_token_id", "bad_words_ids")
        wanted = {name: options[name] for name in names if isinstance(options.get(name), int)}
        if not wanted:
            return options
        plain = {"max_new_tokens": 12, "eos_token_id": None, "forced_eos_token_id": None, "pad_token_id": 1}
        texts = self.alone(self.single, sources, [], plain)[0]
        ids = sorted({id for text in texts for id in text[2:]})
        if "eos_token_id" in wanted:
            ends = rng.sample(ids, min(len(ids), wanted["eos_token_id"]))
            return options | {"eos_token_id": ends[0] if len(ends) == 1 else ends}
        words = []
        for number in range(wanted["bad_words_ids"]):
            text, at = rng.choice(texts), rng.randrange(9)
            words.append(text[at:at + 1 + number % 3])
        return options | {"bad_words_ids": words}

    def forced(self, rng):
        sources = [[rng.randrange(self.vocabulary) for _ in range(length)] for length in (5, 17)]
        texts = [[rng.randrange(self.vocabulary) for _ in range(FORCED)] for _ in sources]
        rows = []
        with torch.no_grad():
            for source, text in zip(sources, texts):
                rows.append(self.double(input_ids=torch.tensor([source]),
                                        decoder_input_ids=torch.tensor([[self.start] + text]),
                                        use_cache=False).logits[0])
        return {"sources": sources, "texts": texts}, torch.stack(rows)


def main():
    logging.set_verbosity_error()
    torch.set_num_threads(1)
    stored, logits = [], {}
    for path in MODELS:
        writer, runs = Writer(path), []
        for name in names_for(path):
            run, tries = None, 0
            while run is None:
                tries += 1
                assert tries < 300, f"{path}: no clear run of {name}"
                run = writer.run(name, random.Random(f"{path} {name} {tries}"))
            runs.append(run)
            print(path, name, tries, "tries,", sorted(map(len, run["texts"])), "tokens", file=sys.stderr, flush=True)
        forced, logits[path] = writer.forced(random.Random(path))
        stored.append({"model": path, "forced": forced, "runs": runs})
    OUT.mkdir(exist_ok=True)
    lines = [json.dumps({"model": m["model"], "forced": m["forced"]}, separators=(",", ":"))[:-1] + ',"runs":[\n' +
             ",\n".join(json.dumps(run, separators=(",", ":")) for run in m["runs"]) + "]}" for m in stored]
    (OUT / "cases.json").write_text('{"models":[\n' + ",\n".join(lines) + "]}\n")
    save_file({name: value.float().contiguous() for name, value in logits.items()}, OUT / "forced.safetensors")
    print(len(stored), "models,", sum(len(m["runs"]) for m in stored), "runs")


if __name__ == "__main__":
    main()
