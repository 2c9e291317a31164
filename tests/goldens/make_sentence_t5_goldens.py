#!/usr/bin/env python3
"""Writes tests/goldens/sentence-transformers/t5 and .../t5-whole: directories as sentence-t5 and gtr-t5 have them.

Made with Python 3.11, torch==2.13.0, transformers==4.55.4, sentencepiece==0.2.3, on the CPU:

    python3 tests/goldens/make_sentence_t5_goldens.py

The layout is that of make_sentence_goldens.py. What sentence-transformers does is put together from its parts: T5's
encoder, the mean of tokens, a linear layer without bias or activation, and the length taken away. `t5` holds an encoder
and a tokenizer.json; `t5-whole` a checkpoint with a decoder, as the first of these models came, and a spiece.model.
"""
import io
import json
import pathlib
import shutil

import sentencepiece
import torch
from encoder_goldens import randomise
from safetensors.torch import save_file
from transformers import T5Config, T5EncoderModel, T5ForConditionalGeneration, T5TokenizerFast

OUT = pathlib.Path(__file__).resolve().parent / "sentence-transformers"
TYPE = "sentence_transformers.models.{}".format
HIDDEN, WIDTH, LENGTH, EXTRA_IDS = 20, 13, 24, 5
TEXTS = ["A man is eating.", "Someone has a meal.", "", "-x", "[a,b]", "one, two, three", "UPPER and Lower, naïve CAFÉ",
         "unknown ☃ and 🙂", "<extra_id_0> is a special token", "a" * 60, "a long text that no small limit lets pass whole " * 3]


def write_json(path: pathlib.Path, value) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def train_pieces(path: pathlib.Path) -> None:
    model = io.BytesIO()
    lines = [word for text in TEXTS[:8] + ["the meal that someone was eating", "a text, one and two"] for word in [text, *text.split()]]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines * 4), model_writer=model, model_type="unigram", vocab_size=60, hard_vocab_limit=False,
        pad_id=0, eos_id=1, unk_id=2, bos_id=-1, num_threads=1, minloglevel=2,
        normalization_rule_name="identity")
    path.write_bytes(model.getvalue())


def make_golden(name: str, has_decoder: bool, seed: int) -> None:
    directory = OUT / name / "model"
    shutil.rmtree(OUT / name, ignore_errors=True)
    directory.mkdir(parents=True)
    train_pieces(directory / "spiece.model")
    write_json(directory / "tokenizer_config.json", {"tokenizer_class": "T5Tokenizer", "extra_ids": EXTRA_IDS,
                                                     "additional_special_tokens": None, "model_max_length": 48})
    tokenizer = T5TokenizerFast.from_pretrained(directory)
    if not has_decoder:
        tokenizer.save_pretrained(directory)
        (directory / "spiece.model").unlink()

    config = T5Config(vocab_size=len(tokenizer), d_model=HIDDEN, d_kv=6, d_ff=30, num_layers=2, num_heads=4,
                      relative_attention_num_buckets=8, relative_attention_max_distance=16,
                      feed_forward_proj="relu" if has_decoder else "gated-gelu", decoder_start_token_id=0)
    generator = torch.Generator().manual_seed(seed)
    model = (T5ForConditionalGeneration if has_decoder else T5EncoderModel)(config).eval()
    randomise(model, torch.float32, 0.5, 1.0, 1.0, generator)
    model.save_pretrained(directory)
    encoder = T5EncoderModel.from_pretrained(directory).eval().double()

    weight = torch.randn(WIDTH, HIDDEN, generator=generator) / HIDDEN ** 0.5
    (directory / "2_Dense").mkdir()
    save_file({"linear.weight": weight}, directory / "2_Dense" / "model.safetensors")
    write_json(directory / "2_Dense" / "config.json", {
        "in_features": HIDDEN, "out_features": WIDTH, "bias": False,
        "activation_function": "torch.nn.modules.linear.Identity"})
    write_json(directory / "1_Pooling" / "config.json", {
        "word_embedding_dimension": HIDDEN, "pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True,
        "pooling_mode_max_tokens": False, "pooling_mode_mean_sqrt_len_tokens": False})
    write_json(directory / "sentence_bert_config.json", {"max_seq_length": LENGTH, "do_lower_case": False})
    places = [("Transformer", ""), ("Pooling", "1_Pooling"), ("Dense", "2_Dense"), ("Normalize", "3_Normalize")]
    write_json(directory / "modules.json", [{"idx": i, "name": str(i), "path": path, "type": TYPE(kind)}
                                            for i, (kind, path) in enumerate(places)])

    ids = [tokenizer(text, truncation=True, max_length=LENGTH)["input_ids"] for text in TEXTS]
    with torch.no_grad():
        means = torch.stack([encoder(input_ids=torch.tensor([row])).last_hidden_state[0].mean(0) for row in ids])
    embeddings = torch.nn.functional.normalize(means @ weight.double().T, p=2, dim=1)
    write_json(OUT / name / "texts.json", {"texts": TEXTS, "ids": ids})
    save_file({"sentence_embedding": embeddings.float()}, OUT / name / "expected.safetensors")
    print(f"{name}: width {WIDTH}, at most {max(map(len, ids))} tokens")


def main() -> None:
    torch.set_num_threads(1)
    make_golden("t5", has_decoder=False, seed=1)
    make_golden("t5-whole", has_decoder=True, seed=2)


if __name__ == "__main__":
    main()
