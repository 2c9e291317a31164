"""The contender `ctranslate2`: CTranslate2 on the CPU, in f32; and what `ctranslate2-int8` shares with it.

Its tokens are texts, and that of an id is its number: models need no tokenizer here. `peer_ctranslate2.py convert TYPE`
makes the directory ctranslate2-TYPE.
"""
import peer_common
import sys
import time

import ctranslate2
import numpy

from peer_common import Unable, generation, settings

WRITERS = {"causal-lm": ctranslate2.Generator, "seq2seq-lm": ctranslate2.Translator}


class Vocabulary:
    """What the converter wants of a tokenizer, made up. The padding's name is the one that it knows Marian's by."""

    def __init__(self, config):
        self.tokens = [str(number) for number in range(config.vocab_size)]
        if config.model_type == "marian":
            self.tokens[config.pad_token_id] = "<pad>"
        self.bos_token = self.token(config.bos_token_id)
        self.eos_token = self.token(config.eos_token_id)
        self.pad_token = self.token(config.pad_token_id)
        self.unk_token = self.tokens[0]
        self.special_tokens_map = {}

    def token(self, number):
        known = isinstance(number, int) and number < len(self.tokens)
        return self.tokens[number if known else 0]

    convert_ids_to_tokens = token

    def get_vocab(self):
        return {token: number for number, token in enumerate(self.tokens)}


def convert(quantization):
    import torch
    import transformers
    from ctranslate2.converters import TransformersConverter

    class Converter(TransformersConverter):
        def load_model(self, model_class, path, **_):
            return model_class.from_pretrained(path, torch_dtype=torch.float32)

        def load_tokenizer(self, _, path, **__):
            return Vocabulary(transformers.AutoConfig.from_pretrained(path))

    Converter(settings["model"]).convert(peer_common.path("ctranslate2-" + quantization), quantization=quantization)


class Writer:
    def __init__(self, quantization):
        task = settings["task"]
        if task not in WRITERS:
            raise Unable(f"does not write for task '{task}'; it does for {', '.join(WRITERS)}")
        if quantization not in ctranslate2.get_supported_compute_types("cpu"):
            raise Unable(f"does not compute in {quantization} on this CPU")
        directory = peer_common.make("ctranslate2-" + quantization, "peer_ctranslate2.py", "convert", quantization)
        self.ids = peer_common.load_inputs()["input_ids"].tolist()
        self.prompts = [[str(number) for number in row] for row in self.ids]
        self.has_encoder = task == "seq2seq-lm"
        began = time.perf_counter()
        self.model = WRITERS[task](
            directory, compute_type=quantization, inter_threads=1, intra_threads=settings["threads"]
        )
        self.loading = time.perf_counter() - began

    def write(self, count):
        if self.has_encoder:
            results = self.model.translate_batch(
                self.prompts, max_input_length=0, **self.options(count, "decoding_length")
            )
            return [[int(token) for token in result.hypotheses[0]] for result in results]
        results = self.model.generate_batch(
            self.prompts, include_prompt_in_result=False, **self.options(count, "length")
        )
        return [result.sequences_ids[0] for result in results]

    def options(self, count, length):
        """No token ends a text."""
        return {
            "beam_size": generation["beams"],
            "end_token": [],
            "min_" + length: count,
            "max_" + length: count,
        }

    def logits(self):
        if self.has_encoder:
            results = self.model.translate_batch(
                self.prompts,
                max_input_length=0,
                beam_size=1,
                return_logits_vocab=True,
                min_decoding_length=0,
                max_decoding_length=1,
            )
            return numpy.stack([numpy.array(result.logits[0][0]) for result in results])
        return numpy.array(self.model.forward_batch(self.ids, return_log_probs=False))[:, -1]


def run(contender, quantization):
    if not generation:
        raise Unable("only writes tokens")
    writer = Writer(quantization)
    peer_common.serve_writer(contender, writer.logits, writer.write, writer.loading)


if __name__ == "__main__":
    if sys.argv[1:2] == ["convert"]:
        convert(sys.argv[2])
    else:
        run("ctranslate2", "float32")
