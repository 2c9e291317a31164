"""The contender `eager-bf16`: what `eager` is, with all weights and values in bf16."""
import peer_common  # first, as it says what is missing
import torch
from peer_model import run

run("eager-bf16", torch.bfloat16)
