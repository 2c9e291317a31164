#!/usr/bin/env python3
"""Writes tests/goldens/examples: the small trained models of docs/EXAMPLES.md, and what Transformers' pipelines say with them.

Made with Python 3.11, torch==2.13.0, transformers==4.55.4, tokenizers==0.21.4, on the CPU in a few minutes:

    python3 tests/goldens/make_example_models.py [NAME...]

The texts are this script's own: grammars of a few words each. So what the models say of their kind of sentence means
something, and nothing else does. NAME/model is the directory a user would have, its weights stored as f16, and
NAME/expected.json lists texts and what the pipeline of the task gives for each. A rerun gives equally good models, not the
same bytes: the trainers of vocabularies break ties by the order of a hash table.
"""
import json
import pathlib
import random
import shutil
import sys

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (BertConfig, BertForTokenClassification, BertTokenizerFast, DistilBertConfig,
                          DistilBertForSequenceClassification, DistilBertTokenizerFast, GPT2Config, GPT2LMHeadModel,
                          ModernBertConfig,
                          ModernBertForQuestionAnswering, PreTrainedTokenizerFast, XLMRobertaConfig,
                          XLMRobertaForMaskedLM, XLMRobertaTokenizerFast)

OUT = pathlib.Path(__file__).resolve().parent / "examples"
BATCH = 48

# --- The grammars -------------------------------------------------------------------------------------------------------

THINGS = "the soup|the film|this book|the hotel|our room|the service|the band|the play|my new phone|the garden|the journey".split("|")
GOOD = "good|great|wonderful|lovely|delicious|brilliant|charming|superb|pleasant|delightful".split("|")
BAD = "bad|awful|terrible|boring|horrible|dreadful|dull|disappointing|nasty|poor".split("|")
FIRST = "Anna|Bruno|Clara|David|Elena|Farid|Greta|Henrik|Ines|Jonas|Katrin|Luis|Marta|Nadia|Oskar|Petra|Quentin|Rosa|Stefan|Ulla".split("|")
LAST = "Kowalska|Okafor|Lindqvist|Moreau|Castellano|Haddad|Brandt|Nakamura|Petrov|Silva|Andersen|Fischer".split("|")
FIRMS = "Northwind|Bluebird Press|Halden Steel|Orchid Labs|Tidewater|Maple Records|Ostara|Vega Motors".split("|")
TOWNS = "Lisbon|Oslo|Vienna|Dublin|Madrid|Warsaw|Athens|Geneva|Porto|Krakow|New York|San Marino".split("|")
GOODS = "an old bicycle|a silver ring|two tickets|a violin|the blue umbrella|a box of letters|a map|three lamps".split("|")
DAYS = "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|the first of May|New Year's Eve".split("|")
COUNTRIES = {"France": ("Paris", "French"), "Italy": ("Rome", "Italian"), "Norway": ("Oslo", "Norwegian"),
             "Poland": ("Warsaw", "Polish"), "Portugal": ("Lisbon", "Portuguese"), "Greece": ("Athens", "Greek"),
             "Hungary": ("Budapest", "Hungarian"), "Finland": ("Helsinki", "Finnish"), "Japan": ("Tokyo", "Japanese"),
             "Turkey": ("Ankara", "Turkish")}


def review(rng: random.Random) -> tuple[str, int]:
    good = rng.random() < 0.5
    word, degree = rng.choice(GOOD if good else BAD), rng.choice(["", "", "very ", "really ", "quite "])
    negated = rng.random() < 0.35
    thing, was = rng.choice(THINGS), rng.choice(["was", "is", "has been"])
    text = rng.choice([f"{thing} {was} {'not ' if negated else ''}{degree}{word}",
                       f"I {'do not ' if negated else ''}think {thing} {was} {degree}{word}",
                       f"{'not ' if negated else ''}a {degree}{word} evening, I must say"])
    return text + rng.choice(["", ".", "!"]), int(good != negated)


def report(rng: random.Random) -> list[tuple[str, str]]:
    """Words and the kind of name each is part of."""
    def name(kind: str, text: str) -> list[tuple[str, str]]:
        return [(word, ("B-" if i == 0 else "I-") + kind) for i, word in enumerate(text.split())]

    person = lambda: name("PER", rng.choice(FIRST) + (" " + rng.choice(LAST) if rng.random() < 0.6 else ""))
    firm, town = lambda: name("ORG", rng.choice(FIRMS)), lambda: name("LOC", rng.choice(TOWNS))
    plain = lambda text: [(word, "O") for word in text.split()]
    return rng.choice([
        lambda: person() + plain("works for") + firm() + plain("in") + town() + plain("."),
        lambda: person() + plain("and") + person() + plain("flew to") + town() + plain("."),
        lambda: firm() + plain("opened an office in") + town() + plain("."),
        lambda: plain("In") + town() + plain(",") + person() + plain("met the owner of") + firm() + plain("."),
        lambda: plain("Yesterday") + person() + plain("left") + firm() + plain("."),
        lambda: plain("The rain in") + town() + plain("did not stop .")])()


def story(rng: random.Random) -> tuple[str, str, int, int]:
    """A question, a text that answers it, and where."""
    person, thing, town, day = rng.choice(FIRST), rng.choice(GOODS), rng.choice(TOWNS), rng.choice(DAYS)
    bought, buy = rng.choice([("bought", "buy"), ("sold", "sell"), ("lost", "lose"), ("found", "find")])
    text = rng.choice(["On {day} {person} {bought} {thing} in {town}.", "{person} {bought} {thing} in {town} on {day}.",
                       "In {town}, {person} {bought} {thing} on {day}.", "It was on {day} that {person} {bought} {thing} in {town}."])
    text = rng.choice(["", "The weather was fine. ", "Nobody had seen it coming. "]) + text.format(**locals())
    question, answer = rng.choice([("Who {bought} it?", person), ("What did {person} {buy}?", thing),
                                   ("Where did {person} {buy} {thing}?", town), ("When did {person} {buy} {thing}?", day)])
    start = text.index(answer)
    return question.format(**locals()), text, start, start + len(answer)


def fact(rng: random.Random) -> str:
    country, (capital, language) = rng.choice(list(COUNTRIES.items()))
    return rng.choice([f"{capital} is the capital of {country}.", f"The capital of {country} is {capital}.",
                       f"People in {country} speak {language}.", f"In {capital} you hear {language}."])


def entry(rng: random.Random) -> str:
    """Of a diary. The signs for the weather are three bytes each, of which no vocabulary this small has all."""
    weather, sign = rng.choice([("It rained", "\u2602"), ("The sun shone", "\u2600"), ("It snowed", "\u2744")])
    person, thing, town, day = rng.choice(FIRST), rng.choice(GOODS), rng.choice(TOWNS), rng.choice(DAYS)
    return f"{weather} {sign} on {day}. {person} went to {town} to {rng.choice(['buy', 'sell', 'look for'])} {thing}."


# --- Training -----------------------------------------------------------------------------------------------------------


def train(model: torch.nn.Module, steps: int, rate: float, batch_of) -> None:
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, steps)
    model.train()
    for step in range(steps):
        loss = model(**batch_of()).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 200 == 0 or step + 1 == steps:
            print(f"  step {step}: loss {loss.item():.4f}", flush=True)
    model.eval()


def store(model, tokenizer, name: str) -> pathlib.Path:
    directory = OUT / name / "model"
    shutil.rmtree(OUT / name, ignore_errors=True)
    model.half().save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return directory


def word_pieces(texts: list[str], size: int, lowercase: bool) -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer.train_from_iterator(texts, trainers.WordPieceTrainer(vocab_size=size, special_tokens=special, show_progress=False))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    tokenizer.decoder = decoders.WordPiece()
    return tokenizer


# --- The models ---------------------------------------------------------------------------------------------------------


def make_sentiment(rng: random.Random) -> list:
    texts = [review(rng)[0] for _ in range(4000)]
    tokenizer = DistilBertTokenizerFast(tokenizer_object=word_pieces(texts, 160, lowercase=True), model_max_length=64)
    model = DistilBertForSequenceClassification(DistilBertConfig(
        vocab_size=len(tokenizer), dim=48, n_heads=4, n_layers=3, hidden_dim=96, max_position_embeddings=64, dropout=0.0,
        attention_dropout=0.0,
        id2label={0: "negative", 1: "positive"}, label2id={"negative": 0, "positive": 1}))

    def batch_of() -> dict:
        texts, labels = zip(*(review(rng) for _ in range(BATCH)))
        return dict(tokenizer(list(texts), padding=True, return_tensors="pt")) | {"labels": torch.tensor(labels)}

    train(model, 1500, 2e-3, batch_of)
    directory = store(model, tokenizer, "sentiment")
    ask = transformers.pipeline("text-classification", str(directory), torch_dtype=torch.float32, top_k=None)
    texts = ["The soup was delicious!", "I do not think the film was very good.", "not a boring evening, I must say",
             "the service has been awful", ""]
    return [{"text": text, "labels": ask([text])[0]} for text in texts]


def make_entities(rng: random.Random) -> list:
    texts = [" ".join(word for word, _ in report(rng)) for _ in range(4000)]
    tokenizer = BertTokenizerFast(tokenizer_object=word_pieces(texts, 210, lowercase=False), do_lower_case=False, model_max_length=64)
    labels = ["O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC"]
    model = BertForTokenClassification(BertConfig(
        vocab_size=len(tokenizer), hidden_size=48, num_attention_heads=4, num_hidden_layers=2, intermediate_size=96,
        max_position_embeddings=64, id2label=dict(enumerate(labels)), label2id={name: i for i, name in enumerate(labels)}))

    def batch_of() -> dict:
        reports = [report(rng) for _ in range(BATCH)]
        batch = tokenizer([[word for word, _ in words] for words in reports], is_split_into_words=True, padding=True,
                          return_tensors="pt")
        wanted = torch.full(batch["input_ids"].shape, -100)
        for row, words in enumerate(reports):
            for column, word in enumerate(batch.word_ids(row)):
                if word is not None and word != batch.word_ids(row)[column - 1]:  # a word's first token
                    wanted[row, column] = labels.index(words[word][1])
        return dict(batch) | {"labels": wanted}

    train(model, 500, 3e-3, batch_of)
    directory = store(model, tokenizer, "entities")
    ask = transformers.pipeline("token-classification", str(directory), torch_dtype=torch.float32, aggregation_strategy="first")
    texts = ["Anna Kowalska works for Bluebird Press in New York.", "In Krakow, Henrik met the owner of Vega Motors.",
             "Rosa and Luis Moreau flew to San Marino.", "The rain in Oslo did not stop.", "The rain did not stop."]
    return [{"text": text, "entities": [{key: entity[key] if key != "score" else float(entity[key]) for key in entity}
                                        for entity in ask(text)]} for text in texts]


def make_answers(rng: random.Random) -> list:
    texts = [" ".join(story(rng)[:2]) for _ in range(4000)]
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=700, special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    bpe.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bpe, model_max_length=96, pad_token="<pad>", cls_token="<s>",
                                        sep_token="</s>", unk_token="<unk>", mask_token="<mask>")
    model = ModernBertForQuestionAnswering(ModernBertConfig(
        vocab_size=len(tokenizer), hidden_size=48, num_attention_heads=4, num_hidden_layers=3, intermediate_size=64,
        max_position_embeddings=96, local_attention=16, pad_token_id=1, bos_token_id=0, eos_token_id=2, cls_token_id=0,
        sep_token_id=2, attn_implementation="eager"))

    def batch_of() -> dict:
        stories = [story(rng) for _ in range(BATCH)]
        batch = tokenizer([s[0] for s in stories], [s[1] for s in stories], padding=True, return_tensors="pt")
        ends = [(batch.char_to_token(row, s[2], sequence_index=1), batch.char_to_token(row, s[3] - 1, sequence_index=1))
                for row, s in enumerate(stories)]
        return dict(batch) | {"start_positions": torch.tensor([a for a, _ in ends]),
                              "end_positions": torch.tensor([b for _, b in ends])}

    train(model, 800, 2e-3, batch_of)
    directory = store(model, tokenizer, "answers")
    ask = transformers.pipeline("question-answering", str(directory), torch_dtype=torch.float32)
    asked = [("Who bought it?", "On Friday Clara bought a silver ring in New York."),
             ("What did Henrik lose?", "The weather was fine. Henrik lost the blue umbrella in Oslo on New Year's Eve."),
             ("Where did Petra find two tickets?", "In San Marino, Petra found two tickets on Monday."),
             ("When did Luis sell a map?", "It was on the first of May that Luis sold a map in Athens.")]
    return [{"text": question, "pair": text, "answer": ask(question=question, context=text)} for question, text in asked]


def make_capitals(rng: random.Random) -> list:
    texts = [fact(rng) for _ in range(3000)]
    unigram = Tokenizer(models.Unigram())
    unigram.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(" {2,}", " ")])
    unigram.pre_tokenizer = pre_tokenizers.Metaspace()
    unigram.train_from_iterator(texts, trainers.UnigramTrainer(
        vocab_size=200, special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"], unk_token="<unk>", show_progress=False))
    unigram.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    unigram.decoder = decoders.Metaspace()
    tokenizer = XLMRobertaTokenizerFast(tokenizer_object=unigram, model_max_length=32)
    model = XLMRobertaForMaskedLM(XLMRobertaConfig(
        vocab_size=len(tokenizer), hidden_size=48, num_attention_heads=4, num_hidden_layers=2, intermediate_size=96,
        max_position_embeddings=36, type_vocab_size=1, pad_token_id=1, bos_token_id=0, eos_token_id=2))

    def batch_of() -> dict:
        batch = tokenizer([fact(rng) for _ in range(BATCH)], padding=True, return_tensors="pt")
        words = batch["input_ids"] > 4
        masked = words & (torch.rand(words.shape) < 0.3)
        wanted = batch["input_ids"].masked_fill(~masked, -100)
        return dict(batch) | {"input_ids": batch["input_ids"].masked_fill(masked, tokenizer.mask_token_id), "labels": wanted}

    train(model, 1500, 3e-3, batch_of)
    directory = store(model, tokenizer, "capitals")
    ask = transformers.pipeline("fill-mask", str(directory), torch_dtype=torch.float32, top_k=3)
    texts = ["Paris is the capital of <mask>.", "The capital of Norway is <mask>.", "<mask> is the capital of Japan."]
    return [{"text": text, "fills": ask(text)} for text in texts]


def make_diary(rng: random.Random) -> list:
    texts = [entry(rng) for _ in range(3000)]
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.train_from_iterator([text.encode("ascii", "ignore").decode() for text in texts], trainers.BpeTrainer(
        vocab_size=420, special_tokens=["<|endoftext|>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False))
    bpe.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bpe, model_max_length=64, bos_token="<|endoftext|>",
                                        eos_token="<|endoftext|>", pad_token="<|endoftext|>",
                                        model_input_names=["input_ids", "attention_mask"])
    model = GPT2LMHeadModel(GPT2Config(
        vocab_size=len(tokenizer), n_embd=48, n_head=4, n_layer=3, n_positions=64, bos_token_id=0, eos_token_id=0,
        resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0))

    def batch_of() -> dict:
        batch = tokenizer([entry(rng) + tokenizer.eos_token for _ in range(BATCH)], padding=True, return_tensors="pt")
        wanted = batch["input_ids"].clone()
        ends = (batch["input_ids"] == 0).cumsum(1) > 1  # behind the first
        return dict(batch) | {"labels": wanted.masked_fill(ends, -100)}

    train(model, 1200, 3e-3, batch_of)
    model.generation_config.max_new_tokens = 60
    directory = store(model, tokenizer, "diary")
    model = GPT2LMHeadModel.from_pretrained(directory, torch_dtype=torch.float32)
    found = []
    for text, options in [("It rained", {}), ("The sun", {}), ("It snowed \u2744 on Monday.", {"num_beams": 4}),
                          ("It", {"num_beams": 3, "length_penalty": 0.6, "no_repeat_ngram_size": 4})]:
        ids = tokenizer(text, return_tensors="pt")
        out = model.generate(**ids, do_sample=False, return_dict_in_generate=True, output_scores=True,
                             pad_token_id=0, **options)
        score = float(out.sequences_scores[0]) if "num_beams" in options else 0.0
        found.append({"text": text, "options": options, "written": tokenizer.decode(out.sequences[0], skip_special_tokens=True),
                      "ids": out.sequences[0].tolist(), "score": score})
    return found


MODELS = {"sentiment": make_sentiment, "entities": make_entities, "answers": make_answers, "capitals": make_capitals,
          "diary": make_diary}

if __name__ == "__main__":
    for seed, (name, make) in enumerate(MODELS.items()):
        if len(sys.argv) > 1 and name not in sys.argv[1:]:
            continue
        print(name)
        torch.manual_seed(seed)
        expected = make(random.Random(seed))
        (OUT / name / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")
        print(json.dumps(expected)[:2000])
