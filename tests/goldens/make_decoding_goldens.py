#!/usr/bin/env python3
"""Writes tests/goldens/decoding: what Transformers' generate() writes with the tiny language models that other scripts
have stored, and the logits of texts that are given.

Made with Python 3.11, torch==2.13.0, transformers==4.55.4, safetensors==0.8.0, on the CPU:

    python3 tests/goldens/make_decoding_goldens.py

cases.json lists, for each model, runs: options under Transformers' names, where what is not named is as the model's
directory says; prompts of different lengths; and the ids written for each, the one that ends a text included. Of beams
there are scores, too. `texts` has num_return_sequences for each prompt.

Numbers of another implementation are a little different, and one id that is chosen otherwise changes all that follow.
So only those runs are kept in which every decision is clear; prompts are drawn until there is such a run:
- of greedy search, the best score is at least 1e-3 above the next one in every step;
- in float32 the prompts are written for as one batch, padded on the left under a mask, and in float64 each alone: the
  same ids, and of beams scores that differ by at most 1e-4, while those of one prompt's texts are further apart;
- the same again when every logit has noise of up to 5e-5.

Some options see the padding in Transformers: repetition_penalty, no_repeat_ngram_size and bad_words_ids take it for
text, and max_length and min_length count it. There each prompt is written for alone, in float32 too; and likewise with
OpenAI GPT and CTRL, which take no mask in generate(). Of some there is a second run, "-padded", whose padding is an id
that texts have, and changes them. `padding` says how it was: "ignored", with or without it the same ids; "none", the
prompts alone; or "counted", padded on the left with pad_token_id, in float64 too.

"forced" are a prompt and what is put behind it, drawn at random, whatever the model would say. forced.safetensors has
the logits behind the prompt and behind each token that follows, [2, 21, vocabulary] by FAMILY/MODEL: of the whole text
read at once without a cache in float64, stored as float32.
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

GOLDENS = pathlib.Path(__file__).resolve().parent
OUT = GOLDENS / "decoding"
NOISE = 5e-5
CLEAR = {"greedy": 1e-3, "scores": 1e-4}
FORCED = 20
SEES_PADDING = {"repetition_penalty", "no_repeat_ngram_size", "bad_words_ids", "max_length", "min_length",
                "num_beam_groups"}  # the last, too, as a group that has ended is counted as writing padding
WITHOUT_MASK = {"openai-gpt", "ctrl"}

MODELS = [f"{family}/{model}" for family, models in {
    "gpt2": "lm lm-untied", "openai-gpt": "lm lm-untied", "ctrl": "lm lm-untied", "opt": "lm lm-projected",
    "bloom": "lm lm-untied", "gpt-neox": "lm lm-tied", "gptj": "lm lm-tied", "llama": "lm lm-tied",
    "mistral": "lm lm-tied", "qwen2": "lm lm-tied", "qwen3": "lm lm-tied", "phi3": "lm lm-tied",
    "starcoder2": "lm lm-tied lm-defaults", "gemma": "lm lm-tied", "gemma3": "lm lm-tied", "gemma2": "lm lm-tied"}.items()
          for model in models.split()]

# Where eos_token_id or bad_words_ids is a number: so many of the ids, or runs of them, that would be written else.
ALL = {
    "as-the-file-says": ((1, 5, 17), {}),
    "greedy-long": ((30, 1, 5, 17), {"max_new_tokens": 30, "eos_token_id": None}),
    "greedy-ends": ((1, 17, 5, 9), {"max_new_tokens": 25, "eos_token_id": 3}),
    "greedy-repetition": ((5, 1, 17), {"max_new_tokens": 25, "repetition_penalty": 1.3, "eos_token_id": None}),
    "greedy-ngrams": ((17, 1, 5), {"max_new_tokens": 25, "no_repeat_ngram_size": 2, "eos_token_id": None}),
    "greedy-min-new": ((5, 17, 1), {"max_new_tokens": 25, "min_new_tokens": 9, "eos_token_id": 2}),
    "greedy-lengths": ((5, 1, 17, 12), {"max_length": 28, "min_length": 15, "eos_token_id": 2}),
    "greedy-bad-words": ((9, 1, 5), {"max_new_tokens": 20, "bad_words_ids": 4, "eos_token_id": None}),
    "beams-2": ((1, 5, 17), {"max_new_tokens": 20, "num_beams": 2, "num_return_sequences": 2, "eos_token_id": None}),
    "beams-4-best": ((5, 1, 17), {"max_new_tokens": 20, "num_beams": 4, "num_return_sequences": 4, "eos_token_id": 3,
                                  "length_penalty": 1.6}),
    "beams-4-enough": ((17, 5, 1), {"max_new_tokens": 24, "num_beams": 4, "num_return_sequences": 3, "eos_token_id": 2,
                                    "early_stopping": True, "length_penalty": 0.4, "min_new_tokens": 4}),
    "beams-4-never": ((5, 17, 1), {"max_new_tokens": 20, "num_beams": 4, "num_return_sequences": 2, "eos_token_id": 3,
                                   "early_stopping": "never", "length_penalty": -0.7, "min_new_tokens": 6}),
    "beams-3-ngrams": ((1, 17, 5), {"max_new_tokens": 22, "num_beams": 3, "num_return_sequences": 3, "eos_token_id": 1,
                                    "no_repeat_ngram_size": 3, "repetition_penalty": 1.2, "min_new_tokens": 8}),
    "beams-groups": ((5, 1, 17), {"max_new_tokens": 20, "num_beams": 4, "num_beam_groups": 2, "diversity_penalty": 0.7,
                                  "num_return_sequences": 4, "eos_token_id": 2, "pad_token_id": 0}),
}
ALL |= {f"{name}-padded": ALL[name]
        for name in ("greedy-repetition", "greedy-ngrams", "greedy-lengths", "beams-3-ngrams")}
# What every model has, and of these by turns one.
COMMON = ["as-the-file-says", "greedy-ends"]
GREEDY = ["greedy-long", "greedy-repetition", "greedy-ngrams", "greedy-min-new", "greedy-lengths", "greedy-bad-words"]
BEAMS = ["beams-4-best", "beams-2", "beams-4-enough", "beams-3-ngrams", "beams-4-never", "beams-groups"]
WITH_ALL = {"gpt2/lm", "llama/lm"}


def names_for(model):
    if model in WITH_ALL:
        return list(ALL)
    number = MODELS.index(model)
    return COMMON + [GREEDY[number % len(GREEDY)], BEAMS[number // 2 % len(BEAMS)]]


def round_logits(module, inputs, output):
    output.logits = output.logits.float()


class Writer:
    """A model in both types, and generate() with it."""

    def __init__(self, path):
        family, name = path.split("/")
        script = importlib.import_module(f"make_{family.replace('-', '_')}_goldens")
        self.entry = next(entry for entry in script.MODELS if entry.name == name)
        directory = GOLDENS / path / "model"
        self.single, self.double = (load_model(self.entry, directory, t) for t in (torch.float32, torch.float64))
        # As generate() makes of logits in any case; groups of beams want it before.
        self.double.register_forward_hook(round_logits)
        self.takes_mask = family not in WITHOUT_MASK
        self.vocabulary = self.single.config.vocab_size

    def ends(self, options):
        ends = options.get("eos_token_id", self.single.generation_config.eos_token_id)
        return [ends] if isinstance(ends, int) else ends or []

    def generate(self, model, prompts, options):
        """One batch: texts of each prompt without it, their scores, and how clear the least clear choice was."""
        width = max(map(len, prompts))
        options = {"pad_token_id": 0} | options
        ids = torch.tensor([[options["pad_token_id"]] * (width - len(p)) + p for p in prompts])
        mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts])
        with torch.no_grad():
            out = model.generate(ids, attention_mask=mask, do_sample=False, output_scores=True,
                                 return_dict_in_generate=True, **options)
        texts, gap = [], float("inf")
        ends, beams = self.ends(options), options.get("num_beams", 1)
        for row, written in enumerate(out.sequences[:, width:].tolist()):
            texts.append(written[:next((i + 1 for i, id in enumerate(written) if id in ends), len(written))])
            if beams == 1:
                for scores in out.scores[:len(texts[-1])]:
                    best, second = scores[row].double().topk(2).values.tolist()
                    gap = min(gap, best - second)
        return texts, out.sequences_scores.tolist() if beams > 1 else [], gap

    def generate_alone(self, model, prompts, options):
        texts, scores, gaps = zip(*(self.generate(model, [prompt], options) for prompt in prompts))
        return sum(texts, []), sum(scores, []), min(gaps)

    def run(self, name, rng):
        """What is stored of one run, or None if it is not clear."""
        lengths, options = ALL[name]
        prompts = [[rng.randrange(self.vocabulary) for _ in range(length)] for length in lengths]
        options = self.with_ids(options, prompts, rng)
        padding = "none" if not self.takes_mask or SEES_PADDING & set(options) else "ignored"
        in_single, in_double = self.generate_alone if padding == "none" else self.generate, self.generate_alone
        if name.endswith("-padded"):
            alone = self.generate_alone(self.single, prompts, options)[0]
            common = sorted({id for text in alone for id in text} - set(self.ends(options)))
            padding, in_single, in_double = "counted", self.generate, self.generate
            options = options | {"pad_token_id": rng.choice(common)}
        texts, scores, gap = in_double(self.double, prompts, options)
        if padding == "counted" and texts == alone:
            return None
        count = options.get("num_return_sequences", 1)
        for first in range(0, len(scores), count):
            one = scores[first:first + count]
            gap = min([gap] + [a - b for a, b in zip(one, one[1:])])
        if gap < (CLEAR["scores"] if scores else CLEAR["greedy"]):
            return None
        again = [in_single(self.single, prompts, options)]
        noise = torch.Generator().manual_seed(rng.randrange(1 << 30))

        def disturb(module, inputs, output):
            output.logits = output.logits + NOISE * (2 * torch.rand(output.logits.shape, generator=noise) - 1)

        handle = self.single.register_forward_hook(disturb)
        again += [in_single(self.single, prompts, options) for _ in range(2)]
        handle.remove()
        if any(other[0] != texts for other in again):
            return None
        if any(abs(a - b) > CLEAR["scores"] for a, b in zip(scores, again[0][1])):
            return None
        ended = sum(text[-1] in self.ends(options) for text in texts)
        if isinstance(ALL[name][1].get("eos_token_id"), int) and not 0 < ended:
            return None  # texts that end are what it is for
        stored = {"name": name, "padding": padding, "options": options, "prompts": prompts, "texts": texts}
        return stored | ({"scores": [float(f"{s:.7g}") for s in scores]} if scores else {})

    def with_ids(self, options, prompts, rng):
        names = ("eos_token_id", "bad_words_ids")
        wanted = {name: options[name] for name in names if isinstance(options.get(name), int)}
        if not wanted:
            return options
        plain = {"max_new_tokens": 14, "eos_token_id": None}
        texts = self.generate_alone(self.single, prompts, plain)[0]
        ids = sorted({id for text in texts for id in text[3:]})
        if "eos_token_id" in wanted:
            ends = rng.sample(ids, min(len(ids), wanted["eos_token_id"]))
            return options | {"eos_token_id": ends[0] if len(ends) == 1 else ends}
        words = []  # single tokens, and runs of two and three
        for number in range(wanted["bad_words_ids"]):
            text, at = rng.choice(texts), rng.randrange(11)
            words.append(text[at:at + 1 + number % 3])
        return options | {"bad_words_ids": words}

    def forced(self, rng):
        texts = [[rng.randrange(self.vocabulary) for _ in range(length + FORCED)] for length in (5, 17)]
        rows = []
        with torch.no_grad():
            for text in texts:
                rows.append(self.double(torch.tensor([text]), use_cache=False).logits[0, -FORCED - 1:])
        return texts, torch.stack(rows)


def main():
    logging.set_verbosity_error()
    torch.set_num_threads(1)
    stored, logits = [], {}
    for number, path in enumerate(MODELS):
        writer, runs = Writer(path), []
        for name in names_for(path):
            tries = 0
            run = None
            while run is None:
                tries += 1
                assert tries < 400, f"{path}: no clear run of {name}"
                run = writer.run(name, random.Random(f"{path} {name} {tries}"))
            runs.append(run)
            print(path, name, tries, "tries,", sorted(map(len, run["texts"])), "tokens", file=sys.stderr, flush=True)
        texts, logits[path] = writer.forced(random.Random(path))
        stored.append({"model": path, "forced": texts, "runs": runs})
    OUT.mkdir(exist_ok=True)
    lines = [json.dumps({"model": m["model"], "forced": m["forced"]}, separators=(",", ":"))[:-1] + ',"runs":[\n' +
             ",\n".join(json.dumps(run, separators=(",", ":")) for run in m["runs"]) + "]}" for m in stored]
    (OUT / "cases.json").write_text('{"models":[\n' + ",\n".join(lines) + "]}\n")
    save_file({name: value.contiguous() for name, value in logits.items()}, OUT / "forced.safetensors")
    print(len(stored), "models,", sum(len(m["runs"]) for m in stored), "runs,",
          sum(file.stat().st_size for file in OUT.iterdir()), "bytes")


if __name__ == "__main__":
    main()
