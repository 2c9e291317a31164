"""The model as PyTorch writes with it: `generate` of the Hugging Face class with its cache of keys and values."""
import time

import torch
import transformers

from peer_common import Unable, generation, settings
from peer_model import load_tensors

CLASSES = {"causal-lm": transformers.AutoModelForCausalLM, "seq2seq-lm": transformers.AutoModelForSeq2SeqLM}


class Writer:
    """Writes behind prompts or, where the task has an encoder, what follows the decoder's start."""

    def __init__(self, dtype):
        task = settings["task"]
        if task not in CLASSES:
            raise Unable(f"does not write for task '{task}'; it does for {', '.join(CLASSES)}")
        began = time.perf_counter()
        self.model = CLASSES[task].from_pretrained(
            settings["model"], torch_dtype=dtype, attn_implementation=self.attention(task)
        )
        self.model.eval()
        self.loading = time.perf_counter() - began
        self.inputs = load_tensors()
        # Of ids without a mask, `generate` takes what happens to be the padding's for padding.
        self.inputs.setdefault("attention_mask", torch.ones_like(self.inputs["input_ids"]))
        self.begins = self.inputs["input_ids"].shape[1]  # what is written, in what `generate` gives
        self.for_logits = dict(self.inputs)
        own = self.model.generation_config
        # What the model's own options ask for besides is not asked for; no id ends a text.
        self.model.generation_config = transformers.GenerationConfig(pad_token_id=own.pad_token_id or 0)
        if task == "seq2seq-lm":
            start = own.decoder_start_token_id
            self.model.generation_config.decoder_start_token_id = start
            self.begins = 1
            self.for_logits["decoder_input_ids"] = torch.full((len(self.inputs["input_ids"]), 1), start)

    @staticmethod
    def attention(task):
        """The fastest that the class has: T5's has none but its own."""
        config = transformers.AutoConfig.from_pretrained(settings["model"])
        return "sdpa" if CLASSES[task]._model_mapping[type(config)]._supports_sdpa else "eager"

    def logits(self):
        return self.model(**self.for_logits, use_cache=False).logits[:, -1].float()

    def write(self, count):
        return self.model.generate(
            **self.inputs,
            max_new_tokens=count,
            min_new_tokens=count,
            do_sample=False,
            num_beams=generation["beams"],
        )[:, self.begins :]
