#!/usr/bin/env python3
"""Writes tests/goldens/translations: tiny models with an encoder, a decoder and their own tokenizer, and what they write.

Made with Python 3.11, torch==2.13.0, transformers==4.55.4, sentencepiece==0.2.3, on the CPU, behind
tests/tokenizer/make_goldens.py, whose SentencePiece models these have:

    python3 tests/goldens/make_translation_goldens.py

Layout: NAME/model is the directory; NAME/expected.json has texts, the languages that were asked for, the ids that the
encoder reads, and the ids and the text that `generate` writes greedily, 12 tokens at most, none of them twice.
"""
import json
import pathlib
import shutil

import torch
from encoder_goldens import randomise
from transformers import (M2M100Config, M2M100ForConditionalGeneration, M2M100Tokenizer, MarianConfig, MarianMTModel,
                          MarianTokenizer, MBart50TokenizerFast, MBartConfig, MBartForConditionalGeneration, T5Config,
                          T5ForConditionalGeneration, T5TokenizerFast)

OUT = pathlib.Path(__file__).resolve().parent / "translations"
TOKENIZERS = OUT.parents[1] / "tokenizer" / "goldens"
TEXTS = ["The food is good.", "", "naïve 中 <unk>", "A longer text, with several words in it, and more."]
BART = dict(d_model=20, encoder_layers=1, decoder_layers=1, encoder_attention_heads=4, decoder_attention_heads=4,
            encoder_ffn_dim=30, decoder_ffn_dim=30, max_position_embeddings=64)


def settings(folder, tokenizer_class, **config):
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": tokenizer_class, **config}, indent=1) + "\n")


def make_golden(name, files, tokenizer_class, config, make_model, asked, seed):
    folder = OUT / name / "model"
    shutil.rmtree(OUT / name, ignore_errors=True)
    folder.mkdir(parents=True)
    for target, source in files.items():
        shutil.copy(TOKENIZERS / source, folder / target)
    settings(folder, tokenizer_class.__name__.removesuffix("Fast"), **config)
    tokenizer = tokenizer_class.from_pretrained(folder)
    model = make_model(len(tokenizer)).eval()
    randomise(model, torch.float32, 0.5, 1.0, 3.0, torch.Generator().manual_seed(seed))
    model.save_pretrained(folder)
    model = type(model).from_pretrained(folder).eval().double()
    cases = []
    for languages in asked:
        for text in TEXTS:
            ids, options = tokenized(tokenizer, text, **languages)
            with torch.no_grad():
                written = model.generate(torch.tensor([ids]), max_new_tokens=12, num_beams=1, do_sample=False,
                                         no_repeat_ngram_size=1, **options)[0]
            cases.append({"text": text, **languages, "source_ids": ids, "ids": written.tolist(),
                          "written": tokenizer.decode(written, skip_special_tokens=True)})
    (OUT / name / "expected.json").write_text("[" + ",\n ".join(json.dumps(case, ensure_ascii=False) for case in cases) + "]\n")
    print(name, len(tokenizer), cases[0]["written"])


def tokenized(tokenizer, text, source=None, target=None):
    """What to give to the model, as `generate`'s documentation of each class says."""
    if isinstance(tokenizer, MarianTokenizer):
        return tokenizer((f">>{target}<<" if target else "") + text)["input_ids"], {}
    if isinstance(tokenizer, T5TokenizerFast):
        return tokenizer(text)["input_ids"], {}
    source = source or tokenizer.init_kwargs.get("src_lang")
    if source:
        tokenizer.src_lang = source
    target = target or tokenizer.tgt_lang
    if isinstance(tokenizer, M2M100Tokenizer):
        return tokenizer(text)["input_ids"], {"forced_bos_token_id": tokenizer.get_lang_id(target)} if target else {}
    return tokenizer(text)["input_ids"], {"forced_bos_token_id": tokenizer.convert_tokens_to_ids(target)} if target else {}


def main():
    torch.set_num_threads(1)
    codes = json.loads((TOKENIZERS / "m2m100" / "tokenizer_config.json").read_text())["additional_special_tokens"]
    make_golden("mbart50", {"sentencepiece.bpe.model": "mbart50/spiece.model"}, MBart50TokenizerFast,
                {"src_lang": "de_DE", "tgt_lang": "ro_RO"},
                lambda size: MBartForConditionalGeneration(MBartConfig(vocab_size=size, decoder_start_token_id=2, **BART)),
                [{}, {"source": "fr_XX", "target": "en_XX"}], 1)
    make_golden("m2m100", {name: f"m2m100/{name}" for name in ("vocab.json", "sentencepiece.bpe.model")}, M2M100Tokenizer,
                {"src_lang": "de", "additional_special_tokens": codes},
                lambda size: M2M100ForConditionalGeneration(M2M100Config(vocab_size=size, decoder_start_token_id=2, **BART)),
                [{}, {"target": "fr"}, {"source": "en", "target": "zu"}], 2)
    make_golden("marian", {name: f"marian/{name}" for name in ("vocab.json", "source.spm", "target.spm")}, MarianTokenizer, {},
                lambda size: MarianMTModel(MarianConfig(vocab_size=size, pad_token_id=size - 1, eos_token_id=0,
                                                        decoder_start_token_id=size - 1, forced_eos_token_id=0, **BART)),
                [{}, {"target": "fr"}, {"target": "pt_BR"}], 3)
    make_golden("t5", {"spiece.model": "mt5-files/spiece.model"}, T5TokenizerFast, {"extra_ids": 10},
                lambda size: T5ForConditionalGeneration(T5Config(vocab_size=size, d_model=20, d_kv=6, d_ff=30, num_layers=1,
                                                                 num_heads=4, decoder_start_token_id=0)), [{}], 4)


if __name__ == "__main__":
    main()
