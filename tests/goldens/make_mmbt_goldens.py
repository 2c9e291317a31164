#!/usr/bin/env python3
"""Writes tests/goldens/mmbt: tiny MMBT directories with random weights, inputs, and what Transformers computes from them.

Made with Python 3.11, torch==2.13.0, transformers==4.55.4, safetensors==0.8.0, on the CPU:

    python3 tests/goldens/make_mmbt_goldens.py

Transformers has the classes and no directories; docs/formats/mmbt.md says what these look like. The network that makes
vectors of an image is an identity here: vectors are the input. encoder_goldens.py says how parameters and inputs are made,
and which rules are Lathe's; a text's mask says nothing of what stands before the text.
"""
import json
import pathlib
import shutil

import torch
from safetensors.torch import save_file
from transformers import BertConfig, BertModel
from transformers.models.deprecated.mmbt.configuration_mmbt import MMBTConfig
from transformers.models.deprecated.mmbt.modeling_mmbt import MMBTForClassification, MMBTModel

from encoder_goldens import ATTEND, EMIT, MASKS, TOLERANCE, randomise, relative_error

OUT = pathlib.Path(__file__).resolve().parent / "mmbt"
SMALL = {"vocab_size": 97, "hidden_size": 36, "num_attention_heads": 3, "num_hidden_layers": 2, "intermediate_size": 54,
         "max_position_embeddings": 64}

# A model: its class, config, width of vectors, labels, cases, note. A case: a mask's name, vectors in an image, which further
# inputs there are, and flags.
ALL = ("start", "end", "types", "positions", "modal_types", "modal_positions")
MODELS = {
    "base-odd": (MMBTModel, {"vocab_size": 307, "hidden_size": 60, "num_attention_heads": 3, "num_hidden_layers": 3,
                             "intermediate_size": 90, "max_position_embeddings": 64}, 41, 0,
                 [("one-token", 1, (), ()), ("ragged", 5, ("start", "end"), ()), ("no-mask", 3, ("start",), ()),
                  ("holes", 4, ("end",), ()), ("left-padded", 2, (), ()), ("empty-row", 3, ("start",), ()),
                  ("everything", 6, ALL, ()), ("everything", 6, ALL, EMIT), ("holes", 0, ("start", "end"), ()),
                  ("ragged", 2, ("start",), ATTEND)],
                 "vectors narrower than the layers, with and without tokens around them; every kind of mask"),
    "base-both-names": (MMBTModel, SMALL, 50, 0, [("ragged", 3, ("start", "end"), ())],
                        "what the parts share is in the file under both names"),
    "base-modal-names": (MMBTModel, SMALL, 50, 0, [("ragged", 3, ("start",), ())],
                         "the same under the image's part alone, as safetensors' save_model keeps it"),
    "classes": (MMBTForClassification, SMALL, 64, 5, [("ragged", 3, ("start", "end"), ()), ("empty-row", 1, (), ())],
                "five classes"),
    "regression": (MMBTForClassification, SMALL, 8, 1, [("no-mask", 2, ("start",), ())], "one label: [batch, 1]"),
    "classes-bf16": (MMBTForClassification, SMALL, 64, 2, [("ragged", 3, ("start", "end"), ())], "weights stored as bf16"),
}
SHARED = "word_embeddings", "position_embeddings", "token_type_embeddings", "LayerNorm"


def make_network(kind: type, settings: dict, width: int, labels: int, seed: int, stored: torch.dtype):
    text = BertConfig(**settings, attn_implementation="eager")
    config = MMBTConfig(text, num_labels=labels or None, modal_hidden_size=width)
    config.output_attentions = config.output_hidden_states = False  # which the class reads, and version 4.55 left out
    network = kind(config, BertModel(text), torch.nn.Identity()).double().eval()
    randomise(network, stored, 0.5, 1, 1, torch.Generator().manual_seed(seed))
    return network


def save_model(name: str, network, settings: dict, width: int, labels: int, stored: torch.dtype) -> None:
    directory = OUT / name / "model"
    directory.mkdir(parents=True)
    tensors = {key: value.to(stored).clone().contiguous() for key, value in network.state_dict().items()
               if not key.endswith("position_ids")}
    shared = [key for key in tensors if key.removeprefix("mmbt.").removeprefix("modal_encoder.").startswith(SHARED)]
    own = [key for key in tensors if "transformer.embeddings." in key and key.split("embeddings.", 1)[1].startswith(SHARED)]
    assert len(shared) == len(own) == 5, (shared, own)
    for key in {"base-both-names": [], "base-modal-names": own}.get(name, shared):
        del tensors[key]
    save_file(tensors, directory / "model.safetensors", metadata={"format": "pt"})
    config = settings | {"model_type": "mmbt", "architectures": [type(network).__name__], "text_model_type": "bert",
                         "modal_hidden_size": width}
    if labels:
        config["num_labels"] = labels
    (directory / "config.json").write_text(json.dumps(config, indent=2) + "\n")


def make_inputs(case: str, vectors: int, further: tuple, config, width: int, rng: torch.Generator) -> dict:
    mask = MASKS[case](config)
    batch, lead = len(mask), vectors + ("start" in further) + ("end" in further)
    draw = lambda limit, *shape: torch.randint(0, limit, shape, generator=rng)
    inputs = {"input_ids": draw(config.vocab_size, *mask.shape), "attention_mask": mask,
              "input_modal": torch.randn(batch, vectors, width, generator=rng)}
    optional = {"start": ("modal_start_tokens", config.vocab_size, (batch,)),
                "end": ("modal_end_tokens", config.vocab_size, (batch,)),
                "types": ("token_type_ids", 2, mask.shape), "positions": ("position_ids", 64, mask.shape),
                "modal_types": ("modal_token_type_ids", 2, (batch, lead)),
                "modal_positions": ("modal_position_ids", 64, (batch, lead))}
    inputs |= {optional[key][0]: draw(optional[key][1], *optional[key][2]) for key in further}
    if case in ("no-mask", "one-token"):
        del inputs["attention_mask"]
    return inputs


def forward(network, inputs: dict, flags: tuple) -> dict:
    states, attentions = flags == EMIT, flags == ATTEND
    dtype = next(network.parameters()).dtype
    inputs = inputs | {"input_modal": inputs["input_modal"].to(dtype)}
    mmbt = network if isinstance(network, MMBTModel) else network.mmbt
    result = mmbt(**inputs, output_hidden_states=states, output_attentions=attentions, return_dict=True)
    lead = result.last_hidden_state.shape[1] - inputs["input_ids"].shape[1]
    mask = inputs.get("attention_mask", torch.ones_like(inputs["input_ids"]))
    mask = torch.cat([torch.ones(len(mask), lead, dtype=mask.dtype), mask], 1)
    if network is not mmbt:
        return {"logits": network(**inputs, return_dict=True).logits}
    outputs = {"last_hidden_state": result.last_hidden_state * mask.unsqueeze(-1), "pooler_output": result.pooler_output}
    if lead == 0:
        outputs["pooler_output"] = outputs["pooler_output"] * mask[:, :1]
    for index, value in enumerate(result.hidden_states or ()):
        outputs[f"hidden_states.{index}"] = value * mask.unsqueeze(-1)
    for index, value in enumerate(result.attentions or ()):
        outputs[f"attentions.{index}"] = value * mask[:, None, :, None]
    return outputs


def main() -> None:
    torch.set_num_threads(1)
    shutil.rmtree(OUT, ignore_errors=True)
    cases = []
    for seed, (name, (kind, settings, width, labels, runs, _)) in enumerate(MODELS.items()):
        stored = torch.bfloat16 if name == "classes-bf16" else torch.float32
        network = make_network(kind, settings, width, labels, seed, stored)
        save_model(name, network, settings, width, labels, stored)
        halved = make_network(kind, settings, width, labels, seed, stored).bfloat16()
        rng = torch.Generator().manual_seed(seed)
        for case, vectors, further, flags in runs:
            inputs = make_inputs(case, vectors, further, network.config if kind is MMBTModel else network.mmbt.config, width, rng)
            with torch.no_grad():
                expected = forward(network, inputs, flags)
                loss = relative_error(forward(halved, inputs, flags), expected)
            folder = "-".join([case, f"{vectors}-vectors", *(flags[1:] and [flags[1].replace("_", "-")])])
            directory = OUT / name / folder
            directory.mkdir(parents=True)
            integer = torch.int32 if case in ("ragged", "everything") else torch.int64
            save_file({key: value.float() if key == "input_modal" else value.to(integer) for key, value in inputs.items()},
                      directory / "inputs.safetensors")
            save_file({key: value.float().contiguous() for key, value in expected.items()}, directory / "expected.safetensors")
            cases.append({"model": name, "case": folder, "flags": list(flags), "bf16_loss": float(f"{loss:.2g}")})
    notes = {name: model[-1] for name, model in MODELS.items()}
    (OUT / "cases.json").write_text(json.dumps({"tolerance": TOLERANCE, "models": notes, "cases": cases}, indent=1) + "\n")
    print(f"{len(MODELS)} models, {len(cases)} cases in {OUT}")


if __name__ == "__main__":
    main()
