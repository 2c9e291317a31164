#!/usr/bin/env python3
"""Writes tests/goldens/generation: what Transformers' generate() writes with a model that is a table, and what its
warpers make of a row of scores.

Made with Python 3.11, torch==2.13.0, transformers==4.55.4, on the CPU:

    python3 tests/goldens/make_generation_goldens.py

The model's logits are a function of the last two ids: table[last] + shift[before last], where `before last` counts
modulo the number of shifts; the first id has 0 before it. Its vocabulary is small, so that texts end and repeat
themselves. Numbers are rounded to 2^-14, so that JSON has them exactly and f32 adds them exactly, and which is so fine
that none are equal where it matters: torch.topk and torch.sort order equal scores as it happens.
"""
import collections
import json
import pathlib
import random

import torch
from transformers import GenerationConfig, GenerationMixin, PretrainedConfig, PreTrainedModel
from transformers.generation import logits_process as lp
from transformers.modeling_outputs import CausalLMOutput

OUT = pathlib.Path(__file__).parent / "generation"
VOCABULARY = 83
SHIFTS = 5
EOS = 2
GRID = 1 << 14
DRAWS = 4000


def rounded(tensor):
    return torch.round(tensor * GRID) / GRID


class TableConfig(PretrainedConfig):
    model_type = "lathe-table"

    def __init__(self, vocab_size=VOCABULARY, **kwargs):
        self.vocab_size = vocab_size
        super().__init__(**kwargs)


class TableModel(PreTrainedModel, GenerationMixin):
    config_class = TableConfig
    _supports_cache_class = False

    def __init__(self, config, table, shifts):
        super().__init__(config)
        self.table, self.shifts = table, shifts
        self.unused = torch.nn.Parameter(torch.zeros(1))

    def prepare_inputs_for_generation(self, input_ids, **kwargs):
        return {"input_ids": input_ids}

    def forward(self, input_ids, return_dict=True, **kwargs):
        last = input_ids[:, -1]
        before = input_ids[:, -2] if input_ids.shape[1] > 1 else torch.zeros_like(last)
        return CausalLMOutput(logits=(self.table[last] + self.shifts[before % SHIFTS])[:, None, :])


def cases():
    """Options of Transformers, with the prompt; what is not named has its default."""
    short, long = [5], [7, 11, 5, 7, 11]
    yield "greedy", short, {"max_new_tokens": 12}
    yield "greedy-no-eos", short, {"max_new_tokens": 12, "eos_token_id": None}
    yield "greedy-max-length", long, {"max_length": 9}
    yield "greedy-min-length", short, {"max_new_tokens": 20, "min_length": 18}
    yield "greedy-min-new-tokens", long, {"max_new_tokens": 20, "min_new_tokens": 15}
    yield "greedy-repetition", long, {"max_new_tokens": 20, "repetition_penalty": 1.4}
    yield "greedy-repetition-below-one", long, {"max_new_tokens": 20, "repetition_penalty": 0.8}
    for n in (1, 2, 3, 4):
        yield f"greedy-ngram-{n}", long, {"max_new_tokens": 25, "no_repeat_ngram_size": n, "min_new_tokens": 12}
    yield "greedy-forced-bos", short, {"max_new_tokens": 8, "forced_bos_token_id": 9}
    yield "greedy-forced-bos-behind-a-long-prompt", long, {"max_new_tokens": 8, "forced_bos_token_id": 9}
    yield "greedy-forced-eos", short, {"max_new_tokens": 6, "forced_eos_token_id": 2, "min_new_tokens": 6}
    yield "greedy-several-eos", short, {"max_new_tokens": 20, "eos_token_id": [2, 30, 31, 32]}
    yield "greedy-all", long, {"max_new_tokens": 20, "repetition_penalty": 1.2, "no_repeat_ngram_size": 2,
                               "min_new_tokens": 6, "bad_words_ids": [[3], [11, 4]], "forced_eos_token_id": 2}
    yield "greedy-bad-words-of-all", long, {"max_new_tokens": 10, "bad_words_ids": "greedy"}
    for beams in (2, 3, 4, 5):
        yield f"beams-{beams}", short, {"max_new_tokens": 12, "num_beams": beams, "num_return_sequences": beams}
    for penalty in (-1.0, 0.0, 0.6, 2.0):
        for stop in (False, True, "never"):
            yield f"beams-length-{penalty}-{stop}", long, {
                "max_new_tokens": 16, "num_beams": 4, "num_return_sequences": 3, "length_penalty": penalty,
                "early_stopping": stop}
    for stop in (False, True, "never"):
        yield f"beams-several-eos-{stop}", short, {
            "max_new_tokens": 15, "num_beams": 3, "num_return_sequences": 3, "eos_token_id": [2, 30, 31, 32],
            "early_stopping": stop}
        yield f"beams-min-new-{stop}", short, {
            "max_new_tokens": 15, "num_beams": 3, "num_return_sequences": 3, "min_new_tokens": 7,
            "early_stopping": stop, "length_penalty": 0.5}
    yield "beams-no-eos", short, {"max_new_tokens": 6, "num_beams": 3, "num_return_sequences": 3, "eos_token_id": None}
    yield "beams-one-token", short, {"max_new_tokens": 1, "num_beams": 4, "num_return_sequences": 4}
    yield "beams-two-tokens", short, {"max_new_tokens": 2, "num_beams": 5, "num_return_sequences": 5}
    yield "beams-max-length", long, {"max_length": 8, "num_beams": 3, "num_return_sequences": 2}
    yield "beams-repetition", long, {"max_new_tokens": 14, "num_beams": 3, "num_return_sequences": 3,
                                     "repetition_penalty": 1.5}
    yield "beams-ngram-2", long, {"max_new_tokens": 20, "num_beams": 3, "num_return_sequences": 3,
                                  "no_repeat_ngram_size": 2, "min_new_tokens": 8}
    yield "beams-ngram-3", long, {"max_new_tokens": 20, "num_beams": 4, "num_return_sequences": 2,
                                  "no_repeat_ngram_size": 3, "min_new_tokens": 10}
    yield "beams-forced-bos", short, {"max_new_tokens": 8, "num_beams": 3, "num_return_sequences": 3,
                                      "forced_bos_token_id": 9}
    yield "beams-forced-eos", short, {"max_new_tokens": 7, "num_beams": 3, "num_return_sequences": 3,
                                      "forced_eos_token_id": 2}
    yield "beams-bad-words", long, {"max_new_tokens": 10, "num_beams": 3, "num_return_sequences": 3,
                                    "bad_words_ids": "beams"}
    yield "beams-as-bart", short, {"max_length": 24, "min_length": 9, "num_beams": 4, "num_return_sequences": 4,
                                   "length_penalty": 2.0, "early_stopping": True, "no_repeat_ngram_size": 3,
                                   "forced_bos_token_id": 1, "forced_eos_token_id": 2}
    yield "beams-all", long, {"max_new_tokens": 14, "num_beams": 4, "num_return_sequences": 4,
                              "repetition_penalty": 1.2, "no_repeat_ngram_size": 2, "min_new_tokens": 5,
                              "bad_words_ids": [[3], [11, 4], [2]], "length_penalty": 1.3, "eos_token_id": [2, 31]}
    for beams, groups in ((2, 2), (4, 2), (6, 3), (3, 3)):
        for penalty in (0.3, 1.53, 20.03):
            yield f"groups-{beams}-{groups}-{penalty}", short, {
                "max_new_tokens": 10, "num_beams": beams, "num_beam_groups": groups, "num_return_sequences": beams,
                "diversity_penalty": penalty}
    for stop in (False, True, "never"):
        for penalty in (-1.0, 0.0, 2.0):
            yield f"groups-{penalty}-{stop}", long, {
                "max_new_tokens": 16, "num_beams": 4, "num_beam_groups": 2, "num_return_sequences": 4,
                "diversity_penalty": 0.53, "early_stopping": stop, "length_penalty": penalty}
    yield "groups-several-eos", short, {
        "max_new_tokens": 12, "num_beams": 6, "num_beam_groups": 3, "num_return_sequences": 5,
        "diversity_penalty": 0.7, "eos_token_id": [30, 2, 31]}
    yield "groups-all", long, {
        "max_new_tokens": 14, "num_beams": 6, "num_beam_groups": 2, "num_return_sequences": 6,
        "diversity_penalty": 0.9, "repetition_penalty": 1.2, "no_repeat_ngram_size": 2, "min_new_tokens": 5,
        "bad_words_ids": [[3], [11, 4]], "forced_eos_token_id": 2, "pad_token_id": 5}
    # A word of one token more than the text has is not looked for, though its last one is still to be written.
    yield "greedy-bad-word-as-long-as-the-text", short, {"max_new_tokens": 3, "bad_words_ids": [[5, 67], [67, 76]]}
    # Groups that are done go on to be counted as writing pad_token_id.
    for pad in (67, 76, 82):
        yield f"groups-pad-{pad}", short, {
            "max_new_tokens": 14, "num_beams": 4, "num_beam_groups": 2, "num_return_sequences": 4, "pad_token_id": pad,
            "diversity_penalty": 1.03, "early_stopping": True, "eos_token_id": [2, 31, 34, 7]}
    yield from random_cases(60)
    for search, extra in (("greedy", {}), ("beams", {"num_beams": 3, "num_return_sequences": 3}),
                          ("groups", {"num_beams": 4, "num_beam_groups": 2, "num_return_sequences": 4,
                                      "diversity_penalty": 0.83})):
        for name, options in processed():
            yield f"{search}-{name}", long, {"max_new_tokens": 14, **extra, **options}
    yield "greedy-suppressed-first-behind-forced-bos", short, {
        "max_new_tokens": 6, "forced_bos_token_id": 9, "begin_suppress_tokens": "written"}
    yield "greedy-suppressed-first-behind-a-long-prompt", long, {
        "max_new_tokens": 6, "forced_bos_token_id": 9, "begin_suppress_tokens": "written"}
    yield "greedy-suppressed-forced-eos", short, {"max_new_tokens": 5, "forced_eos_token_id": 9, "min_new_tokens": 5,
                                                  "suppress_tokens": [76]}


def processed():
    """Options that change scores, each alone and then together. A string is what would be written without."""
    yield "encoder-repetition", {"encoder_repetition_penalty": 3.0}
    yield "encoder-repetition-below-one", {"encoder_repetition_penalty": 0.4}
    yield "encoder-ngram-1", {"encoder_no_repeat_ngram_size": 1}
    yield "encoder-ngram-2", {"encoder_no_repeat_ngram_size": 2, "sequence_bias": [[[7], 2.5], [[11], 2.25]]}
    yield "encoder-ngram-3", {"encoder_no_repeat_ngram_size": 3, "sequence_bias": [[[7], 4.5], [[11], 4.25], [[5], 3.75]]}
    yield "sequence-bias", {"sequence_bias": "bias"}
    yield "suppress", {"suppress_tokens": "written"}
    yield "begin-suppress", {"begin_suppress_tokens": "written"}
    for start, factor in ((0, 1.13), (4, 1.61), (2, 0.83), (20, 9.0)):
        yield f"decay-{start}-{factor}", {"exponential_decay_length_penalty": [start, factor]}
    yield "renormalize", {"renormalize_logits": True, "repetition_penalty": 1.6, "suppress_tokens": [67, 76, 31]}
    yield "renormalize-ngram", {"renormalize_logits": True, "no_repeat_ngram_size": 2, "min_new_tokens": 6}
    yield "every-processor", {
        "encoder_repetition_penalty": 1.7, "encoder_no_repeat_ngram_size": 2, "repetition_penalty": 1.3,
        "no_repeat_ngram_size": 3, "sequence_bias": "bias", "begin_suppress_tokens": [67], "suppress_tokens": [71],
        "exponential_decay_length_penalty": [5, 1.2], "min_new_tokens": 4, "bad_words_ids": [[34]],
        "renormalize_logits": True, "forced_eos_token_id": 2}


def random_cases(count):
    """Texts that end soon and often: where rules of the two searches differ."""
    pick = random.Random(5)
    for number in range(count):
        groups = pick.choice((1, 2, 2, 3))
        beams = groups * pick.choice((1, 2, 3, 5) if groups > 1 else (2, 3, 4, 6))
        options = {"max_new_tokens": pick.randint(2, 14), "num_beams": beams, "num_return_sequences": beams,
                   "eos_token_id": pick.choice(([2], [2, 30, 31], [67, 2, 76, 7, 82], [2, 71, 34, 5])),
                   "pad_token_id": pick.choice((0, 67, 82)), "early_stopping": pick.choice((False, True, "never")),
                   "length_penalty": pick.choice((-0.51, 0.0, 1.0, 1.73)), "min_new_tokens": pick.choice((0, 0, 3)),
                   "repetition_penalty": pick.choice((1.0, 1.0, 1.17)), "no_repeat_ngram_size": pick.choice((0, 0, 2))}
        if groups > 1:
            options |= {"num_beam_groups": groups, "diversity_penalty": pick.choice((0.21, 1.03, 5.07))}
        yield f"random-{number}", [pick.randrange(VOCABULARY) for _ in range(pick.randint(1, 4))], options


def generate(model, prompt, options):
    """Texts, scores, and for greedy search how far the best score was above the next one at least."""
    config = GenerationConfig(**{"pad_token_id": 0, "eos_token_id": EOS, **options}, return_dict_in_generate=True,
                              output_scores=True, do_sample=False, use_cache=False)
    with torch.no_grad():
        out = model.generate(torch.tensor([prompt]), generation_config=config, max_length=config.max_length)
    ends = options.get("eos_token_id", EOS)
    ends = [ends] if isinstance(ends, int) else ends or []
    rows = []
    for row in out.sequences.tolist():
        length = next((i + 1 for i in range(len(prompt), len(row)) if row[i] in ends), len(row))
        rows.append(row[:length])
    if options.get("num_beams", 1) > 1:
        return rows, out.sequences_scores.tolist(), None
    gaps = [float(-torch.diff(scores[0].topk(2).values)) for scores in out.scores[:len(rows[0]) - len(prompt)]]
    return rows, None, min(gaps)


def drawn(model):
    """How often draws with beams write which text, of DRAWS runs: the best text of each."""
    for name, options in (
            ("three", {"num_beams": 3, "temperature": 1.2, "top_k": 12, "max_new_tokens": 3}),
            ("all-tokens", {"num_beams": 2, "top_k": 0, "max_new_tokens": 4, "length_penalty": 0.5}),
            ("nucleus", {"num_beams": 4, "top_k": 0, "top_p": 0.9, "temperature": 1.5, "max_new_tokens": 2})):
        config = GenerationConfig(pad_token_id=0, eos_token_id=EOS, do_sample=True, use_cache=False, **options)
        torch.manual_seed(17)
        prompt = [7, 11]
        with torch.no_grad():
            rows = model.generate(torch.tensor([prompt] * DRAWS), generation_config=config).tolist()
        # What stands behind the id that ends a text is padding.
        texts = collections.Counter(
            tuple(row[:row.index(EOS, len(prompt)) + 1] if EOS in row[len(prompt):] else row) for row in rows)
        yield {"name": name, "prompt": prompt, "options": options, "draws": DRAWS,
               "texts": [{"ids": list(ids), "count": count} for ids, count in texts.most_common(12)]}


def warped():
    """Rows that are all different, and what is left of them: scores of the tokens that can be drawn."""
    generator = torch.Generator().manual_seed(3)
    for size, spread in ((7, 1.0), (83, 2.0), (700, 3.0)):
        row = torch.randn(size, generator=generator) * spread
        chains = [[("temperature", 0.7)], [("top_k", 5)], [("top_k", 1)], [("top_p", 0.9)], [("top_p", 0.3)],
                  [("top_p", 0.0)], [("top_p", 0.999)], [("min_p", 0.1)], [("min_p", 0.9)], [("typical_p", 0.2)],
                  [("typical_p", 0.9)], [("top_k", 40), ("top_p", 0.8)], [("temperature", 1.7), ("top_p", 0.6)],
                  [("temperature", 0.5), ("top_k", 20), ("top_p", 0.95), ("min_p", 0.05), ("typical_p", 0.8)],
                  [("epsilon_cutoff", 0.02)], [("epsilon_cutoff", 0.3)], [("eta_cutoff", 0.02)], [("eta_cutoff", 0.6)],
                  [("eta_cutoff", 0.001)], [("temperature", 1.4), ("top_k", 50), ("epsilon_cutoff", 0.01)],
                  [("top_p", 0.97), ("epsilon_cutoff", 0.004), ("eta_cutoff", 0.1)]]
        for keep, eos in ((1, 1), (2, 0), (2, 1), (4, 3)):
            for chain in chains:
                scores = row[None].clone()
                for name, value in chain:
                    warper = {
                        "temperature": lambda v: lp.TemperatureLogitsWarper(v),
                        "top_k": lambda v: lp.TopKLogitsWarper(v, min_tokens_to_keep=keep),
                        "top_p": lambda v: lp.TopPLogitsWarper(v, min_tokens_to_keep=keep),
                        "min_p": lambda v: lp.MinPLogitsWarper(v, min_tokens_to_keep=keep),
                        "typical_p": lambda v: lp.TypicalLogitsWarper(v, min_tokens_to_keep=keep),
                        "epsilon_cutoff": lambda v: lp.EpsilonLogitsWarper(v, min_tokens_to_keep=keep),
                        "eta_cutoff": lambda v: lp.EtaLogitsWarper(v, min_tokens_to_keep=keep),
                    }[name](value)
                    scores = warper(None, scores)
                kept = torch.isfinite(scores[0]).nonzero()[:, 0]
                if size == 700 and keep > 1 and len(kept) > 60:
                    continue  # to keep the file small
                yield {"row": f"row{size}", "beams": 1 if keep == 1 else 3, "eos": eos, "options": dict(chain),
                       "kept": kept.tolist() if len(kept) < size else "all",
                       "first": [float(f"{v:.7g}") for v in scores[0][kept][:5].tolist()]}
        yield {"name": f"row{size}", "values": [float(f"{v:.9g}") for v in row.tolist()]}


def main():
    generator = torch.Generator().manual_seed(11)
    table = rounded(torch.randn(VOCABULARY, VOCABULARY, generator=generator) * 1.6)
    shifts = rounded(torch.randn(SHIFTS, VOCABULARY, generator=generator))
    table[:, EOS] += 1.5  # so that texts end
    table[:, 30:33] += 0.75
    model = TableModel(TableConfig(), table, shifts).eval()
    stored = []
    for name, prompt, options in cases():
        if wanted := [key for key, value in options.items() if value in ("written", "bias")]:
            # What would have been written: its tokens, and runs of it, some of which no text is long enough for.
            text = generate(model, prompt, {k: v for k, v in options.items() if k not in wanted})[0][0]
            new = text[len(prompt):] + [8, 8, 8]
            made = {"written": sorted(set(new[:2])),
                    "bias": [[[new[0]], -1.25], [[9], 0.75], [[prompt[-1], new[1]], -2.0], [[new[1], new[2]], -3.5],
                             [[prompt[-1], 9], 2.5], [prompt[-2:] + [9], 0.3], [[1] * 30 + [new[0]], 9.0], [[67, 9], 4.0]]}
            options |= {key: made[options[key]] for key in wanted}
        if isinstance(options.get("bad_words_ids"), str):
            # Bans what would have been written: single tokens, runs of tokens, eos alone, and one longer than the text.
            text = generate(model, prompt, {k: v for k, v in options.items() if k != "bad_words_ids"})[0][0]
            new = text[len(prompt):] + [8, 8, 8, 8]
            options["bad_words_ids"] = [[new[0]], [prompt[-1], new[1]], [new[1], new[2]], [new[2]], [EOS],
                                        [1] * 30 + [new[3]], prompt[-2:] + [13]]
        rows, scores, gap = generate(model, prompt, options)
        assert gap is None or gap > 1e-4, f"{name}: not clear, {gap}"
        case = {"name": name, "prompt": prompt, "options": options, "texts": rows}
        if scores:
            case["scores"] = [float(f"{s:.7g}") for s in scores]
        stored.append(case)
    rows = list(warped())

    def listed(name, items):
        return f'"{name}":[\n' + ",\n".join(json.dumps(i, separators=(",", ":")) for i in items) + "]"

    text = "{" + ",\n".join([
        f'"vocabulary":{VOCABULARY}', listed("shifts", (shifts * GRID).int().tolist()),
        listed("table", (table * GRID).int().tolist()), listed("cases", stored), listed("drawn", drawn(model)),
        '"rows":' + json.dumps({r["name"]: r["values"] for r in rows if "name" in r}, separators=(",", ":")),
        listed("warped", [r for r in rows if "name" not in r])]) + "}\n"
    OUT.mkdir(exist_ok=True)
    (OUT / "generation.json").write_text(text)
    print(len(stored), "cases,", len(text), "bytes")


if __name__ == "__main__":
    main()
