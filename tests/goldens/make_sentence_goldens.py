#!/usr/bin/env python3
"""Writes tests/goldens/sentence-transformers: tiny sentence-embedding directories and what the library makes of them.

Made with Python 3.11, torch==2.13.0, transformers==4.55.4, sentence-transformers==5.7.0, on the CPU:

    python3 tests/goldens/make_sentence_goldens.py

Layout: NAME/model is the directory; NAME/texts.json has the texts and the ids of each; NAME/expected.safetensors has
`sentence_embedding` f32 [texts, width], computed in float64 one text at a time from random weights (as in
make_bert_goldens.py). The settings differ in what they pool, in what stands behind that, in how old or new their files
are, and in what limits length. These are without prompts; a directory that has some has prompted.json, too, with the
cases of it: how a prompt was asked for, the ids of each text behind it, how many of those belong to the prompt, and the
name of the tensor with the embeddings.
"""
import dataclasses
import json
import pathlib
import shutil
import typing

import torch
from encoder_goldens import randomise
from safetensors.torch import save_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Dense, Dropout, LayerNorm, Normalize
from transformers import BertConfig, BertModel, BertTokenizerFast

OUT = pathlib.Path(__file__).resolve().parent / "sentence-transformers"
POSITIONS = 48
SPECIAL_TEXT = "[MASK] is special text, [SEP] too"
TEXTS = [
    "A man is eating.",
    "Someone has a meal.",
    "",
    " \t\n ",
    "-x",
    "[a,b]",
    "one, two,\nthree",
    "UPPER and Lower, naïve CAFÉ",
    "中文 and кириллица",
    "unknown ☃ and 🙂",
    SPECIAL_TEXT,
    "a" * 120,
    "a long text that no small limit lets pass whole, so that truncation shows " * 3,
]
OLD_MODES = ("cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens")
ALL_MODES = ["lasttoken", "weightedmean", "max", "mean_sqrt_len_tokens", "cls", "mean"]
# The last is longer than the settings' limit: nothing of a text is left behind it.
PROMPTS = {"query": "long query: ", "passage": "That ", "none": "", "long": "no man is that long " * 6}


def vocabulary() -> list[str]:
    """Every letter of the texts in both positions except one, and some whole words; letters keep their case."""
    letters = sorted(set("".join(TEXTS + [text.lower() for text in TEXTS])) - set(" \t\n☃🙂") | set("ei"))
    words = ["man", "is", "eating", "someone", "has", "meal", "and", "long", "text", "that", "no", "naive", "cafe", "##ing"]
    return ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *("##" + letter for letter in letters), *words]


def old_pooling(*modes: str) -> dict:
    return {"word_embedding_dimension": 20} | {f"pooling_mode_{mode}": mode in modes for mode in dict.fromkeys(OLD_MODES + modes)}


def new_pooling(mode: str | list[str], include_prompt: bool = True) -> dict:
    return {"embedding_dimension": 20, "pooling_mode": mode, "include_prompt": include_prompt}


@dataclasses.dataclass
class Setting:
    name: str
    pooling: dict
    # Behind the pooling: the library's modules. True stands for Normalize.
    modules: typing.Sequence | bool
    # sentence_bert_config.json; None: there is no such file.
    transformer: dict | None
    new_names: bool = False
    lowercase: bool = True
    # Files that tokenizers come without.
    absent: tuple = ()
    # config_sentence_transformers.json, if there are any.
    prompts: dict = dataclasses.field(default_factory=dict)
    default_prompt: str | None = None
    config: dict = dataclasses.field(default_factory=dict)


SETTINGS = [
    Setting("mean", old_pooling("mean_tokens"), False, {"max_seq_length": 32, "do_lower_case": False}),
    Setting("mean-normalized", old_pooling("mean_tokens"), True, {"max_seq_length": 16, "do_lower_case": False},
            absent=("tokenizer.json",)),
    Setting("cls", old_pooling("cls_token"), True, {"max_seq_length": None}),
    Setting("max", new_pooling("max"), False, {"transformer_task": "feature-extraction"}, new_names=True,
            absent=("vocab.txt",)),
    Setting("cls-and-mean", old_pooling("cls_token", "mean_tokens"), True, None),
    Setting("mean-then-cls", new_pooling(["mean", "cls"]), False, {"max_seq_length": 40}, new_names=True),
    Setting("lower-cased-first", old_pooling("max_tokens"), True, {"max_seq_length": 24, "do_lower_case": True},
            lowercase=False),
    Setting("root-weighted-last", old_pooling("lasttoken", "weightedmean_tokens", "mean_sqrt_len_tokens"), True,
            {"max_seq_length": 31}),
    Setting("modules", new_pooling(ALL_MODES), [
        LayerNorm(120), Dense(120, 7, bias=False, activation_function=torch.nn.GELU()), Dropout(), Dense(7, 33),
        Normalize(), Dense(33, 5, activation_function=None)], {"max_seq_length": 40}, new_names=True),
    Setting("prompts", old_pooling("cls_token", "mean_tokens"), False, {"max_seq_length": 24}, prompts=PROMPTS,
            default_prompt="query"),
    Setting("prompts-not-pooled", new_pooling(ALL_MODES, include_prompt=False), True, {"max_seq_length": 24},
            prompts=PROMPTS),
]

OLD_TYPE = "sentence_transformers.models.{}".format
NEW_TYPES = {"Transformer": "sentence_transformers.base.modules.transformer.Transformer",
             "Dense": "sentence_transformers.base.modules.dense.Dense",
             "Pooling": "sentence_transformers.sentence_transformer.modules.pooling.Pooling",
             "LayerNorm": "sentence_transformers.sentence_transformer.modules.layer_norm.LayerNorm",
             "Dropout": "sentence_transformers.sentence_transformer.modules.dropout.Dropout",
             "Normalize": "sentence_transformers.sentence_transformer.modules.normalize.Normalize"}


def write_json(path: pathlib.Path, value: typing.Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def write_directory(setting: Setting, directory: pathlib.Path, seed: int) -> None:
    directory.mkdir(parents=True)
    pieces = vocabulary()
    (directory / "vocab.txt").write_text("".join(piece + "\n" for piece in pieces), encoding="utf-8")
    tokenizer = BertTokenizerFast(vocab_file=str(directory / "vocab.txt"), do_lower_case=setting.lowercase,
                                  model_max_length=POSITIONS)
    tokenizer.save_pretrained(directory)
    for file in setting.absent:
        (directory / file).unlink()

    model = BertModel(BertConfig(vocab_size=len(pieces), hidden_size=20, num_hidden_layers=2, num_attention_heads=4,
                                 intermediate_size=30, max_position_embeddings=POSITIONS))
    randomise(model, torch.float32, 0.5, 1.0, 1.0, torch.Generator().manual_seed(seed))
    model.float().save_pretrained(directory)

    modules = [("Transformer", ""), ("Pooling", "1_Pooling")]
    for module in [Normalize()] * setting.modules if isinstance(setting.modules, bool) else setting.modules:
        name = type(module).__name__
        modules.append((name, f"{len(modules)}_{name}"))
        randomise(module, torch.float32, 0.5, 1.0, 1.0, torch.Generator().manual_seed(100 * seed + len(modules)))
        (directory / modules[-1][1]).mkdir()
        module.float().save(str(directory / modules[-1][1]))
    write_json(directory / "modules.json",
               [{"idx": index, "name": str(index), "path": path, "type": NEW_TYPES[name] if setting.new_names else OLD_TYPE(name)}
                for index, (name, path) in enumerate(modules)])
    write_json(directory / "1_Pooling/config.json", setting.pooling)
    if setting.transformer is not None:
        write_json(directory / "sentence_bert_config.json", setting.transformer)
    if setting.prompts:
        write_json(directory / "config_sentence_transformers.json",
                   {"prompts": setting.prompts, "default_prompt_name": setting.default_prompt})


def embed(model: SentenceTransformer, texts: list[str], prompt: dict) -> torch.Tensor:
    embeddings = torch.cat([model.encode([text], convert_to_tensor=True, show_progress_bar=False, **prompt) for text in texts])
    assert embeddings.dtype == torch.float64
    return embeddings.float()


def make_golden(setting: Setting, seed: int) -> None:
    directory = OUT / setting.name / "model"
    shutil.rmtree(OUT / setting.name, ignore_errors=True)
    write_directory(setting, directory, seed)
    model = SentenceTransformer(str(directory), device="cpu").double()
    # Versions differ in whether `do_lower_case` hides special tokens written in a text: that case decides nothing.
    texts = [text for text in TEXTS if setting.lowercase or text != SPECIAL_TEXT]
    batches = [model.preprocess([text]) for text in texts]
    ids = [batch["input_ids"][0].tolist() for batch in batches]
    expected = {"sentence_embedding": embed(model, texts, {"prompt": ""})}
    write_json(OUT / setting.name / "texts.json", {"texts": texts, "ids": ids})
    if setting.prompts:
        cases = []
        asked = [{}, {"prompt": "Is that text, naïve "}] + [{"prompt_name": name} for name in setting.prompts]
        for number, how in enumerate(asked):
            prompt = model._resolve_prompt(how.get("prompt"), how.get("prompt_name"))
            batches = [model.preprocess([text], prompt=prompt) for text in texts]
            expected[f"sentence_embedding.{number}"] = embed(model, texts, how)
            cases.append(how | {"ids": [batch["input_ids"][0].tolist() for batch in batches],
                                "prompt_tokens": int(batches[0].get("prompt_length", 0)),
                                "tensor": f"sentence_embedding.{number}"})
        write_json(OUT / setting.name / "prompted.json", cases)
    save_file(expected, OUT / setting.name / "expected.safetensors")
    print(f"{setting.name}: width {expected['sentence_embedding'].shape[1]}, at most {max(map(len, ids))} tokens")


def main() -> None:
    torch.set_num_threads(1)
    for seed, setting in enumerate(SETTINGS):
        make_golden(setting, seed)


if __name__ == "__main__":
    main()
