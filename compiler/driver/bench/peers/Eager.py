"""The contender `eager` of lathe bench: PyTorch in f32, in inference mode, with SDPA and the threads that were asked for.

Arguments: model directory, task, threads, work directory, poolings (comma-separated, or empty), 1 to normalise.
Reads inputs.safetensors in the work directory, writes outputs.safetensors there, and prints "ready SECONDS RESIDENT_BYTES",
the seconds being those of loading. Then answers each line N on stdin with the seconds of N runs, behind one that is not
timed.
"""
import os
import sys
import time

# Results have stdout to themselves: what libraries print goes to stderr.
results = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)

import torch
import torch.nn.functional as F
import transformers
from safetensors.torch import load_file, save_file

directory, task, threads, work, poolings, normalize = sys.argv[1:]
torch.set_num_threads(int(threads))
transformers.logging.set_verbosity_error()


def pooled(hidden, mask, mode):
    weights = mask.unsqueeze(-1).to(hidden.dtype)
    if mode == "cls":
        return hidden[:, 0]
    if mode == "max":
        return hidden.masked_fill(weights == 0, -torch.inf).max(1).values
    return (hidden * weights).sum(1) / weights.sum(1).clamp(min=1e-9)


def compute():
    output = model(**inputs)
    if task == "masked-lm":
        return {"logits": output.logits}
    if poolings:
        parts = [pooled(output.last_hidden_state, mask, mode) for mode in poolings.split(",")]
        embedding = torch.cat(parts, 1)
        return {"sentence_embedding": F.normalize(embedding) if normalize == "1" else embedding}
    named = {"last_hidden_state": output.last_hidden_state, "pooler_output": output.get("pooler_output")}
    return {name: value for name, value in named.items() if value is not None}


def resident_bytes():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE")


with torch.inference_mode():
    kind = transformers.AutoModelForMaskedLM if task == "masked-lm" else transformers.AutoModel
    began = time.perf_counter()
    model = kind.from_pretrained(directory, torch_dtype=torch.float32, attn_implementation="sdpa").eval()
    loading = time.perf_counter() - began
    inputs = {name: tensor.long() for name, tensor in load_file(os.path.join(work, "inputs.safetensors")).items()}
    mask = inputs.get("attention_mask", torch.ones_like(inputs["input_ids"]))
    outputs = compute()
    for name, value in outputs.items():  # padding is 0 in Lathe's outputs and arbitrary here
        if value.dim() == 3:
            outputs[name] = value * mask.unsqueeze(-1)
    save_file({name: value.contiguous() for name, value in outputs.items()}, os.path.join(work, "outputs.safetensors"))
    print("ready", loading, resident_bytes(), file=results)
    for line in sys.stdin:
        seconds = []
        for run in range(int(line) + 1):
            began = time.perf_counter()
            compute()
            if run:
                seconds.append(time.perf_counter() - began)
        print(*seconds, file=results)
