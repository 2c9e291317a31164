"""What the scripts for CLIP and SigLIP share: inputs of texts, of images and of both, and what Transformers computes of them.
encoder_goldens.py says how parameters are made and directories stored.

A case of texts is one of the masks below, a case of images a number and a size as in vision_goldens.py, and a case of both
the one and the other: "ragged-2-native". There may be more of one than of the other. Of both, with one left out, the vectors
of what is given are expected, of length 1.
"""
import dataclasses

import torch
from transformers.models.clip import modeling_clip
from transformers.models.siglip import modeling_siglip

from encoder_goldens import EMIT, Model, apply_edge_rules, mask_of, right_padded
from vision_goldens import native_size

MASKS = {
    "one-token": right_padded([1], 1),
    "ragged": right_padded([7, 1, 9, 4], 9),
    "no-mask": right_padded([8, 8], 8),
    "left-padded": mask_of(["000011111", "111111111", "000000001"]),
    "holes": mask_of(["11011001", "01011111", "10101011"]),
    "empty-row": mask_of(["0111111", "0000000", "0001111"]),
    "positions": right_padded([9, 9], 9),
    "no-end": right_padded([6, 4], 6),
    "two-ends": right_padded([9, 9], 9),
}


def mask_by_large_numbers() -> None:
    """Transformers takes the least number of a type, which of float64 is none of float32, in which its softmax is."""
    def causal(shape, dtype, device):
        return torch.full((shape[1], shape[1]), -1e30, dtype=dtype).triu(1)[None, None]

    def padding(mask, dtype):
        return ((1 - mask) * -1e30).to(dtype)[:, None, None]

    modeling_clip._create_4d_causal_attention_mask = causal
    for module in (modeling_clip, modeling_siglip):
        module._prepare_4d_attention_mask = padding


mask_by_large_numbers()


def raise_scale(model: torch.nn.Module) -> None:
    """Products of vectors of length 1 are small: trained models multiply them by about 100. To a number that every type has."""
    if hasattr(model, "logit_scale"):
        model.logit_scale.data = (model.logit_scale.data + 2).to(torch.bfloat16).to(torch.float64)


@dataclasses.dataclass
class TowerModel(Model):
    """Texts, images, or both, by what the config has."""
    reads_first: bool = False
    after: callable = raise_scale
    ends: int = None  # the id that ends texts, where vectors are taken; None: the last column is

    @property
    def options(self) -> dict:
        return {}

    def make_texts(self, case: str, config, rng: torch.Generator) -> dict:
        mask = MASKS[case]
        ids = torch.randint(0, config.vocab_size - 1, mask.shape, generator=rng)  # none is the greatest
        if self.ends is not None:
            ids[ids == self.ends] = (self.ends + 1) % (config.vocab_size - 1)
            columns = torch.arange(mask.shape[1])
            last = (mask * columns).argmax(1)  # of each row
            if case != "no-end":
                ids[torch.arange(len(ids)), last] = self.ends
                ids[columns[None] > last[:, None]] = self.ends  # as CLIP's tokenizer pads
            if case == "two-ends":
                ids[:, 3] = self.ends
        inputs = {"input_ids": ids, "attention_mask": mask}
        if case == "positions":
            inputs["position_ids"] = torch.randint(0, config.max_position_embeddings, mask.shape, generator=rng)
        if case in ("no-mask", "one-token", "positions", "two-ends"):
            del inputs["attention_mask"]
        return inputs

    def make_images(self, count: str, size: str, config, rng: torch.Generator) -> dict:
        rows, columns = native_size(config) if size == "native" else map(int, size.split("x"))
        return {"pixel_values": torch.randn(int(count), config.num_channels, rows, columns, generator=rng)}

    def make_inputs(self, case: str, config, rng: torch.Generator) -> dict:
        parts = case.rsplit("-", 2)
        texts = case if case in MASKS else parts[0] if parts[0] in MASKS else None
        inputs = {}
        if texts:
            inputs |= self.make_texts(texts, getattr(config, "text_config", config), rng)
        if texts != case:
            inputs |= self.make_images(*parts[-2:], getattr(config, "vision_config", config), rng)
        return inputs

    def forward(self, model: torch.nn.Module, inputs: dict, flags: tuple) -> dict:
        emitted = flags[1].split(",") if EMIT[0] in flags else []
        given = {name: value.to(model.dtype) if value.is_floating_point() else value for name, value in inputs.items()}
        vision = getattr(model.config, "vision_config", model.config)
        if "pixel_values" in inputs and tuple(inputs["pixel_values"].shape[2:]) != native_size(vision):
            given["interpolate_pos_encoding"] = True
        if not hasattr(model, "logit_scale"):
            result = model(**given, output_hidden_states="hidden_states" in emitted,
                           output_attentions="attentions" in emitted)
            outputs = dict(result.items()) | self.listed("", result)
        elif "pixel_values" in inputs and "input_ids" in inputs:
            result = model(**given, output_hidden_states="hidden_states" in emitted,
                           output_attentions="attentions" in emitted)
            outputs = {name: result[name] for name in
                       ("logits_per_image", "logits_per_text", "text_embeds", "image_embeds")}
            for name in ("text_model_output", "vision_model_output"):
                outputs |= self.listed(name + ".", result[name])
        elif "pixel_values" in inputs:
            outputs = {"image_embeds": torch.nn.functional.normalize(model.get_image_features(**given), dim=-1)}
        else:
            outputs = {"text_embeds": torch.nn.functional.normalize(model.get_text_features(**given), dim=-1)}
        outputs = {name: value for name, value in outputs.items() if isinstance(value, torch.Tensor)}
        return self.without_padding(outputs, inputs)

    @staticmethod
    def listed(prefix: str, result) -> dict:
        return {f"{prefix}{kind}.{i}": value for kind in ("hidden_states", "attentions")
                for i, value in enumerate(result.get(kind) or ())}

    @staticmethod
    def without_padding(outputs: dict, inputs: dict) -> dict:
        """Of texts, what Lathe leaves out is 0; images have no padding."""
        if "attention_mask" not in inputs:
            return outputs
        mask = inputs["attention_mask"]
        if "logits_per_image" in outputs:
            outputs["logits_per_image"] = outputs["logits_per_image"] * mask.amax(1)
        for name, value in outputs.items():
            if name != "logits_per_image" and not name.startswith(("image_", "vision_")):
                own = name.removeprefix("text_model_output.")
                outputs[name] = apply_edge_rules({own: value}, mask, reads_first=False)[own]
        return outputs
