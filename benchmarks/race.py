"""Makes models, compiles them and times them against other contenders: race.py [--again] [MODEL[/WORK]]...

Runs with the Python that has the contenders' packages. What came out stays under build/bench/results, a file for each
work, and is not taken again until lathe is built anew or --again asks for it; so a race that was cut off goes on where
it was. Then results.py makes a page of it.
"""
import argparse
import importlib.metadata
import json
import os
import re
import subprocess
import sys
import time

import plan


class Failure(Exception):
    """What the user is told about work that did not come to a result."""


class Skipped(Failure):
    """The same, where nothing is wrong."""


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def call(command):
    """Runs a program whose stderr is this one's, and gives its stdout."""
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise Failure(f"{os.path.basename(str(command[0]))} {command[1]} ended with {done.returncode}")
    return done.stdout


def bench(model, flags):
    return json.loads(call([plan.LATHE, "bench", plan.artifact(model), *flags, "--json"]))


def keep(path, result):
    """Whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(result, indent=1) + "\n")
    part.rename(path)


# --- what is timed


def make_directory(model):
    names = ("model.safetensors", "calibration.safetensors") if model.calibrated else ("model.safetensors",)
    if all((model.directory / name).exists() for name in names):
        return
    if not model.random:
        raise Failure(f"{model.title} is not in {model.directory}; with a network, ./dev demo fetches it")
    say(f"making {model.title}")
    call([sys.executable, plan.ROOT / "benchmarks/models/random_model.py", model.random, model.directory])


def compile_model(model):
    make_directory(model)
    began = time.perf_counter()
    name = "bench_" + model.name.replace("-", "_")
    flags = ["-o", plan.artifact(model), "--name", name, "--precision", model.precision]
    if model.calibrated:
        flags += ["--calibrate", model.directory / "calibration.safetensors", "--activations", "static"]
    call([plan.LATHE, "compile", model.directory, *flags])
    return {"seconds": time.perf_counter() - began}


def write_lengths(model):
    """The file of lengths, in tokens of the model, of the texts that people write."""
    if not plan.CORPUS.exists():
        raise Skipped(f"skipped: there is no {os.path.relpath(plan.CORPUS, plan.ROOT)}")
    count = int(plan.TEXTS.rpartition("-")[2])
    texts = plan.CORPUS.read_text(encoding="utf-8").splitlines()[:count]
    path = plan.WORK / f"{plan.TEXTS}.{model.name}.lengths"
    with open(path, "w") as file:
        for text in texts:
            encoded = json.loads(call([plan.LATHE, "tokenize", plan.artifact(model), "--text", text, "--json"]))
            print(len(encoded[0]["ids"]), file=file)
    return path


def race(model, work):
    """One work, against everybody."""
    if work == plan.TEXTS:
        flags = ["--lengths", write_lengths(model)]
    else:
        batch, seq = work.split("x")
        flags = ["--batch", batch, "--seq", seq]
    picture = plan.result_path(model, work).with_suffix(".svg")
    picture.parent.mkdir(parents=True, exist_ok=True)
    flags += ["--vs", ",".join(model.contenders()), "--model", model.directory, "--python", sys.executable]
    result = bench(model, [*flags, "--profile", "--plot", picture])
    result["versions"] = {name: importlib.metadata.version(name) for name in plan.PACKAGES}
    return result


def time_threads(model):
    """One thread and all, in turns, so that both meet the same machine."""
    cpus = len(os.sched_getaffinity(0))
    if cpus < 2:
        raise Skipped("skipped: there is one CPU only")
    counts = {"one": 1, "all": cpus}
    rounds = []
    for _ in range(3):
        rounds.append({})
        for key, threads in counts.items():
            result = bench(model, ["--batch", 8, "--seq", 128, "--threads", threads])
            rounds[-1][key] = {
                "threads": threads,
                "median_ms": result["results"][0]["median_ms"],
                "peak_gflops": result["machine"]["peak_gflops"][model.precision],
            }
    return {"rounds": rounds}


def time_contexts(model):
    text = call([plan.CONTEXTS_APP, plan.artifact(model)])
    say(text.strip().replace("\n", "\nbench: "))
    patterns = {
        "ratio": r"no pool .* ([\d.]+) of it",
        "open_ms": r"files in memory: .* open in ([\d.]+) ms",
        "cold_open_ms": r"files not in memory: .* open in ([\d.]+) ms",
        "first_ms": r"files in memory: .* after ([\d.]+) ms",
    }
    return {name: float(re.search(pattern, text)[1]) for name, pattern in patterns.items()}


# --- in which order


def choose_works(names):
    """The works of each model by names, MODEL or MODEL/WORK; everything without one."""
    models = {model.name: model for model in plan.MODELS}
    chosen = {}
    for name in names or models:
        model, _, work = name.partition("/")
        if model not in models or (work and work not in models[model].works):
            accepted = ", ".join(f"{one.name}[/{'|'.join(one.works)}]" for one in plan.MODELS)
            sys.exit(f"race.py: unknown '{name}'; accepted are {accepted}")
        chosen.setdefault(model, []).extend([work] if work else models[model].works)
    return [(models[model], works) for model, works in chosen.items()]


def take(model, work, again):
    """Takes one result, if it is not there; tells why not, and whether to go on."""
    path = plan.result_path(model, work)
    if plan.is_current(path) and not again:
        return True
    takers = {plan.COMPILE: compile_model, plan.THREADS: time_threads, plan.CONTEXTS: time_contexts}
    began = time.perf_counter()
    say(f"{model.title} {work}")
    try:
        keep(path, takers[work](model) if work in takers else race(model, work))
    except Failure as failure:
        say(f"{model.title} {work}: {failure}")
        return isinstance(failure, Skipped)
    say(f"{model.title} {work}: {time.perf_counter() - began:.0f} s")
    return True


def main():
    arguments = argparse.ArgumentParser(prog="race.py", description=__doc__.splitlines()[0])
    arguments.add_argument("--again", action="store_true", help="take what is there already once more")
    arguments.add_argument("works", nargs="*", metavar="MODEL[/WORK]", help="everything without one")
    arguments = arguments.parse_args()
    complete = True
    for model, works in choose_works(arguments.works):
        if not take(model, plan.COMPILE, again=False):
            complete = False
            continue  # with the next model
        for work in works:
            complete &= take(model, work, arguments.again)
    sys.exit(0 if complete else 1)


main()
