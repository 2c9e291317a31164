#!/usr/bin/env python3
"""Writes tests/goldens/big-bird: tiny BigBird directories with random weights, inputs, and what Transformers computes.

Made with Python 3.11, torch==2.13.0, transformers==4.55.4, safetensors==0.8.0, on the CPU:

    python3 tests/goldens/make_big_bird_goldens.py

encoder_goldens.py says how. Transformers gives up block_sparse for good with the first short batch, so every forward starts
with the type that the directory has. A row of more than (5 + 2 * num_random_blocks) * block_size columns is sparse; the cases'
names say which rows are ("above" it, whole blocks or not), which end with the last full one ("at"), and which do not ("below").
"""
import copy
import pathlib

import torch
import transformers
from transformers import (BigBirdForCausalLM, BigBirdForMaskedLM, BigBirdForMultipleChoice, BigBirdForPreTraining,
                          BigBirdForQuestionAnswering, BigBirdForSequenceClassification, BigBirdForTokenClassification,
                          BigBirdModel)

from encoder_goldens import ATTEND, EMIT, MASKS, Model, make_goldens, mask_of, only_fields, right_padded


def limit(config) -> int:
    return (5 + 2 * config.num_random_blocks) * config.block_size


def with_holes(mask: torch.Tensor, *steps: int) -> torch.Tensor:
    """Each row loses the columns that its step divides."""
    columns = torch.arange(mask.shape[1])
    return mask * torch.stack([(columns % step > 0).long() for step in steps])


MASKS |= {
    "at": lambda c: right_padded([limit(c), 1, limit(c) // 2], limit(c)),
    "above": lambda c: right_padded([limit(c) + 1, 1, limit(c) - 3, c.block_size], limit(c) + 1),
    "above-whole": lambda c: right_padded([limit(c) + c.block_size, limit(c)], limit(c) + c.block_size),
    "above-one-row": lambda c: right_padded([limit(c) + c.block_size + 2], limit(c) + c.block_size + 2),
    "above-padded": lambda c: right_padded([limit(c) + 2, 3], limit(c) + 2 * c.block_size + 1),
    "above-holes": lambda c: with_holes(right_padded([limit(c) + 7, limit(c) + 2, limit(c) + 7], limit(c) + 7), 3, 4, 2),
    "above-left-padded": lambda c: right_padded([limit(c) + 7, limit(c) - 2, 4], limit(c) + 7).flip(1),
    "above-empty-row": lambda c: right_padded([limit(c) + 3, 0, 5], limit(c) + 3),
    "above-first": lambda c: right_padded([limit(c) + 6, limit(c) - 1], limit(c) + 6),
    "far-above": lambda c: right_padded([3 * limit(c) + 3, 2 * limit(c), 9], 3 * limit(c) + 3),
    "above-blocks": lambda c: right_padded([limit(c) + 3 * c.block_size + 9, limit(c) + 1], limit(c) + 3 * c.block_size + 9),
    "above-token-types": lambda c: right_padded([limit(c) + 2, 9], limit(c) + 2),
    "above-positions": lambda c: right_padded([limit(c) + 2, 9], limit(c) + 2),
    "above-choices": lambda c: right_padded([limit(c) + 3, 7, 1, limit(c), limit(c) + 3, 2], limit(c) + 3).view(2, 3, -1),
    "question": lambda c: right_padded([17, 9, 23], 23),
    "question-types": lambda c: right_padded([17, 9, 23], 23),
    "question-above": lambda c: right_padded([limit(c) + 3, 9, limit(c)], limit(c) + 3),
    "no-question": lambda c: right_padded([17, 9], 17),
    "no-question-above": lambda c: right_padded([limit(c) + 3, 9], limit(c) + 3),
}
# Columns of separators, by row: the first is what counts, whether it is masked or not.
SEPARATORS = {
    "question": [[6, 16], [3], [0, 9]],
    "question-types": [[6, 16], [11], []],
    "question-above": [[5, 20], [4, 8], [14]],
    "no-question": [[0], []],
    "no-question-above": [[], [0, 5]],
}


class BigBird(Model):
    def make_inputs(self, case: str, config, rng: torch.Generator) -> dict:
        inputs = super().make_inputs(case, config, rng)
        ids = inputs["input_ids"]
        draw = lambda limit: torch.randint(0, limit, ids.shape, generator=rng)
        if case in SEPARATORS:
            ids[ids == config.sep_token_id] = 9
            for row, columns in enumerate(SEPARATORS[case]):
                ids[row, columns] = config.sep_token_id
        if case in ("question-types", "above-token-types"):
            inputs["token_type_ids"] = draw(config.type_vocab_size)
        if case == "above-positions":
            inputs["position_ids"] = draw(config.max_position_embeddings)
        return inputs

    def forward(self, model: torch.nn.Module, inputs: dict, flags: tuple) -> dict:
        columns, block = inputs["input_ids"].shape[-1], model.config.block_size
        is_sparse = model.config.attention_type == "block_sparse" and columns > limit(model.config)
        if is_sparse and flags == EMIT:  # states have the columns that fill the last block, and so must have the mask
            inputs = {name: torch.nn.functional.pad(value, (0, -columns % block)) for name, value in inputs.items()}
        fresh = copy.deepcopy(model)
        outputs = super().forward(fresh, inputs, flags)
        assert fresh.base_model.attention_type == ("block_sparse" if is_sparse else "original_full")
        return {name: value[:, :columns] if flags == EMIT and value.dim() == 3 else value for name, value in outputs.items()}


SMALL = {"vocab_size": 97, "hidden_size": 36, "num_attention_heads": 3, "num_hidden_layers": 2, "intermediate_size": 54,
         "max_position_embeddings": 160, "block_size": 4, "num_random_blocks": 1, "sep_token_id": 66}
FULL = {"attention_type": "original_full"}
MODELS = [
    BigBird("base-odd", BigBirdModel,
            SMALL | {"vocab_size": 307, "hidden_size": 60, "num_hidden_layers": 3, "intermediate_size": 90,
                     "block_size": 5, "num_random_blocks": 2, "max_position_embeddings": 150},
            ["one-token", "ragged", "no-mask", "left-padded", "holes", "empty-row", "token-types", "positions", "at", "above",
             "above-whole", "above-one-row", "above-padded", "above-holes", "above-left-padded", "above-empty-row",
             "far-above", "above-token-types", "above-positions"],
            "sizes that fill no vector; every kind of mask and input, rows below, at and above what is sparse"),
    BigBird("base-states", BigBirdModel, SMALL | {"hidden_size": 40, "num_attention_heads": 2},
            [("ragged", EMIT), ("above", EMIT), ("above-holes", EMIT)],
            "what every layer gives"),
    BigBird("base-wide", BigBirdModel,
            SMALL | {"hidden_size": 100, "num_attention_heads": 5, "num_random_blocks": 3, "num_hidden_layers": 1},
            ["ragged", "at", "above", "above-left-padded"],
            "three blocks drawn at random; stored as f16, no pooler", pooler=False, stored=torch.float16),
    BigBird("base-plain", BigBirdModel,
            SMALL | {"use_bias": False, "rescale_embeddings": True, "hidden_act": "relu"},
            ["ragged", "at", "above", "far-above"],
            "queries, keys and values without biases, words times the root of the width"),
    BigBird("base-long", BigBirdModel,
            SMALL | {"hidden_size": 16, "num_attention_heads": 2, "block_size": 64, "max_position_embeddings": 704, "num_hidden_layers": 1, "vocab_size": 53},
            ["above", "above-blocks"],
            "blocks as wide as those of published models"),
    BigBird("base-full", BigBirdModel, SMALL | FULL, ["ragged", "one-token", "above", ("ragged", ATTEND)],
            "full attention whatever the length"),
    BigBird("base-defaults", BigBirdModel,
            {"vocab_size": 31, "hidden_size": 24, "intermediate_size": 30, "num_hidden_layers": 1,
             "max_position_embeddings": 4096},
            ["ragged"],
            "config fields left out: 12 heads, 4096 positions, 2 types, blocks of 64, gelu_new, epsilon 1e-12",
            edit=only_fields("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers")),
    BigBird("mlm-tied", BigBirdForMaskedLM, SMALL, ["ragged", "above-first"], "the decoder is the word embedding"),
    BigBird("mlm-untied", BigBirdForMaskedLM, SMALL | {"tie_word_embeddings": False, "hidden_act": "gelu"}, ["above"],
            "a decoder of its own"),
    BigBird("pretraining", BigBirdForPreTraining, SMALL,
            ["ragged", "above-first", ("holes", ("--task", "masked-lm"))], "both heads of pre-training"),
    BigBird("causal", BigBirdForCausalLM, SMALL | FULL | {"is_decoder": True}, ["ragged", "left-padded", "above"],
            "a decoder, of full attention"),
    BigBird("classes", BigBirdForSequenceClassification, SMALL | {"num_labels": 5}, ["ragged", "above-first"],
            "a head with a layer and the activation of its own"),
    BigBird("tokens", BigBirdForTokenClassification, SMALL | {"num_labels": 7}, ["holes", "above-holes"],
            "a label for each token"),
    BigBird("answers", BigBirdForQuestionAnswering, SMALL,
            ["no-question", "no-question-above", "question", "question-types", "question-above"],
            "answers are not in the question, up to the first separator, which tells types of tokens, too"),
    BigBird("choices", BigBirdForMultipleChoice, SMALL, ["choices", "above-choices"], "the pooler of each choice"),
]

if __name__ == "__main__":
    transformers.logging.set_verbosity_error()  # it says of every short batch that it is full
    make_goldens(pathlib.Path(__file__).resolve().parent / "big-bird", MODELS)
