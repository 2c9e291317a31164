"""The contender `eager`: PyTorch in f32, in inference mode, with SDPA and the threads that were asked for."""
from peer_common import serve
import torch
from peer_model import Model, load_tensors

model, inputs = Model("sdpa"), load_tensors()
with torch.inference_mode():
    serve("eager", lambda: model(**inputs), model.names, model.loading)
