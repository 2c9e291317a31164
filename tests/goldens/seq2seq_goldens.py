"""What the scripts for tiny models with an encoder and a decoder share beyond encoder_goldens.py: inputs of both token axes.

Lathe's rules for what is expected: outputs are 0 where their axis' mask is 0, and all outputs of a sequence whose source
mask is all zeros are.
"""
import dataclasses

import torch

from encoder_goldens import EMIT, Model, mask_of, right_padded

# A case: the mask of the source, and that of the targets or, where decoder_input_ids are left out, None.
MASKS = {
    "one-token": (right_padded([1], 1), right_padded([1], 1)),
    "ragged": (right_padded([17, 1, 9, 23], 23), right_padded([3, 11, 1, 7], 11)),
    "no-mask": (right_padded([13, 13], 13), right_padded([6, 6], 6)),
    "holes": (mask_of(["110110011101", "010111111110", "101010101010"]), mask_of(["11011", "11110", "10101"])),
    "left-padded": (mask_of(["0001111", "1111111"]), mask_of(["00011111", "11111111"])),
    "source-left-padded": (mask_of(["0001111", "1111111"]), mask_of(["11111000", "11111111"])),
    "empty-rows": (mask_of(["1111100", "0000000", "0011111"]), mask_of(["1110", "1111", "0000"])),
    "left-out": (right_padded([9, 5], 9), None),
    "left-out-masked": (right_padded([9, 5], 9), None),
    "left-out-padding": (right_padded([9, 5], 9), None),
    "padding-ids": (right_padded([12, 12], 12), right_padded([9, 9], 9)),
    "long": (right_padded([160, 141], 160), right_padded([101, 150], 150)),
    "ends": (right_padded([12, 7, 9], 12), None),
    "ends-given": (right_padded([10, 6], 10), right_padded([10, 8], 10)),
}


@dataclasses.dataclass
class Seq2SeqModel(Model):
    """As Model, of the cases above."""

    def make_inputs(self, case: str, config, rng: torch.Generator) -> dict:
        source, targets = MASKS[case]
        source_vocab, target_vocab = config.vocab_size, getattr(config, "decoder_vocab_size", None) or config.vocab_size
        draw = lambda mask, limit: torch.randint(0, limit, mask.shape, generator=rng)
        inputs = {"input_ids": draw(source, source_vocab), "attention_mask": source}
        if case.startswith("ends"):  # the last token of each text, and nowhere else
            ids = inputs["input_ids"]
            ids[ids == config.eos_token_id] = config.eos_token_id + 2
            ids[torch.arange(len(ids)), source.sum(1) - 1] = config.eos_token_id
        if targets is not None:
            inputs["decoder_input_ids"] = draw(targets, target_vocab)
            inputs["decoder_attention_mask"] = targets
        if case == "left-out-padding":  # which counts where the last token goes round to the first column
            inputs["input_ids"][source == 0] = config.pad_token_id
        if case == "padding-ids":
            for ids in (inputs["input_ids"], inputs["decoder_input_ids"]):
                ids[torch.rand(ids.shape, generator=rng) < 0.3] = config.pad_token_id
        if case == "left-out-masked":
            inputs["decoder_attention_mask"] = source.clone()
        if case in ("no-mask", "one-token"):
            del inputs["attention_mask"], inputs["decoder_attention_mask"]
        return inputs

    def forward(self, model: torch.nn.Module, inputs: dict, flags: tuple) -> dict:
        base = self.is_base(flags)
        network = model.base_model if base else model
        emits = EMIT[0] in flags
        result = network(**inputs, output_hidden_states=emits, use_cache=False)
        outputs = {"last_hidden_state": result.last_hidden_state} if base else {
            name: value for name, value in result.items() if name.endswith("logits")}
        if result.get("encoder_last_hidden_state") is not None:
            outputs["encoder_last_hidden_state"] = result.encoder_last_hidden_state
        if emits:
            for side in ("encoder", "decoder"):
                states = result[f"{side}_hidden_states"]
                outputs |= {f"{side}_hidden_states.{i}": value for i, value in enumerate(states)}
        return apply_edge_rules(outputs, inputs)


def small_queries(model: torch.nn.Module) -> None:
    """Scores of T5 are not scaled: its queries' weights begin about the root of a head's width smaller than others. A
    power of two keeps them what every type has."""
    for name, parameter in model.named_parameters():
        if name.endswith("Attention.q.weight"):
            parameter.data *= 0.25


def sinusoids(model: torch.nn.Module) -> None:
    """Positions as they were before all parameters were made random."""
    for module in model.modules():
        if type(module).__name__.endswith("SinusoidalPositionalEmbedding") and hasattr(module, "_init_weight"):
            module._init_weight()
            module.double()


def apply_edge_rules(outputs: dict, inputs: dict) -> dict:
    source = inputs.get("attention_mask", torch.ones_like(inputs["input_ids"]))
    targets = inputs.get("decoder_attention_mask",
                         torch.ones_like(inputs.get("decoder_input_ids", inputs["input_ids"])))
    is_text = source.amax(1, keepdim=True)

    def keep(name: str, value: torch.Tensor) -> torch.Tensor:
        mask = source if name.startswith("encoder_") else targets * is_text
        if value.dim() == 2 and value.shape[:2] != mask.shape:
            return is_text
        return mask if value.dim() == 2 else mask.unsqueeze(-1)

    # What Transformers computes of nothing may be no number.
    return {name: torch.where(keep(name, value) > 0, value, 0.0) for name, value in outputs.items()}
