#!/usr/bin/env python3
"""Writes tests/goldens/clip-pictures and siglip-pictures: a tiny CLIP and a tiny SigLIP with a tokenizer and a
preprocessor_config.json, the ids of some texts, and what Transformers' zero-shot-image-classification pipeline says of the
images in tests/goldens/pictures.

Made with Python 3.11, torch==2.13.0, transformers==4.55.4, sentencepiece==0.2.3, Pillow==11.3.0:

    python3 tests/goldens/make_clip_picture_goldens.py
"""
import json
import pathlib
import shutil

import sentencepiece
import torch
import transformers
from PIL import Image
from transformers.models.clip.tokenization_clip import bytes_to_unicode

from encoder_goldens import randomise
from tower_goldens import raise_scale

GOLDENS = pathlib.Path(__file__).resolve().parent
MERGES = ["c a", "ca t</w>", "d o", "do g</w>", "p h", "o t", "ph ot", "phot o</w>", "o f</w>", "i n", "in g</w>", "' s</w>",
          "h e</w>", "t he</w>", "Ã ¼"]
TEXTS = ["a photo of a cat", "A  Photo of\tthe DOG's house!", "", "grüne Wiese, 3 Pferde", "it's 12:30... isn't it?",
         "naïve café — 日本語 🙂", "<|endoftext|> cat", "e\u0301te\u0301"]
CANDIDATES = ["a photo of a cat", "the dog", "a green house"]


def write_tokenizer(directory: pathlib.Path) -> None:
    letters = list(bytes_to_unicode().values())
    pieces = letters + [letter + "</w>" for letter in letters] + [merge.replace(" ", "") for merge in MERGES]
    pieces += ["<|startoftext|>", "<|endoftext|>"]
    (directory / "vocab.json").write_text(json.dumps({piece: i for i, piece in enumerate(pieces)}, ensure_ascii=False))
    (directory / "merges.txt").write_text("#version: 0.2\n" + "\n".join(MERGES) + "\n")
    fast = transformers.CLIPTokenizerFast(str(directory / "vocab.json"), str(directory / "merges.txt"), model_max_length=40)
    fast.save_pretrained(directory)


def write_pieces(directory: pathlib.Path) -> None:
    prefix = directory / "spiece"
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([text.lower() for text in [*TEXTS, *CANDIDATES]] * 3), model_prefix=str(prefix), vocab_size=70,
        normalization_rule_name="identity", num_threads=1, minloglevel=2, hard_vocab_limit=False, pad_id=0, eos_id=1, unk_id=2,
        bos_id=-1)
    prefix.with_suffix(".vocab").unlink()
    # Without a mask, as trained models have it: padding is a part of every text.
    slow = transformers.SiglipTokenizer(str(prefix.with_suffix(".model")), model_input_names=["input_ids"])
    slow.save_pretrained(directory)


def write(out: pathlib.Path, name: str, write_tokenizer, text: dict, vision: dict, both: dict, processor, **options) -> None:
    shutil.rmtree(out, ignore_errors=True)
    directory = out / "model"
    directory.mkdir(parents=True)
    write_tokenizer(directory)
    tokenizer = transformers.AutoTokenizer.from_pretrained(directory)
    tower = {"hidden_size": 24, "num_attention_heads": 2, "num_hidden_layers": 1, "intermediate_size": 30}
    text = tower | text | {"vocab_size": len(tokenizer), "eos_token_id": tokenizer.eos_token_id}
    vision = tower | vision
    config = getattr(transformers, name + "Config")(text_config=text, vision_config=vision, **both)
    model = getattr(transformers, name + "Model")(config).double().eval()
    randomise(model, torch.float32, 0.5, 1, 1, torch.Generator().manual_seed(1))
    raise_scale(model)
    model.float().save_pretrained(directory)
    processor.save_pretrained(directory)

    pipeline = transformers.pipeline("zero-shot-image-classification", model=model, image_processor=processor,
                                     tokenizer=tokenizer, device="cpu")
    expected = {"ids": [{"text": each, "ids": tokenizer(each)["input_ids"]} for each in TEXTS], "images": {}}
    for path in sorted((GOLDENS / "pictures").glob("*.[pj][np]g")):
        found = pipeline(Image.open(path).convert("RGB"), candidate_labels=CANDIDATES, hypothesis_template="{}")
        expected["images"][path.name] = {each["label"]: each["score"] for each in found}
    (out / "expected.json").write_text(json.dumps(expected, indent=1, ensure_ascii=False) + "\n")


def main() -> None:
    write(GOLDENS / "clip-pictures", "CLIP", write_tokenizer, {"max_position_embeddings": 40},
          {"image_size": 32, "patch_size": 8}, {"projection_dim": 16},
          transformers.CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}))
    write(GOLDENS / "siglip-pictures", "Siglip", write_pieces, {"max_position_embeddings": 64},
          {"image_size": 32, "patch_size": 8}, {}, transformers.SiglipImageProcessor(size={"height": 32, "width": 32}))


if __name__ == "__main__":
    main()
