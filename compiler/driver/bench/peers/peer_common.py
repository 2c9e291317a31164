"""What the Python contenders of lathe bench share: what they are told, and how they answer.

A contender runs as `python WORK/peer_NAME.py`. WORK is a directory of this run of the bench alone, which all of its
contenders share, with these scripts and
  settings.json       "model", "task", "outputs", "pooling", "modules", "threads"; where tokens are to be written behind
                      the inputs, "generation" with "new_tokens" and "beams"
  inputs.safetensors  input_ids, and attention_mask where there is padding; or pixel_values
It writes the outputs of that name to NAME.safetensors there and prints "ready SECONDS RESIDENT_BYTES", the seconds
being those from files on disk to ready. Then it answers each line N on stdin with the seconds of N runs, behind one
that is not timed. Where it cannot, it prints "error WHY" and ends.

One that writes gives "logits" [batch, vocabulary] of what comes first, and NAME-written.safetensors with "written"
[batch, tokens]; it also answers "N first", with the seconds of runs that write one token.
"""
import json
import os
import subprocess
import sys
import time
import traceback

# Answers have stdout to themselves: what libraries print goes to stderr.
answers = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)

os.environ["HF_HUB_OFFLINE"] = "1"  # a model is a directory, never a name to look up


class Unable(Exception):
    """The contender cannot run this; the message says all there is to say."""


def explain(kind, error, trace):
    if isinstance(error, Unable):
        reason = str(error)
    elif isinstance(error, ModuleNotFoundError):
        reason = f"needs the Python package '{error.name}', which {sys.executable} does not have"
    else:
        traceback.print_exception(kind, error, trace)
        reason = f"{kind.__name__}: {error}"
    print("error", " ".join(reason.split()), file=answers)


sys.excepthook = explain  # before any import that may fail


def path(name):
    return os.path.join(os.path.dirname(os.path.abspath(__file__)), name)


with open(path("settings.json")) as file:
    settings = json.load(file)
generation = settings.get("generation")


def load_inputs():
    from safetensors.numpy import load_file

    arrays = load_file(path("inputs.safetensors"))
    if "pixel_values" in arrays:
        return {"pixel_values": arrays["pixel_values"]}
    # in the order in which forward takes them:
    return {name: arrays[name].astype("int64") for name in ("input_ids", "attention_mask") if name in arrays}


def make(product, script, *arguments):
    """A file of the work directory, made once, in a process of its own: what making it takes is nobody's memory."""
    if not os.path.exists(path(product)):
        done = subprocess.run([sys.executable, path(script), *arguments], stdout=subprocess.PIPE, text=True)
        if done.returncode:
            raise Unable(done.stdout.removeprefix("error ") or f"{script} ended with {done.returncode}")
    return path(product)


def resident_bytes():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def serve(contender, compute, names, loading):
    """Answers until stdin ends. `compute` takes nothing and gives arrays in the order of `names`."""
    import numpy
    from safetensors.numpy import save_file

    mask = load_inputs().get("attention_mask")
    outputs = {name: numpy.array(value, order="C") for name, value in zip(names, compute())}
    for value in outputs.values():  # padding is 0 in Lathe's outputs and arbitrary here
        if value.ndim == 3 and mask is not None:
            value[mask == 0] = 0
    save_file(outputs, path(contender + ".safetensors"))
    del outputs
    answer({"": compute}, loading)


def serve_writer(contender, logits, write, loading):
    """The same of one that writes: `logits` takes nothing and gives an array, `write` takes how many tokens to write
    behind each prompt and gives them, a row for each."""
    import numpy
    from safetensors.numpy import save_file

    count = generation["new_tokens"]
    written = numpy.array(write(count), dtype="int64")
    loaded = resident_bytes()
    save_file({"written": written}, path(contender + "-written.safetensors"))
    save_file({"logits": numpy.array(logits(), dtype="float32", order="C")}, path(contender + ".safetensors"))
    answer({"": lambda: write(count), "first": lambda: write(1)}, loading, loaded)


def answer(runs, loading, loaded=None):
    """Says that it is ready, and answers until stdin ends. `runs` has what is timed for each word behind a number."""
    print("ready", loading, loaded or resident_bytes(), file=answers)
    for line in sys.stdin:
        count, _, word = line.strip().partition(" ")
        seconds = []
        for run in range(int(count) + 1):
            began = time.perf_counter()
            runs[word]()
            if run:
                seconds.append(time.perf_counter() - began)
        print(*seconds, file=answers)
