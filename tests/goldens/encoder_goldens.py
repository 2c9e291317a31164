"""What the scripts for tiny encoders share: random parameters, stored directories, inputs, and what Transformers computes.

Layout: FAMILY/NAME/model is the directory a user would have; FAMILY/NAME/CASE/{inputs,expected}.safetensors are one
run; and FAMILY/cases.json lists every run with the flags that compile its model, and how far Transformers itself, in
bfloat16, is from what is expected.

Every parameter is random, so that none can be dropped or swapped unseen: weights N(0, 1/sqrt(fan_in)), biases N(0, 0.1),
LayerNorm gains 1 + N(0, 0.1) and biases N(0, 0.1), embeddings N(0, 0.5). The weights are rounded to the type they are
stored in; the expected outputs are computed from the rounded ones in float64 and stored as float32.

Three of Lathe's rules differ from Transformers and are applied to what is expected (`apply_edge_rules`): outputs are 0
where the mask is 0, attention's probabilities where it is for the query; a sequence whose mask is all zeros gives zeros everywhere; `pooler_output`, which reads column 0, is 0
where that column is masked. Elsewhere the numbers are Transformers' own. Other outputs for a whole sequence read column 0,
too, and are errors where it is masked: no case has that.
"""
import copy
import dataclasses
import json
import math
import pathlib
import shutil
import typing

import torch
from safetensors.torch import load_file, save_file

# max |y - expected| / max(1, max |expected|), for the interpreter and for compiled f32 code.
TOLERANCE = {"interpreter": 2e-5, "compiled": 1e-4}
EMIT = ("--emit", "hidden_states")
ATTEND = ("--emit", "attentions")
EMIT_BOTH = ("--emit", "hidden_states,attentions")


@dataclasses.dataclass
class Model:
    """One model directory. `config` overrides the config class's defaults; `edit` turns what Transformers saved into
    the variant under test by changing (tensors, config) in place; `cases` are names of inputs, or (name, flags)."""

    name: str
    kind: type
    config: dict
    cases: list
    note: str
    pooler: bool = True
    # Which of Transformers' attentions: what suits float64.
    attention: str = "eager"
    stored: torch.dtype = torch.float32
    shard_size: str = "5GB"
    embedding_std: float = 0.5
    # About what gains of norms are: less where these do not bring rows to a common size, so that values do not grow.
    gain: float = 1
    # The inner layer's weights are so many times larger: its activations reach the ends of their functions.
    inner_gain: float = 1
    edit: typing.Callable = lambda tensors, config: None
    # False where Transformers 4.55 itself cannot load the variant; the note says why Lathe must.
    loads_in_transformers: bool = True
    # `edit` changes numbers, not only how they are stored: what counts is what Transformers reads back.
    edited_weights: bool = False
    # The directory says that it is a base model, whatever was saved.
    claims_base: bool = False
    # Outputs for a whole sequence read column 0.
    reads_first: bool = True
    # Called with a model once it is made or loaded: what Transformers leaves in another type.
    prepare: typing.Callable = lambda model: None
    # Called with a model whose parameters have been made random: what is none, though Transformers lists it.
    after: typing.Callable = lambda model: None
    # Called with the base network before a forward, gives a function of the states that Transformers 4 lists, to be called
    # behind it, whose result are those that version 5 lists.
    capture: typing.Callable = None

    # Rows of zeros that each sequence remembers where there are no memories.
    omitted_memory: int = 0
    # The model, once its parameters are made: of what inputs are computed with.
    network: torch.nn.Module = None

    @property
    def options(self) -> dict:
        return {} if self.pooler else {"add_pooling_layer": False}

    def make_inputs(self, case: str, config, rng: torch.Generator) -> dict:
        return make_inputs(case, config, rng)

    def forward(self, model: torch.nn.Module, inputs: dict, flags: tuple) -> dict:
        return forward(self, model, inputs, flags)

    def is_base(self, flags: tuple) -> bool:
        name = self.kind.__name__
        is_base = name.endswith("Model") and not name.endswith(("LMHeadModel", "DoubleHeadsModel", "MTModel"))
        return is_base or self.claims_base or flags == ("--task", "base")


# --- Parameters ---------------------------------------------------------------------------------------------------------


NORM_GAINS = ("LayerNorm.weight", "norm.weight", "layernorm1.weight", "layernorm2.weight", "ln_1.weight", "ln_2.weight",
              "ln_f.weight", "layernorm_embedding.weight", "layernorm_before.weight", "layernorm_after.weight", "norm1.weight",
              "norm2.weight", "pre_layrnorm.weight", "post_layernorm.weight", "head.layernorm.weight")


def randomise(model: torch.nn.Module, stored: torch.dtype, embedding_std: float, gain: float,
              inner_gain: float, rng: torch.Generator) -> None:
    for name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape, generator=rng, dtype=torch.float64)
        if "embeddings.weight" in name:
            value = embedding_std * noise
        elif name.endswith(NORM_GAINS) or ("layer_norm" in name and name.endswith(".weight")):
            value = gain + 0.1 * noise
        elif parameter.dim() <= 1:
            value = 0.1 * noise
        else:
            transposed = name.endswith(("c_attn.weight", "c_proj.weight", "c_fc.weight"))  # GPT-2's Conv1D
            value = noise / math.sqrt(parameter.shape[0 if transposed else 1])
        if name.endswith(("intermediate.dense.weight", ".ffn.weight", ".ffn.lin1.weight")):
            value = inner_gain * value
        parameter.data = value.to(stored).to(torch.float64)


# --- Variants of stored directories -------------------------------------------------------------------------------------


def rename(tensors: dict, change: typing.Callable) -> None:
    renamed = {change(name): value for name, value in tensors.items()}
    tensors.clear()
    tensors.update(renamed)


def only_fields(*kept: str) -> typing.Callable:
    """Drops every other field, whose default in the config class the model uses."""

    def edit(tensors: dict, config: dict) -> None:
        for field in set(config) - {"architectures", "model_type", *kept}:
            del config[field]

    return edit


def written_by_version_5(tensors: dict, config: dict) -> None:
    config["dtype"] = config.pop("torch_dtype")
    config["transformers_version"] = "5.5.0"
    for field in ("position_embedding_type", "use_cache", "initializer_range"):
        config.pop(field, None)


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
    "langs": lambda c: right_padded([6, 11], 11),
    "padding-ids": lambda c: mask_of(["111111111111", "111111100000", "001111101110"]),
    "padding-ids-first": lambda c: mask_of(["111111111111", "111111100000", "101111101110"]),
    "padding-ids-inside": lambda c: mask_of(["111111111111", "111111100000", "001111111111"]),
    "one-row": lambda c: right_padded([9], 9),
    "full-length-behind-padding": lambda c: right_padded([c.max_position_embeddings - c.pad_token_id - 1, 3],
                                                         c.max_position_embeddings - c.pad_token_id - 1),
    "long": lambda c: right_padded([160, 141], 160),
    "long-holes": lambda c: torch.stack([(torch.arange(160) % 3 > 0).long(), (torch.arange(160) % 7 == 0).long()]),
    "choices": lambda c: right_padded([11, 7, 1, 5, 9, 11], 11).view(2, 3, 11),
    "chosen": lambda c: right_padded([11, 7, 1, 5, 9, 11], 11).view(2, 3, 11),
    "chosen-last": lambda c: mask_of(["0001111", "1111111", "0111011", "0000001"]).view(2, 2, 7),
    "prefix": lambda c: mask_of(["000011111111111", "111111111111111", "001101100111010", "111110000000000"]),
    "prefix-long": lambda c: right_padded([160, 141, 150], 160),
}
PREFIXES = {"prefix": [6, 9, 5, 40], "prefix-long": [0, 140, 33]}


def make_inputs(case: str, config, rng: torch.Generator) -> dict:
    mask = MASKS[case](config)
    draw = lambda limit: torch.randint(0, limit, mask.shape, generator=rng)
    inputs = {"input_ids": draw(config.vocab_size), "attention_mask": mask}
    if case.startswith("padding-ids"):  # under the mask and elsewhere, some of them where the mask says that they count
        hidden = 1 if case == "padding-ids-inside" else 0.7  # decoders' classes read the last id that is no padding
        padding = torch.rand(mask.shape, generator=rng) < torch.where(mask == 0, hidden, 0.2)
        inputs["input_ids"][padding] = config.pad_token_id
    if case in ("token-types", "everything"):
        inputs["token_type_ids"] = draw(getattr(config, "type_vocab_size", config.vocab_size))  # XLM's are words
    if case in ("langs", "everything") and getattr(config, "n_langs", 1) > 1:
        inputs["langs"] = draw(config.n_langs)
    if case in ("positions", "everything"):
        inputs["position_ids"] = draw(config.max_position_embeddings)
    if case == "chosen":
        inputs["mc_token_ids"] = torch.tensor([[10, 3, 0], [4, 0, 10]])
    if case in PREFIXES:
        inputs["prefix_lens"] = torch.tensor(PREFIXES[case])
    if case in ("no-mask", "one-token"):
        del inputs["attention_mask"]
    return inputs


def see_prefixes(inputs: dict, config) -> dict:
    """What Transformers is given for `prefix_lens`: a mask of pairs, [B, 1, S, S], to be added to scores. Keys behind the
    query are seen where they are among so many columns from the row's first token on. Padding sees itself, lest it be NaN;
    only its rows, which nothing reads, have that."""
    if "prefix_lens" not in inputs:
        return inputs
    inputs = dict(inputs)
    mask, prefix = inputs["attention_mask"].bool(), inputs.pop("prefix_lens")
    columns = torch.arange(mask.shape[1])
    away = columns[None, :] - columns[:, None]
    first = mask.int().argmax(1)
    seen = (away <= 0)[None] | (columns[None] - first[:, None] < prefix[:, None])[:, None]
    if getattr(config, "sliding_window", None):
        seen &= away > -config.sliding_window
    seen = (seen & mask[:, None]) | torch.eye(mask.shape[1], dtype=torch.bool)
    inputs["attention_mask"] = torch.where(seen, 0.0, -1e30)[:, None]
    return inputs


# --- Expected outputs ---------------------------------------------------------------------------------------------------


def memories_of(tensors: dict) -> list[torch.Tensor]:
    """What layers were given of earlier tokens, mems.0 and so on, [length, sequences, width] each."""
    return [tensors[f"mems.{i}"] for i in range(sum(name.startswith("mems.") for name in tensors))]


def apply_edge_rules(outputs: dict, mask: torch.Tensor, reads_first: bool, remembered: int = 0) -> dict:
    """Outputs are [B, S], [B, S, width] or, for a whole sequence, [B, width]; of choices [B, choices]; attentions are
    [sequences, heads, S, keys]; memories are the last of `remembered` earlier tokens and the S of the run."""
    def keep(name: str, value: torch.Tensor) -> torch.Tensor:
        if name.startswith("mems."):
            ofRun = mask.flatten(0, -2).T
            columns = torch.cat([ofRun.amax(0, keepdim=True).expand(remembered, -1), ofRun])
            return columns[len(columns) - len(value):].unsqueeze(-1)
        if name.startswith("attentions."):
            return mask.flatten(0, -2)[:, None, :, None]
        if name == "mc_logits":
            return mask.amax(-1).view(mask.shape[:2] + (1,) * (value.dim() - 2))
        if name == "logits" and mask.dim() == 3 and value.dim() == 4:
            return mask.unsqueeze(-1)
        if value.shape[:2] == mask.shape:
            return mask if value.dim() == 2 else mask.unsqueeze(-1)
        if not reads_first:
            return mask.amax(1, keepdim=True)
        first = mask[..., 0] if mask.dim() == 3 else mask[:, :1]
        assert name == "pooler_output" or (first > 0).all(), f"{name}: column 0 is masked"
        return first

    return {name: value * keep(name, value) for name, value in outputs.items()}


def forward(entry: Model, model: torch.nn.Module, inputs: dict, flags: tuple) -> dict:
    """What the base model, or else the head, gives under Lathe's output names. A model of another head is asked for the
    one that it has: --task masked-lm of a pre-training checkpoint."""
    base = entry.is_base(flags)
    network = model.base_model if base else model
    emitted = flags[1].split(",") if EMIT[0] in flags else []
    gives_states, gives_attentions = "hidden_states" in emitted, "attentions" in emitted
    captured = entry.capture(model.base_model) if gives_states and entry.capture else None
    given = dict(see_prefixes(inputs, network.config))
    given |= {name: value.to(network.dtype) for name, value in given.items() if value.is_floating_point()}
    memories = memories_of(given)
    if memories:
        given = {name: value for name, value in given.items() if not name.startswith("mems.")} | {"mems": memories}
    if entry.kind.__name__ == "OpenAIGPTDoubleHeadsModel":  # which flattens its ids, but not their mask
        given["attention_mask"] = given["attention_mask"].flatten(0, -2)
    result = network(**given, output_hidden_states=gives_states, output_attentions=gives_attentions)
    if base:
        outputs = {"last_hidden_state": result.last_hidden_state, "pooler_output": result.get("pooler_output")}
    else:
        outputs = {name: value for name, value in result.items() if name.endswith(("logits", "prediction_scores"))}
        if flags == ("--task", "masked-lm") and "prediction_logits" in outputs:
            outputs = {"logits": outputs["prediction_logits"]}
    if gives_states:
        states = captured(result.hidden_states) if captured else result.hidden_states
        outputs |= {f"hidden_states.{i}": value for i, value in enumerate(states)}
    if gives_attentions:
        outputs |= {f"attentions.{i}": value for i, value in enumerate(result.attentions)}
    outputs |= {f"mems.{i}": value for i, value in enumerate(result.get("mems") or ())}
    outputs = {name: value for name, value in outputs.items() if value is not None}
    remembered = len(memories[0]) if memories else entry.omitted_memory
    return apply_edge_rules(outputs, inputs.get("attention_mask", torch.ones_like(inputs["input_ids"])),
                            entry.reads_first, remembered)


# --- Directories ---------------------------------------------------------------------------------------------------------


def save_model(entry: Model, model: torch.nn.Module, directory: pathlib.Path) -> None:
    """As save_pretrained writes it in the stored type, then edited."""
    stored = entry.kind(model.config, **entry.options)
    stored.load_state_dict(model.state_dict())
    stored.to(entry.stored).save_pretrained(directory, max_shard_size=entry.shard_size)
    config = json.loads((directory / "config.json").read_text())
    weights = directory / "model.safetensors"
    if weights.exists():
        tensors = load_file(weights)
        entry.edit(tensors, config)
        save_file({name: value.contiguous() for name, value in tensors.items()}, weights, metadata={"format": "pt"})
    (directory / "config.json").write_text(json.dumps(config, indent=2) + "\n")


def load_model(entry: Model, directory: pathlib.Path, dtype: torch.dtype) -> torch.nn.Module:
    model = entry.kind.from_pretrained(directory, torch_dtype=dtype, attn_implementation=entry.attention,
                                       **entry.options).eval()
    entry.prepare(model)
    return model


def relative_error(outputs: dict, expected: dict) -> float:
    return max((torch.max(torch.abs(outputs[name].double() - value)) / max(1, torch.max(torch.abs(value)))).item()
               for name, value in expected.items())


def make_model(out: pathlib.Path, entry: Model, seed: int) -> list[dict]:
    rng = torch.Generator().manual_seed(seed)
    config = entry.kind.config_class(**entry.config, attn_implementation=entry.attention)
    model = entry.kind(config, **entry.options).double().eval()
    entry.prepare(model)
    randomise(model, entry.stored, entry.embedding_std, entry.gain, entry.inner_gain, rng)
    entry.after(model)
    save_model(entry, model, out / entry.name / "model")
    directory = out / entry.name / "model"
    reloaded = load_model(entry, directory, torch.float64) if entry.loads_in_transformers else model
    model = reloaded if entry.edited_weights else model
    if entry.loads_in_transformers:
        in_bf16 = load_model(entry, directory, torch.bfloat16)
    else:
        in_bf16 = copy.deepcopy(model).bfloat16()

    entry.network = model
    cases = []
    for case in entry.cases:
        case, flags = case if isinstance(case, tuple) else (case, ())
        inputs = entry.make_inputs(case, config, rng)
        with torch.no_grad():
            expected = entry.forward(model, inputs, flags)
            again = entry.forward(reloaded, inputs, flags)
            loss = relative_error(entry.forward(in_bf16, inputs, flags), expected)
        for name, value in expected.items():
            assert torch.equal(value, again[name]), f"{entry.name}: Transformers reads other weights than were written"
        if EMIT[0] in flags:
            case += "".join("-" + kind.replace("_", "-") for kind in flags[1].split(","))
        directory = out / entry.name / case
        directory.mkdir(parents=True)
        integer = torch.int32 if case in ("ragged", "everything") else torch.int64
        save_file({name: value if value.is_floating_point() else value.to(integer) for name, value in inputs.items()},
                  directory / "inputs.safetensors")
        save_file({name: value.float().contiguous() for name, value in expected.items()}, directory / "expected.safetensors")
        cases.append({"model": entry.name, "case": case, "flags": list(flags), "bf16_loss": float(f"{loss:.2g}")})
    return cases


def make_goldens(out: pathlib.Path, models: list[Model]) -> None:
    torch.set_num_threads(1)
    shutil.rmtree(out, ignore_errors=True)
    cases = [case for seed, entry in enumerate(models) for case in make_model(out, entry, seed)]
    manifest = {"tolerance": TOLERANCE, "models": {entry.name: entry.note for entry in models}, "cases": cases}
    (out / "cases.json").write_text(json.dumps(manifest, indent=1) + "\n")
    print(f"{len(models)} models, {len(cases)} cases in {out}")
