#!/usr/bin/env python3
"""Writes tests/goldens/stop-strings: what Transformers' generate() writes with beams and stop_strings.

Made with Python 3.11, torch==2.13.0, transformers==4.55.4, on the CPU:

    python3 tests/goldens/make_stop_string_goldens.py

table.json: texts of the model that is a table (make_generation_goldens.py), whose ids here have texts: tokenizer.json, a
byte-level BPE tokenizer without merges. The texts are short and of few letters, so that stop strings come often, at many
places in tokens, and across several. Options are drawn; of the cases that come out, those are kept that differ from
what is written without stop strings.

ends.json: random tokens of some of tests/tokenizer/goldens, and behind which of them StopStringCriteria says that a text
ends. Strings are parts of what the tokens give, and what is nearly that. Tokens have whole characters each.

diary.json: texts of a model that writes sentences, tests/goldens/examples/diary, several prompts at a time. Groups
of beams end when those of all prompts of a batch have come to a stop string, so that each prompt is written for alone
there. Only clear runs are kept: float64 has the same ids as float32, also with noise of 5e-5 on every logit, and scores
of a prompt's texts are 1e-4 apart.
"""
import json
import pathlib
import random

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoTokenizer, GPT2LMHeadModel, GenerationConfig, PreTrainedTokenizerFast
from transformers.generation import StopStringCriteria
from transformers.utils import logging

from make_generation_goldens import EOS, GRID, VOCABULARY, TableConfig, TableModel

GOLDENS = pathlib.Path(__file__).parent
OUT = GOLDENS / "stop-strings"
NOISE = 5e-5
CLEAR = 1e-4


def table_model():
    stored = json.loads((GOLDENS / "generation" / "generation.json").read_text())
    table, shifts = (torch.tensor(stored[name]) / GRID for name in ("table", "shifts"))
    return TableModel(TableConfig(), table, shifts).eval()


def table_tokenizer():
    """A text for each id: first the letters that Transformers wants to spell "abcdef" with."""
    pick = random.Random(3)
    specials = {0: "<pad>", EOS: "</s>"}
    texts = list("abcdef")
    while len(texts) < VOCABULARY - len(specials):
        text = "".join(pick.choices("abc\u0120", (5, 4, 2, 3), k=pick.choice((1, 2, 2, 3, 4, 6))))
        texts += [text] if text not in texts else []
    pick.shuffle(texts)
    vocabulary = {specials[id] if id in specials else texts.pop(): id for id in range(VOCABULARY)}
    bpe = Tokenizer(models.BPE(vocabulary, []))
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    bpe.add_special_tokens(list(specials.values()))
    bpe.save(str(OUT / "tokenizer.json"))
    return PreTrainedTokenizerFast(tokenizer_object=bpe, pad_token="<pad>", eos_token="</s>")


def texts_of(out, width, options):
    """The ids of each text without its prompt. What stands behind is padding, which ids may be, too."""
    texts = []
    ends = options.get("eos_token_id")
    ends = [ends] if isinstance(ends, int) else ends or []
    for row, beams in zip(out.sequences[:, width:].tolist(), out.beam_indices):
        if options.get("num_beam_groups", 1) > 1:  # where Transformers puts an id behind, which has no beam
            texts.append(row[:next((i + 1 for i, id in enumerate(row) if id in ends), len(row))])
        else:
            texts.append(row[:int((beams >= 0).sum())])
    return texts


def table_options(pick):
    groups = pick.choice((1, 1, 1, 2, 3))
    beams = groups * pick.choice((1, 2) if groups > 1 else (2, 3, 4, 6))
    letters = lambda least, most: "".join(pick.choices("abc ", (5, 4, 2, 3), k=pick.randint(least, most)))
    # What ends groups has to come in all of their beams at once.
    strings = [letters(1, 2) for _ in range(5)] if groups > 1 else [letters(*pick.choice(((1, 2), (2, 3), (3, 5))))
                                                                     for _ in range(pick.choice((1, 2, 3)))]
    strings += pick.choice(([], [], [], ["</s>"], ["</s>a"], ["c<pad>"]))
    options = {"max_new_tokens": pick.randint(3, 14), "num_beams": beams,
               "num_return_sequences": pick.choice((1, beams, beams)), "stop_strings": strings,
               "eos_token_id": pick.choice(([EOS], [EOS, 30, 31], [67, EOS, 76, 7, 82])),
               "pad_token_id": pick.choice((0, 0, 67)), "early_stopping": pick.choice((False, True, "never")),
               "length_penalty": pick.choice((-0.51, 0.0, 1.0, 1.73)), "min_new_tokens": pick.choice((0, 0, 3)),
               "repetition_penalty": pick.choice((1.0, 1.0, 1.17)), "no_repeat_ngram_size": pick.choice((0, 0, 2))}
    if groups > 1:
        return options | {"num_beam_groups": groups, "diversity_penalty": pick.choice((0.21, 1.03, 5.07))}
    # Transformers fails where groups stop without an id that ends texts.
    return options | pick.choice(({}, {}, {"eos_token_id": None}))


def write_table(model, tokenizer, prompt, options):
    config = GenerationConfig(**options, return_dict_in_generate=True, output_scores=True, output_logits=True,
                              do_sample=False, use_cache=False)
    with torch.no_grad():
        out = model.generate(torch.tensor([prompt]), generation_config=config, tokenizer=tokenizer)
    return texts_of(out, len(prompt), options), [float(f"{s:.7g}") for s in out.sequences_scores.tolist()]


def table_cases(count):
    model, tokenizer = table_model(), table_tokenizer()
    pick = random.Random(7)
    while count:
        options = table_options(pick)
        prompt = [pick.randrange(3, VOCABULARY) for _ in range(pick.randint(1, 4))]
        without = {name: value for name, value in options.items() if name != "stop_strings"}
        found, plain = (write_table(model, tokenizer, prompt, o) for o in (options, without))
        if found == plain or any(score < -1e6 for score in found[1]):
            continue
        texts, scores = found
        count -= 1
        yield {"prompt": prompt, "options": options, "texts": texts, "scores": scores,
               "written": [tokenizer.decode(text, skip_special_tokens=True) for text in texts]}


def ends_of(names, count):
    pick = random.Random(19)
    for name in names:
        tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(GOLDENS.parent / "tokenizer" / "goldens" / name /
                                                               "tokenizer.json"))
        pieces = dict(zip(*reversed(StopStringCriteria.clean_tokenizer_vocab(tokenizer))))
        usable = sorted(id for id, piece in pieces.items() if piece and "\ufffd" not in piece)
        long = [id for id in usable if len(pieces[id]) > 1]
        for number in range(count):
            ids = [pick.choice(long if pick.random() < 0.7 else usable) for _ in range(24)]
            text = "".join(pieces[id] for id in ids)
            strings = []
            for _ in range(pick.choice((1, 2, 5))):
                at = pick.randrange(len(text) - 8)
                string = text[at:at + pick.choice((1, 2, 3, 5, 8))]
                strings.append(string + pick.choice(("", "", string[-1])))
            ends = StopStringCriteria(tokenizer, strings)
            yield {"tokenizer": name, "strings": strings, "ids": ids,
                   "ends": [i for i in range(len(ids)) if ends(torch.tensor([ids[:i + 1]]), None)]}


class Diary:
    """The model in both types."""

    def __init__(self):
        directory = GOLDENS / "examples" / "diary" / "model"
        self.tokenizer = AutoTokenizer.from_pretrained(directory, padding_side="left")
        self.single, self.double = (GPT2LMHeadModel.from_pretrained(directory, torch_dtype=t)
                                    for t in (torch.float32, torch.float64))

        def round_logits(module, inputs, output):
            output.logits = output.logits.float()

        self.double.register_forward_hook(round_logits)

    def write(self, model, prompts, options):
        """As one batch or, groups, each alone."""
        if options.get("num_beam_groups", 1) > 1 and len(prompts) > 1:
            found = [self.write(model, [prompt], options) for prompt in prompts]
            return tuple(sum(lists, []) for lists in zip(*found))
        inputs = self.tokenizer(prompts, padding=True, return_tensors="pt")
        with torch.no_grad():
            out = model.generate(**inputs, **options, tokenizer=self.tokenizer, do_sample=False, output_scores=True,
                                 output_logits=True, return_dict_in_generate=True, pad_token_id=0)
        texts = texts_of(out, inputs["input_ids"].shape[1], {"eos_token_id": 0} | options)
        return texts, out.sequences_scores.tolist()

    def clear(self, prompts, options, seed):
        texts, scores = self.write(self.double, prompts, options)
        count = options["num_return_sequences"]
        for first in range(0, len(scores), count):
            one = scores[first:first + count]
            if any(a - b < CLEAR for a, b in zip(one, one[1:])):
                return None
        noise = torch.Generator().manual_seed(seed)

        def disturb(module, inputs, output):
            output.logits = output.logits + NOISE * (2 * torch.rand(output.logits.shape, generator=noise) - 1)

        again = [self.write(self.single, prompts, options)]
        handle = self.single.register_forward_hook(disturb)
        again += [self.write(self.single, prompts, options) for _ in range(2)]
        handle.remove()
        return (texts, scores) if all(other[0] == texts for other in again) else None


BEGINNINGS = ["It rained", "The sun", "It snowed on Mon", "It", "On Sunday I", "We went to the"]


def diary_cases(count):
    diary = Diary()
    pick = random.Random(11)
    for number in range(count):
        while True:
            groups = number % 4 == 3
            strings = pick.choice([["day"], ["went", "saw"], ["n"], [". "], ["the", "nday", "It r"], ["a", "ou", "."],
                                   ["ay", "l"], ["\u2744", "ained on"], [" "], ["<|endoftext|>"], ["e ", " t"]])
            if groups:
                strings = strings + ["e", " ", "o"]
            options = {"max_new_tokens": pick.randint(10, 30), "num_beams": pick.choice((2, 4) if groups else (2, 3, 5)),
                       "stop_strings": strings, "early_stopping": (False, True, "never")[number % 3],
                       "length_penalty": pick.choice((-0.6, 0.0, 0.7, 1.0, 1.8))}
            options["num_return_sequences"] = pick.randint(1, options["num_beams"])
            if groups:
                options |= {"num_beam_groups": 2, "diversity_penalty": 0.7}
            prompts = pick.sample(BEGINNINGS, pick.choice((1, 2, 3)))
            without = {name: value for name, value in options.items() if name != "stop_strings"}
            found = diary.clear(prompts, options, pick.randrange(1 << 30))
            if found and found[0] != diary.write(diary.double, prompts, without)[0]:
                break
        texts, scores = found
        begun = [ids for ids in diary.tokenizer(prompts)["input_ids"] for _ in range(options["num_return_sequences"])]
        yield {"prompts": prompts, "options": options, "ids": [a + b for a, b in zip(begun, texts)],
               "written": diary.tokenizer.batch_decode([a + b for a, b in zip(begun, texts)], skip_special_tokens=True),
               "scores": [float(f"{s:.7g}") for s in scores]}


def store(name, cases):
    text = "[\n" + ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases) + "]\n"
    (OUT / name).write_text(text)
    print(name, text.count("\n") - 1, "cases,", len(text), "bytes")


def main():
    logging.set_verbosity_error()
    torch.set_num_threads(1)
    OUT.mkdir(exist_ok=True)
    store("table.json", table_cases(120))
    store("ends.json", ends_of(("byte-level", "components", "flags", "llama", "unigram"), 8))
    store("diary.json", diary_cases(24))


if __name__ == "__main__":
    main()
