"""The contender `torch-compile`: what torch.compile makes of the same model, for the very shape.

Of what was tried, on two cores of a Zen 5 with BERT-base at 1x16, 1x128 and 8x128 (medians, ms):
  mode default, freezing, SDPA                          37    135    938
  mode default, freezing, attention in parts            35    132    907
  mode max-autotune-no-cudagraphs, freezing, SDPA       25    136    957
  the same, attention in parts                          24    133    890
and without freezing, or with the C++ wrapper, nothing was faster in a way that lasts.
"""
from peer_common import Unable, path, serve
import contextlib
import io
import os
import shutil
import time

# Before torch looks: no cache but this run's, and no pool of processes that outlives it.
os.environ["TORCHINDUCTOR_CACHE_DIR"] = path("inductor")
os.environ["TORCHINDUCTOR_COMPILE_THREADS"] = "1"

import torch
import torch._inductor.config
from peer_model import Model, load_tensors

compiler = os.environ.get("CXX", "g++")
if not shutil.which(compiler):
    raise Unable(f"needs a C++ compiler, and there is no {compiler}")

torch._inductor.config.freezing = True
model, inputs = Model("eager"), load_tensors()
compiled = torch.compile(model, mode="max-autotune-no-cudagraphs", dynamic=False)
with torch.inference_mode():
    began = time.perf_counter()
    with contextlib.redirect_stderr(io.StringIO()):  # a report for each shape of product
        compiled(*inputs.values())
    compiling = time.perf_counter() - began
    serve("torch-compile", lambda: compiled(*inputs.values()), model.names, model.loading + compiling)
