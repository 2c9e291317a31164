"""Writes a BERT of a published shape with seeded random weights: random_bert.py base|large DIRECTORY

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

# "BERT: Pre-training of Deep Bidirectional Transformers", Devlin et al. 2018: the uncased models' config.json.
SHAPES = {
    "base": dict(hidden_size=768, num_hidden_layers=12, num_attention_heads=12, intermediate_size=3072),
    "large": dict(hidden_size=1024, num_hidden_layers=24, num_attention_heads=16, intermediate_size=4096),
}


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in SHAPES:
        sys.exit("usage: random_bert.py base|large DIRECTORY")
    shape, directory = sys.argv[1:]
    config = transformers.BertConfig(vocab_size=30522, max_position_embeddings=512, **SHAPES[shape])
    with torch.device("meta"):  # no weights but ours
        model = transformers.BertModel(config)
    model.to_empty(device="cpu")
    random = torch.Generator().manual_seed(20240607)
    with torch.no_grad():
        for name, tensor in model.named_parameters():
            noise = torch.randn(tensor.shape, generator=random)
            if tensor.dim() == 2:
                tensor.copy_(noise / tensor.shape[1] ** 0.5)
            else:
                tensor.copy_(0.1 * noise + (1 if name.endswith("LayerNorm.weight") else 0))
    model.save_pretrained(directory)
    ids = torch.randint(config.vocab_size, (32, 128), generator=random)
    samples = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    safetensors.torch.save_file(samples, pathlib.Path(directory) / "calibration.safetensors")


main()
