#!/usr/bin/env python3
"""Writes tests/goldens/cross-encoders: tiny models that score pairs of texts, and the scores that the library gives.

Made with Python 3.11, torch==2.13.0, transformers==4.55.4, sentence-transformers==5.7.0, on the CPU:

    python3 tests/goldens/make_cross_encoder_goldens.py

Layout: NAME/model is the directory; NAME/pairs.json has pairs of texts, and of each its ids and types, its score by
CrossEncoder.predict, and the logit that this is computed from, in float64 one pair at a time from random weights. The
settings differ in which of the library's versions wrote the directory, and in the activation that it names.
"""
import dataclasses
import json
import pathlib
import shutil

import torch
from encoder_goldens import randomise
from make_sentence_goldens import POSITIONS, TEXTS, vocabulary, write_json
from sentence_transformers import CrossEncoder
from transformers import (BertConfig, BertForSequenceClassification, BertTokenizerFast, ElectraConfig,
                          ElectraForSequenceClassification)

OUT = pathlib.Path(__file__).resolve().parent / "cross-encoders"
PAIRS = [(TEXTS[0], TEXTS[1]), (TEXTS[1], TEXTS[0]), ("", ""), (TEXTS[4], ""), ("", TEXTS[7]), (TEXTS[8], TEXTS[9]),
         (TEXTS[0], TEXTS[-1]), (TEXTS[-1], TEXTS[6]), ("A man", "is eating")]


@dataclasses.dataclass
class Setting:
    name: str
    # Fields that an older version wrote into config.json; None: the installed version's own files.
    fields: dict | None
    activation: torch.nn.Module | None = None
    electra: bool = False


SETTINGS = [
    Setting("default", None),
    Setting("identity", None, torch.nn.Identity(), electra=True),
    Setting("tanh-of-version-4", {"sentence_transformers": {"activation_fn": "torch.nn.modules.activation.Tanh",
                                                            "version": "4.1.0"}}, electra=True),
    Setting("identity-of-version-2", {"sbert_ce_default_activation_function": "torch.nn.modules.linear.Identity"}),
]


def write_directory(setting: Setting, directory: pathlib.Path, seed: int) -> None:
    directory.mkdir(parents=True)
    pieces = vocabulary()
    sizes = {"vocab_size": len(pieces), "hidden_size": 20, "num_hidden_layers": 1, "num_attention_heads": 4,
             "intermediate_size": 30, "max_position_embeddings": POSITIONS, "num_labels": 1}
    model = (ElectraForSequenceClassification(ElectraConfig(embedding_size=12, **sizes)) if setting.electra
             else BertForSequenceClassification(BertConfig(**sizes)))
    randomise(model, torch.float32, 0.5, 1.0, 1.0, torch.Generator().manual_seed(seed))
    model.float().save_pretrained(directory)
    (directory / "vocab.txt").write_text("".join(piece + "\n" for piece in pieces), encoding="utf-8")
    BertTokenizerFast(vocab_file=str(directory / "vocab.txt"), model_max_length=POSITIONS).save_pretrained(directory)
    (directory / "vocab.txt").unlink()
    if setting.fields is None:
        CrossEncoder(str(directory), activation_fn=setting.activation, device="cpu").save(str(directory))
        (directory / "README.md").unlink(missing_ok=True)
    else:
        config = json.loads((directory / "config.json").read_text(encoding="utf-8"))
        write_json(directory / "config.json", config | setting.fields)


def make_golden(setting: Setting, seed: int) -> None:
    directory = OUT / setting.name / "model"
    write_directory(setting, directory, seed)
    model = CrossEncoder(str(directory), device="cpu").double()
    pairs = []
    for text, pair in PAIRS:
        encoding = model.preprocess([(text, pair)])
        score = model.predict([(text, pair)], convert_to_tensor=True)
        logit = model.predict([(text, pair)], convert_to_tensor=True, activation_fn=torch.nn.Identity())
        assert score.dtype == torch.float64
        pairs.append({"text": text, "pair": pair, "ids": encoding["input_ids"][0].tolist(),
                      "types": encoding["token_type_ids"][0].tolist(),
                      "score": score.item(), "logit": logit.item()})
    write_json(OUT / setting.name / "pairs.json", pairs)
    print(f"{setting.name}: scores from {min(p['score'] for p in pairs):.3f} to {max(p['score'] for p in pairs):.3f}")


def main() -> None:
    torch.set_num_threads(1)
    shutil.rmtree(OUT, ignore_errors=True)
    for seed, setting in enumerate(SETTINGS):
        make_golden(setting, seed)


if __name__ == "__main__":
    main()
