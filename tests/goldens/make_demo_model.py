#!/usr/bin/env python3
"""Writes tests/goldens/demo-model: the small sentence-transformers directory that `./dev demo` uses without a network.

Made with Python 3.11, torch==2.13.0, transformers==4.55.4, tokenizers==0.21.4, on the CPU in half a minute:

    python3 tests/goldens/make_demo_model.py

The text is this script's own: a grammar that says one scene in many ways. The vocabulary is trained on it, and a two-layer
BERT learns to give two wordings of a scene nearby vectors and different scenes distant ones (InfoNCE over a batch). So the
nearest pairs of docs/demo-sentences.txt mean something, though nothing outside these few topics does. The demo's sentences
are kept out of the training text. A rerun gives an equally good model, not the same bytes: the vocabulary's trainer breaks
ties by the order of a hash table.
"""
import json
import pathlib
import random
import shutil

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.trainers import WordPieceTrainer
from transformers import BertConfig, BertModel, BertTokenizerFast

HERE = pathlib.Path(__file__).resolve().parent
OUT = HERE / "demo-model"
DEMO_SENTENCES = (HERE / "../../docs/demo-sentences.txt").resolve().read_text().splitlines()

MAX_TOKENS = 64
VOCABULARY = 1000
STEPS, BATCH, LEARNING_RATE, TEMPERATURE = 800, 64, 2e-3, 0.07

# --- The grammar: a scene is one alternative set per part; a wording picks one alternative of each. ---------------------

WHO = [
    "a man|the man|a gentleman|a guy|someone|somebody",
    "a woman|the woman|a lady|the lady|someone|somebody",
    "a child|the child|a kid|the kid|a young boy|a little girl",
    "a student|the student|a pupil|a scholar",
    "a doctor|the doctor|a physician|the surgeon",
    "a mechanic|the mechanic|an engineer|a worker|somebody",
    "the teacher|a teacher|an instructor|a tutor",
    "two friends|some people|a group of people|several persons",
    "a farmer|the farmer|a peasant|a grower",
    "a soldier|the soldier|a fighter|a guard",
]
DOES = [
    "is eating a meal|eats a meal|has a meal|is having dinner|is having lunch|enjoys some food|dines",
    "is playing the guitar|plays a guitar|performs music on a guitar|strums an instrument|makes music",
    "is riding a bicycle|rides a bike|cycles|is cycling|pedals a bicycle",
    "repairs a broken car|is fixing an automobile|mends a vehicle|works on a damaged car|fixes the engine of a car",
    "is reading a book|reads a novel|studies a text|looks at the pages of a book",
    "is running fast|runs|jogs|is jogging|sprints quickly",
    "is swimming|swims in the water|goes for a swim|dives into the lake",
    "is cooking soup|cooks a soup|prepares a stew|boils vegetables in a pot",
    "writes a letter|is writing a message|sends a note|composes an email",
    "buys bread|is shopping for groceries|purchases vegetables|gets some food at the shop",
    "sings a song|is singing loudly|performs a melody|chants a tune",
    "paints a picture|is painting|draws a portrait|makes a drawing with colours",
    "builds a house|is constructing a building|raises a wall of bricks|makes a new home",
    "plants a tree|is planting flowers|digs in the soil|waters the plants",
    "takes a photograph|is taking pictures|shoots a photo with a camera|captures an image",
    "washes the dishes|is cleaning the kitchen|scrubs plates|wipes the table",
    "throws a ball|is playing football|kicks a ball|scores a goal",
    "talks on the phone|is calling a friend|speaks into a telephone|makes a call",
    "drives a truck|is driving a lorry|steers a heavy vehicle|delivers goods by road",
    "climbs a mountain|is climbing a rock|hikes up a hill|goes up a steep slope",
]
WHERE = ["", "", "", "in the park|in a garden|through the garden|across a green field",
         "at home|in the house|in a flat|indoors", "in the city|in town|on the street|downtown",
         "by the river|near the water|at the lake|on the shore"]
ANIMAL = ["the cat|a cat|a kitten|the kitten", "the dog|a dog|a puppy|the hound", "a horse|the horse|a pony|a foal",
          "a bird|the bird|a sparrow|a small bird"]
ANIMAL_DOES = ["is sleeping|sleeps|takes a nap|is asleep|rests|is napping", "is jumping|jumps up|leaps|hops around",
               "drinks water|is drinking|laps some milk|has a drink", "is running|runs around|races|chases something",
               "looks out of the window|watches the street|stares outside"]
ANIMAL_WHERE = ["", "", "on the sofa|on the couch|on a cushion|on the settee", "in the garden|on the grass|outside|in the yard",
                "under the table|below the desk|beneath a chair"]
FACTS = [
    "it will rain tomorrow|it will rain in the north tomorrow|the forecast says rain is coming|wet weather is expected"
    "|rain is likely in the city|heavy showers are coming|the forecast promises wet weather|tomorrow will be rainy",
    "the sun is shining|it is a bright and warm day|the weather is sunny|there is no cloud in the sky|sunshine all day",
    "snow covers the roads|it is snowing|the streets are white with snow|a cold winter storm has come",
    "the train is late|the train arrives after its time|passengers wait for a delayed train|the railway has delays",
    "prices are rising|goods cost more every month|inflation is high|everything gets more expensive",
    "the bank raised its rates|interest rates went up|borrowing money costs more now|loans became dearer",
    "the team won the match|our side beat the rivals|the players celebrate a victory|they were winners in the game",
    "scientists found a new planet|astronomers discovered a distant world|a planet was seen far away in space",
    "the computer is broken|the laptop does not start|the machine has failed|my screen stays black",
    "the school is closed today|there are no lessons today|pupils stay at home because there is no class",
    "the election is on sunday|people will vote at the weekend|citizens choose a new president soon",
    "the museum opens at nine|visitors may enter the gallery in the morning|the exhibition starts early",
]


def wordings(rng: random.Random) -> tuple[str, str]:
    """Two wordings of one random scene."""
    kind = rng.random()
    if kind < 0.25:
        parts = [rng.choice(FACTS)]
    elif kind < 0.45:
        parts = [rng.choice(ANIMAL), rng.choice(ANIMAL_DOES), rng.choice(ANIMAL_WHERE)]
    else:
        parts = [rng.choice(WHO), rng.choice(DOES), rng.choice(WHERE)]

    def say() -> str:
        while True:
            text = " ".join(filter(None, (rng.choice(part.split("|")) for part in parts)))
            text = text[0].upper() + text[1:] + "."
            if text not in DEMO_SENTENCES:
                return text

    return say(), say()


def vocabulary(texts: list[str]) -> dict[str, int]:
    tokenizer = Tokenizer(WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    # Digits and letters in both positions, so that any English text has pieces.
    alphabet = [chr(c) for c in range(ord("a"), ord("z") + 1)] + [str(d) for d in range(10)]
    trainer = WordPieceTrainer(vocab_size=VOCABULARY, special_tokens=special, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(texts + [letter * 2 for letter in alphabet], trainer)
    # Numbered by name, so that two vocabularies can be compared.
    pieces = special + sorted(set(tokenizer.get_vocab()) - set(special))
    return {piece: index for index, piece in enumerate(pieces)}


def embed(model: BertModel, tokenizer: BertTokenizerFast, texts: list[str]) -> torch.Tensor:
    tokens = tokenizer(texts, padding=True, truncation=True, max_length=MAX_TOKENS, return_tensors="pt")
    states = model(**tokens).last_hidden_state
    mask = tokens["attention_mask"].unsqueeze(-1)
    return torch.nn.functional.normalize((states * mask).sum(1) / mask.sum(1), dim=-1)


def train(model: BertModel, tokenizer: BertTokenizerFast, rng: random.Random) -> None:
    optimiser = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LEARNING_RATE, total_steps=STEPS)
    model.train()
    for step in range(STEPS):
        pairs = [wordings(rng) for _ in range(BATCH)]
        vectors = embed(model, tokenizer, [text for pair in zip(*pairs) for text in pair])
        scores = vectors[:BATCH] @ vectors[BATCH:].T / TEMPERATURE
        target = torch.arange(BATCH)
        loss = torch.nn.functional.cross_entropy(scores, target) + torch.nn.functional.cross_entropy(scores.T, target)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        if step % 200 == 0 or step == STEPS - 1:
            print(f"step {step}: loss {loss.item():.3f}")
    model.eval()


def write_json(path: pathlib.Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2) + "\n")


def main() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    rng = random.Random(0)
    pieces = vocabulary([text for _ in range(20000) for text in wordings(rng)])

    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir()
    (OUT / "vocab.txt").write_text("".join(piece + "\n" for piece in pieces))
    tokenizer = BertTokenizerFast(vocab_file=str(OUT / "vocab.txt"), model_max_length=MAX_TOKENS)
    tokenizer.save_pretrained(OUT)

    model = BertModel(BertConfig(vocab_size=len(pieces), hidden_size=48, num_hidden_layers=2, num_attention_heads=4,
                                 intermediate_size=192, max_position_embeddings=MAX_TOKENS))
    train(model, tokenizer, rng)
    model.save_pretrained(OUT)
    # The directory as sentence-transformers wrote it for years; newer names of the same things are covered by goldens.
    modules = ("Transformer", ""), ("Pooling", "1_Pooling"), ("Normalize", "2_Normalize")
    write_json(OUT / "modules.json", [{"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{name}"}
                                      for i, (name, path) in enumerate(modules)])
    write_json(OUT / "sentence_bert_config.json", {"max_seq_length": MAX_TOKENS, "do_lower_case": False})
    write_json(OUT / "1_Pooling/config.json", {"word_embedding_dimension": model.config.hidden_size,
                                               "pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True,
                                               "pooling_mode_max_tokens": False, "pooling_mode_mean_sqrt_len_tokens": False})

    with torch.no_grad():
        vectors = embed(model, tokenizer, DEMO_SENTENCES)
    cosines = vectors @ vectors.T - 2 * torch.eye(len(vectors))
    nearest = cosines.argmax(1)
    for text, other, score in zip(DEMO_SENTENCES, nearest, cosines.max(1).values):
        print(f"{score:.3f}  {text}  ~  {DEMO_SENTENCES[other]}")
    paired = sum(other == index ^ 1 for index, other in enumerate(nearest))
    print(f"{paired} of {len(DEMO_SENTENCES)} sentences are nearest to their paraphrase; {len(pieces)} pieces")


if __name__ == "__main__":
    main()
