"""The contender `eager-bf16`: what `eager` is, with all weights and values in bf16."""
from peer_common import serve
import torch
from peer_model import Model, load_tensors

model, inputs = Model("sdpa", torch.bfloat16), load_tensors()
with torch.inference_mode():
    serve("eager-bf16", lambda: model(**inputs), model.names, model.loading)
