"""Writes a model of a published shape with seeded random weights: random_model.py SHAPE DIRECTORY

Times do not depend on what the weights are, and the bench compares contenders with each other, so pretrained weights are
not needed. Weights are N(0, 1/sqrt(fan in)), biases N(0, 0.1), gains 1 + N(0, 0.1), so that nothing a contender may leave
out or confuse goes unseen. calibration.safetensors has as many tokens, of other ids than the bench's, as peers that
calibrate are shown.
"""
import pathlib
import sys

import safetensors.torch
import torch
import transformers

# "BERT: Pre-training of Deep Bidirectional Transformers", Devlin et al. 2018; "Language Models are Unsupervised Multitask
# Learners", Radford et al. 2019; "Exploring the Limits of Transfer Learning", Raffel et al. 2020: the checkpoints'
# config.json (uncased BERTs, gpt2, t5-small).
BERT = dict(vocab_size=30522, max_position_embeddings=512)
LONG = dict(vocab_size=50265, max_position_embeddings=16386, type_vocab_size=1, pad_token_id=1)
SHAPES = {
    "bert-base": (
        transformers.BertModel,
        transformers.BertConfig(**BERT),
    ),
    "bert-large": (
        transformers.BertModel,
        transformers.BertConfig(
            hidden_size=1024, num_hidden_layers=24, num_attention_heads=16, intermediate_size=4096, **BERT
        ),
    ),
    "gpt2": (transformers.GPT2LMHeadModel, transformers.GPT2Config()),
    # "An Image is Worth 16x16 Words", Dosovitskiy et al. 2020: ViT-B/16 of ImageNet's 1000 classes.
    "vit-base": (transformers.ViTForImageClassification, transformers.ViTConfig(num_labels=1000)),
    # "Longformer: The Long-Document Transformer", Beltagy et al. 2020: the base model with more positions, and the same
    # without a window.
    "longformer-16k": (transformers.LongformerModel, transformers.LongformerConfig(attention_window=512, **LONG)),
    "roberta-16k": (transformers.RobertaModel, transformers.RobertaConfig(**LONG)),
    "t5-small": (transformers.T5ForConditionalGeneration, transformers.T5Config(decoder_start_token_id=0)),
}
ROWS_ARE_INPUTS = transformers.pytorch_utils.Conv1D


def randomise(model, random):
    with torch.no_grad():
        for module in model.modules():
            for name, tensor in module.named_parameters(recurse=False):
                noise = torch.randn(tensor.shape, generator=random)
                if tensor.dim() == 2:
                    fan_in = tensor.shape[0 if isinstance(module, ROWS_ARE_INPUTS) else 1]
                    tensor.copy_(noise / fan_in**0.5)
                else:
                    is_gain = name == "weight"  # else a bias
                    tensor.copy_(0.1 * noise + is_gain)


def as_t5_begins(model):
    """T5 scales what its head reads, where others have small words, and its queries are small, where others scale scores.
    Words are half as large as T5's, or the likeliest to follow each would be the same once more.
    """
    config = model.config
    with torch.no_grad():
        model.shared.weight *= 0.5 * config.d_model**0.5
        for name, parameter in model.named_parameters():
            if name.endswith("Attention.q.weight"):
                parameter *= config.d_kv**-0.5


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in SHAPES:
        sys.exit(f"usage: random_model.py {'|'.join(SHAPES)} DIRECTORY")
    shape, directory = sys.argv[1:]
    architecture, config = SHAPES[shape]
    with torch.device("meta"):  # no weights but ours
        model = architecture(config)
    model.to_empty(device="cpu")
    model.tie_weights()
    random = torch.Generator().manual_seed(20240607)
    randomise(model, random)
    if config.model_type == "t5":
        as_t5_begins(model)
    model.save_pretrained(directory)
    if config.model_type == "vit":
        pixels = torch.randn(16, config.num_channels, config.image_size, config.image_size, generator=random)
        safetensors.torch.save_file({"pixel_values": pixels}, pathlib.Path(directory) / "calibration.safetensors")
        return
    ids = torch.randint(config.vocab_size, (32, 128), generator=random)
    samples = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    safetensors.torch.save_file(samples, pathlib.Path(directory) / "calibration.safetensors")


main()
