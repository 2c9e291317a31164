"""The model as PyTorch computes it: the Hugging Face class, with the pooling that the artifact has, too."""
import time

import torch
import torch.nn.functional as F
import transformers

from peer_common import Unable, generation, load_inputs, serve, serve_writer, settings

transformers.logging.set_verbosity_error()
torch.set_num_threads(settings["threads"])

CLASSES = {
    "base": transformers.AutoModel,
    "embedding": transformers.AutoModel,
    "masked-lm": transformers.AutoModelForMaskedLM,
    "causal-lm": transformers.AutoModelForCausalLM,
    "image-classification": transformers.AutoModelForImageClassification,
}
POOLINGS = ("cls", "max", "mean")


def pooled(hidden, mask, mode):
    if mode == "cls":
        return hidden[:, 0]
    if mask is None:
        return hidden.max(1).values if mode == "max" else hidden.mean(1)
    weights = mask.unsqueeze(-1).to(hidden.dtype)
    if mode == "max":
        return hidden.masked_fill(weights == 0, -torch.inf).max(1).values
    return (hidden * weights).sum(1) / weights.sum(1)


class Model(torch.nn.Module):
    """Gives those of the artifact's outputs that the class has, in f32: `names` are theirs. `attention` is sdpa or eager."""

    def __init__(self, attention, dtype=torch.float32):
        super().__init__()
        task = settings["task"]
        if task not in CLASSES:
            raise Unable(f"does not know task '{task}'; it knows {', '.join(CLASSES)}")
        for mode in settings["pooling"]:
            if mode not in POOLINGS:
                raise Unable(f"does not know the pooling '{mode}'; it knows {', '.join(POOLINGS)}")
        if settings["modules"] not in ([], ["Normalize"]):
            raise Unable(f"does not know the modules {', '.join(settings['modules'])}; it knows Normalize")
        began = time.perf_counter()
        self.model = CLASSES[task].from_pretrained(
            settings["model"], torch_dtype=dtype, attn_implementation=attention
        )
        self.model.eval()
        self.model.config.use_cache = False  # of keys and values, which nobody will ask for
        self.loading = time.perf_counter() - began
        wanted = settings["outputs"]
        self.hidden_states = any(name.startswith("hidden_states.") for name in wanted)
        if "pooler_output" not in wanted and getattr(self.model, "pooler", None) is not None:
            self.model.pooler = None  # nobody else computes it either
        with torch.inference_mode():
            output = self.model(**self.smallest(), output_hidden_states=self.hidden_states)
            self.names = [name for name in wanted if self.value(output, None, name) is not None]

    def smallest(self):
        """Inputs that say what outputs there are."""
        first, array = next(iter(load_inputs().items()))
        self.reads = first
        if first == "input_ids":
            return {first: torch.zeros(1, 1, dtype=torch.long)}
        return {first: torch.zeros(1, *array.shape[1:], dtype=self.model.dtype)}

    def value(self, output, mask, name):
        if name == "sentence_embedding":
            parts = [pooled(output.last_hidden_state, mask, mode) for mode in settings["pooling"]]
            embedding = torch.cat(parts, 1) if len(parts) > 1 else parts[0]
            return F.normalize(embedding) if settings["modules"] else embedding
        if name.startswith("hidden_states."):
            return output.hidden_states[int(name.removeprefix("hidden_states."))]
        return output.get(name)

    def forward(self, first, attention_mask=None):
        """`first` is input_ids or pixel_values."""
        inputs = {self.reads: first if first.dtype == torch.int64 else first.to(self.model.dtype)}
        if attention_mask is not None:
            inputs["attention_mask"] = attention_mask
        output = self.model(**inputs, output_hidden_states=self.hidden_states)
        values = (self.value(output, attention_mask, name) for name in self.names)
        # Not a cast of what is f32 already: in a traced graph it would be an operation, and take the output's name.
        return tuple(value if value.dtype == torch.float32 else value.float() for value in values)


def load_tensors():
    return {name: torch.from_numpy(array) for name, array in load_inputs().items()}


def run(contender, dtype=torch.float32):
    """Serves as `contender`, with all weights and values in `dtype`."""
    with torch.inference_mode():
        if generation:
            from peer_writer import Writer

            writer = Writer(dtype)
            serve_writer(contender, writer.logits, writer.write, writer.loading)
        else:
            model, inputs = Model("sdpa", dtype), load_tensors()
            serve(contender, lambda: model(*inputs.values()), model.names, model.loading)
