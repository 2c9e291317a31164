#!/usr/bin/env python3
"""Writes tests/goldens/bert: tiny BERT directories with random weights, inputs, and what Transformers computes from them.

Made with Python 3.11, torch==2.13.0, transformers==4.55.4, safetensors==0.8.0, on the CPU:

    python3 tests/goldens/make_bert_goldens.py

Layout: bert/NAME/model is the directory a user would have; bert/NAME/CASE/{inputs,expected}.safetensors are one run; and
bert/cases.json lists every run with the flags that compile its model.

Every parameter is random, so that none can be dropped or swapped unseen: weights N(0, 1/sqrt(fan_in)), biases N(0, 0.1),
LayerNorm gains 1 + N(0, 0.1) and biases N(0, 0.1), embeddings N(0, 0.5). The weights are rounded to the type they are
stored in; the expected outputs are computed from the rounded ones in float64 and stored as float32.

Three of Lathe's rules differ from Transformers and are applied to what is expected (`apply_edge_rules`): outputs are 0
where the mask is 0; a sequence whose mask is all zeros gives zeros everywhere; `pooler_output`, which reads column 0, is 0
where that column is masked. Elsewhere the numbers are Transformers' own.
"""
import dataclasses
import json
import math
import pathlib
import shutil
import typing

import torch
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertForMaskedLM, BertForPreTraining, BertModel

OUT = pathlib.Path(__file__).resolve().parent / "bert"
# max |y - expected| / max(1, max |expected|), for the interpreter and for compiled f32 code.
TOLERANCE = {"interpreter": 2e-5, "compiled": 1e-4}
EMIT = ("--emit", "hidden_states")


@dataclasses.dataclass
class Model:
    """One model directory. `config` overrides BertConfig; `edit` turns what Transformers saved into the variant under
    test by changing (tensors, config) in place; `cases` are names of inputs, or (name, flags)."""

    name: str
    kind: type
    config: dict
    cases: list
    note: str
    pooler: bool = True
    stored: torch.dtype = torch.float32
    shard_size: str = "5GB"
    embedding_std: float = 0.5
    # The inner layer's weights are so many times larger: its activations reach the ends of their functions.
    inner_gain: float = 1
    edit: typing.Callable = lambda tensors, config: None
    # False where Transformers 4.55 itself cannot load the variant; the note says why Lathe must.
    loads_in_transformers: bool = True


# --- Parameters ---------------------------------------------------------------------------------------------------------


def randomise(model: torch.nn.Module, stored: torch.dtype, embedding_std: float, inner_gain: float,
              rng: torch.Generator) -> None:
    for name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape, generator=rng, dtype=torch.float64)
        if "embeddings.weight" in name:
            value = embedding_std * noise
        elif name.endswith("LayerNorm.weight"):
            value = 1 + 0.1 * noise
        elif parameter.dim() == 1:
            value = 0.1 * noise
        else:
            value = noise / math.sqrt(parameter.shape[1])
        if "intermediate.dense.weight" in name:
            value = inner_gain * value
        parameter.data = value.to(stored).to(torch.float64)


# --- Variants of stored directories -------------------------------------------------------------------------------------


def rename(tensors: dict, change: typing.Callable) -> None:
    renamed = {change(name): value for name, value in tensors.items()}
    tensors.clear()
    tensors.update(renamed)


def without_prefix(tensors: dict, config: dict) -> None:
    rename(tensors, lambda name: name.removeprefix("bert."))


def old_names_with_prefix(tensors: dict, config: dict) -> None:
    """As in the first TensorFlow conversions: gamma and beta, the prefix in a base model, a buffer that is no weight."""
    old = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
    for new_name, old_name in old.items():
        rename(tensors, lambda name: "bert." * (not name.startswith("bert.")) + name.replace(new_name, old_name))
    positions = config["max_position_embeddings"]
    tensors["bert.embeddings.position_ids"] = torch.arange(positions).unsqueeze(0)


def only_sizes(tensors: dict, config: dict) -> None:
    """Drops every field whose BertConfig default the model uses."""
    keep = {"architectures", "model_type", "hidden_size", "num_hidden_layers", "vocab_size"}
    for field in set(config) - keep:
        del config[field]


def written_by_version_5(tensors: dict, config: dict) -> None:
    config["dtype"] = config.pop("torch_dtype")
    config["transformers_version"] = "5.5.0"
    for field in ("position_embedding_type", "use_cache", "initializer_range"):
        del config[field]


def claims_base(tensors: dict, config: dict) -> None:
    config["architectures"] = ["BertModel"]


def with_both_biases(tensors: dict, config: dict) -> None:
    """Version 5 keeps two biases in an untied model, and its forward adds the decoder's."""
    bias = tensors.pop("cls.predictions.bias")
    tensors["cls.predictions.decoder.bias"] = bias
    tensors["cls.predictions.bias"] = bias + 1


def with_tied_tensors_stored(tensors: dict, config: dict) -> None:
    """Old files repeat what is tied."""
    tensors["cls.predictions.decoder.weight"] = tensors["bert.embeddings.word_embeddings.weight"].clone()
    tensors["cls.predictions.decoder.bias"] = tensors["cls.predictions.bias"].clone()


# --- Inputs -------------------------------------------------------------------------------------------------------------


def mask_of(rows: list[str]) -> torch.Tensor:
    return torch.tensor([[int(column) for column in row] for row in rows])


def right_padded(lengths: list[int], width: int) -> torch.Tensor:
    return (torch.arange(width) < torch.tensor(lengths).unsqueeze(1)).long()


# A case is a mask; names starting with these words get further inputs (see `make_inputs`).
MASKS = {
    "one-token": lambda c: right_padded([1], 1),
    "ragged": lambda c: right_padded([17, 1, 9, 23], 23),
    "no-mask": lambda c: right_padded([13, 13], 13),
    "left-padded": lambda c: mask_of(["000011111111111", "111111111111111", "000000000000001"]),
    "holes": lambda c: mask_of(["110110011101", "010111111110", "101010101010"]),
    "empty-row": lambda c: mask_of(["1111100", "0000000", "0011111"]),
    "token-types": lambda c: right_padded([11, 4], 11),
    "positions": lambda c: right_padded([12, 7], 12),
    "everything": lambda c: mask_of(["0111011", "1111111", "1110000"]),
    "full-length": lambda c: right_padded([c.max_position_embeddings, 1, 257], c.max_position_embeddings),
    "s512": lambda c: right_padded([511, 512], 512),
}


def make_inputs(case: str, config: BertConfig, rng: torch.Generator) -> dict:
    mask = MASKS[case](config)
    draw = lambda limit: torch.randint(0, limit, mask.shape, generator=rng)
    inputs = {"input_ids": draw(config.vocab_size), "attention_mask": mask}
    if case in ("token-types", "everything"):
        inputs["token_type_ids"] = draw(config.type_vocab_size)
    if case in ("positions", "everything"):
        inputs["position_ids"] = draw(config.max_position_embeddings)
    if case in ("no-mask", "one-token"):
        del inputs["attention_mask"]
    return inputs


# --- Expected outputs ---------------------------------------------------------------------------------------------------


def apply_edge_rules(outputs: dict, mask: torch.Tensor) -> dict:
    """`pooler_output` is [B, H]; every other output is [B, S, width]."""
    keep = {name: mask[:, :1] if name == "pooler_output" else mask.unsqueeze(-1) for name in outputs}
    return {name: value * keep[name] for name, value in outputs.items()}


def forward(model: torch.nn.Module, inputs: dict, flags: tuple, base: bool) -> dict:
    """What the base model, or else the masked-LM head, gives under Lathe's output names."""
    network = getattr(model, "bert", model) if base else model
    result = network(**inputs, output_hidden_states=EMIT[0] in flags)
    if base:
        outputs = {"last_hidden_state": result.last_hidden_state, "pooler_output": result.pooler_output}
    else:
        outputs = {"logits": result["logits" if "logits" in result else "prediction_logits"]}
    if EMIT[0] in flags:
        outputs |= {f"hidden_states.{i}": value for i, value in enumerate(result.hidden_states)}
    outputs = {name: value for name, value in outputs.items() if value is not None}
    return apply_edge_rules(outputs, inputs.get("attention_mask", torch.ones_like(inputs["input_ids"])))


# --- The models ---------------------------------------------------------------------------------------------------------

SMALL = {"vocab_size": 97, "hidden_size": 36, "num_attention_heads": 3, "num_hidden_layers": 2, "intermediate_size": 54,
         "max_position_embeddings": 64}
MODELS = [
    Model("base-odd", BertModel,
          {"vocab_size": 307, "hidden_size": 100, "num_attention_heads": 5, "num_hidden_layers": 2,
           "intermediate_size": 150, "max_position_embeddings": 64},
          ["one-token", "ragged", "no-mask", "left-padded", "holes", "empty-row", "token-types", "positions", "everything",
           ("everything", EMIT)],
          "sizes that fill no vector; every kind of mask and input"),
    Model("base-deep", BertModel, SMALL | {"num_hidden_layers": 5, "hidden_act": "gelu_new", "type_vocab_size": 1},
          ["ragged", ("holes", EMIT)], "five layers, one token type"),
    Model("base-no-pooler", BertModel,
          {"vocab_size": 61, "hidden_size": 33, "num_attention_heads": 3, "num_hidden_layers": 1, "intermediate_size": 37,
           "max_position_embeddings": 65, "type_vocab_size": 3, "hidden_act": "relu"},
          ["ragged", "left-padded", "everything"], "no pooler_output; everything odd; head_dim 11", pooler=False),
    Model("base-long", BertModel,
          SMALL | {"vocab_size": 53, "hidden_size": 16, "num_attention_heads": 2, "num_hidden_layers": 1,
                   "intermediate_size": 23, "hidden_act": "silu", "layer_norm_eps": 1e-3, "max_position_embeddings": 530},
          ["s512", "full-length"], "up to the last position"),
    Model("base-wide-heads", BertModel,
          SMALL | {"hidden_size": 128, "num_attention_heads": 2, "num_hidden_layers": 1,
                   "hidden_act": "gelu_pytorch_tanh", "layer_norm_eps": 0.1},
          ["ragged", "empty-row"], "head_dim 64, a large epsilon"),
    Model("base-one-head", BertModel, SMALL | {"hidden_size": 17, "num_attention_heads": 1, "num_hidden_layers": 3,
                                               "intermediate_size": 5},
          ["ragged", "holes"], "one head of 17; the inner layer narrower than the outer"),
    Model("base-defaults", BertModel, {"vocab_size": 71, "hidden_size": 24, "num_hidden_layers": 1},
          ["ragged", "token-types"],
          "config fields left out: heads 12, inner 3072, positions 512, types 2, gelu, epsilon 1e-12; embeddings so small "
          "that another epsilon shows", stored=torch.float16, embedding_std=0.01, edit=only_sizes),
    Model("base-f16", BertModel, SMALL, ["ragged"], "weights stored as f16", stored=torch.float16),
    Model("base-bf16", BertModel, SMALL, ["left-padded"], "weights stored as bf16; config as Transformers 5 writes it",
          stored=torch.bfloat16, edit=written_by_version_5),
    Model("base-sharded", BertModel, SMALL | {"hidden_act": "tanh"}, ["ragged", "positions"],
          "several files and their index", shard_size="40KB"),
    Model("base-old-names", BertModel, SMALL, ["ragged", "empty-row"],
          "gamma and beta, the prefix bert., the buffer position_ids", edit=old_names_with_prefix),
    Model("base-of-masked-lm", BertForMaskedLM, SMALL, [("ragged", ("--task", "base"))],
          "a masked-LM checkpoint read as a base model by flag: no pooler in the file, so none in the outputs"),
    Model("base-of-pretraining", BertForPreTraining, SMALL, [("ragged", ("--task", "base")),
                                                             ("holes", ("--task", "masked-lm"))],
          "a pre-training checkpoint: two heads, of which the task takes what it needs"),
    Model("base-by-architecture", BertForPreTraining, SMALL, ["left-padded"],
          "architectures says BertModel; the heads in the file are unknown tensors", edit=claims_base),
    Model("mlm-tied", BertForMaskedLM, SMALL | {"vocab_size": 211},
          ["ragged", "holes", ("left-padded", EMIT)], "decoder.weight and decoder.bias are not in the file"),
    Model("mlm-tied-stored", BertForMaskedLM, SMALL | {"hidden_act": "relu"}, ["ragged"],
          "tied tensors stored all the same; hidden_act also in the head", edit=with_tied_tensors_stored),
    Model("mlm-untied", BertForMaskedLM, SMALL | {"tie_word_embeddings": False, "hidden_act": "gelu_new"},
          ["ragged", "empty-row"], "a decoder of its own; predictions.bias alone is its bias"),
    Model("mlm-untied-biases", BertForMaskedLM, SMALL | {"tie_word_embeddings": False}, ["left-padded"],
          "both biases in the file and different: the decoder's counts, as in version 5; version 4 ties them and keeps "
          "whichever it read last", edit=with_both_biases, loads_in_transformers=False),
    Model("mlm-no-prefix", BertForMaskedLM, SMALL, ["ragged"],
          "names without bert. beside cls.: version 4.55 would prefix the head's names too and lose them",
          edit=without_prefix, loads_in_transformers=False),
] + [
    Model(f"act-{name.replace('_', '-')}", BertModel,
          SMALL | {"vocab_size": 53, "hidden_size": 20, "num_attention_heads": 1, "num_hidden_layers": 1,
                   "intermediate_size": 37, "hidden_act": name},
          ["ragged"], f"{name}; {note}", inner_gain=4)
    for name, note in {
        "gelu_10": "GELU clipped at 10", "gelu_accurate": "the tanh form", "gelu_fast": "the tanh form",
        "gelu_python": "the exact one", "laplace": "no kernel has it", "leaky_relu": "no kernel has it",
        "linear": "nothing is done", "mish": "no kernel has it", "quick_gelu": "no kernel has it",
        "relu2": "a kernel has half of it", "relu6": "no kernel has it", "sigmoid": "no kernel has it",
        "swish": "SiLU by its other name"}.items()
] + [
    Model("mlm-mish", BertForMaskedLM, SMALL | {"hidden_size": 100, "num_attention_heads": 5, "intermediate_size": 65,
                                                "num_hidden_layers": 2, "hidden_act": "mish"},
          ["holes", ("ragged", EMIT)], "a formula in the layers, where padding is left out, and in the head; head_dim 20",
          inner_gain=4),
]


def save_model(entry: Model, model: torch.nn.Module, directory: pathlib.Path) -> None:
    """As save_pretrained writes it in the stored type, then edited."""
    stored = entry.kind(model.config, **({} if entry.pooler else {"add_pooling_layer": False}))
    stored.load_state_dict(model.state_dict())
    stored.to(entry.stored).save_pretrained(directory, max_shard_size=entry.shard_size)
    config = json.loads((directory / "config.json").read_text())
    weights = directory / "model.safetensors"
    if weights.exists():
        tensors = load_file(weights)
        entry.edit(tensors, config)
        save_file({name: value.contiguous() for name, value in tensors.items()}, weights, metadata={"format": "pt"})
    (directory / "config.json").write_text(json.dumps(config, indent=2) + "\n")


def load_model(entry: Model, directory: pathlib.Path) -> torch.nn.Module:
    extra = {} if entry.pooler else {"add_pooling_layer": False}
    return entry.kind.from_pretrained(directory, torch_dtype=torch.float64, attn_implementation="eager", **extra).eval()


def make_model(entry: Model, seed: int) -> list[dict]:
    rng = torch.Generator().manual_seed(seed)
    config = BertConfig(**entry.config, attn_implementation="eager")
    model = entry.kind(config, **({} if entry.pooler else {"add_pooling_layer": False})).double().eval()
    randomise(model, entry.stored, entry.embedding_std, entry.inner_gain, rng)
    save_model(entry, model, OUT / entry.name / "model")
    reloaded = load_model(entry, OUT / entry.name / "model") if entry.loads_in_transformers else model

    cases = []
    for case in entry.cases:
        case, flags = case if isinstance(case, tuple) else (case, ())
        base = entry.kind is BertModel or entry.edit is claims_base or flags == ("--task", "base")
        inputs = make_inputs(case, config, rng)
        with torch.no_grad():
            expected = forward(model, inputs, flags, base)
            again = forward(reloaded, inputs, flags, base)
        for name, value in expected.items():
            assert torch.equal(value, again[name]), f"{entry.name}: Transformers reads other weights than were written"
        if EMIT[0] in flags:
            case += "-hidden-states"
        directory = OUT / entry.name / case
        directory.mkdir(parents=True)
        integer = torch.int32 if case in ("ragged", "everything") else torch.int64
        save_file({name: value.to(integer) for name, value in inputs.items()}, directory / "inputs.safetensors")
        save_file({name: value.float().contiguous() for name, value in expected.items()}, directory / "expected.safetensors")
        cases.append({"model": entry.name, "case": case, "flags": list(flags)})
    return cases


def main() -> None:
    torch.set_num_threads(1)
    shutil.rmtree(OUT, ignore_errors=True)
    cases = [case for seed, entry in enumerate(MODELS) for case in make_model(entry, seed)]
    manifest = {"tolerance": TOLERANCE, "models": {entry.name: entry.note for entry in MODELS}, "cases": cases}
    (OUT / "cases.json").write_text(json.dumps(manifest, indent=1) + "\n")
    print(f"{len(MODELS)} models, {len(cases)} cases in {OUT}")


if __name__ == "__main__":
    main()
