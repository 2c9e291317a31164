"""What the scripts for models of images share: inputs, and what Transformers computes of them. encoder_goldens.py says how
parameters are made and directories stored.

A case is a number of images and their size, "native" or rows x columns: "2-native", "1-24x20". Images of another size than
the config's get interpolated positions, which some of the classes must be asked for.
"""
import dataclasses
import inspect

import torch

from encoder_goldens import EMIT, Model


def native_size(config) -> tuple:
    size = config.image_size
    return tuple(size) if isinstance(size, (list, tuple)) else (size, size)


def scale_lambdas(model: torch.nn.Module) -> None:
    """Makes the scales of what layers add large enough to matter."""
    for name, parameter in model.named_parameters():
        if "lambda" in name:
            parameter.data *= 8


@dataclasses.dataclass
class VisionModel(Model):
    after: callable = scale_lambdas

    def make_inputs(self, case: str, config, rng: torch.Generator) -> dict:
        count, size = case.split("-")
        rows, columns = native_size(config) if size == "native" else map(int, size.split("x"))
        images = torch.randn(int(count), config.num_channels, rows, columns, generator=rng)
        return {"pixel_values": images}

    def forward(self, model: torch.nn.Module, inputs: dict, flags: tuple) -> dict:
        base = self.is_base(flags)
        network = model.base_model if base else model
        emitted = flags[1].split(",") if EMIT[0] in flags else []
        given = {"pixel_values": inputs["pixel_values"].to(network.dtype)}
        if tuple(inputs["pixel_values"].shape[2:]) != native_size(network.config):
            if "interpolate_pos_encoding" in inspect.signature(network.forward).parameters:
                given["interpolate_pos_encoding"] = True
        result = network(**given, output_hidden_states="hidden_states" in emitted, output_attentions="attentions" in emitted)
        if base:
            outputs = {"last_hidden_state": result.last_hidden_state, "pooler_output": result.get("pooler_output")}
        else:
            outputs = {name: value for name, value in result.items() if name.endswith("logits")}
        if "hidden_states" in emitted:
            outputs |= {f"hidden_states.{i}": value for i, value in enumerate(result.hidden_states)}
        if "attentions" in emitted:
            outputs |= {f"attentions.{i}": value for i, value in enumerate(result.attentions)}
        return {name: value for name, value in outputs.items() if value is not None}
