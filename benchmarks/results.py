"""Writes the page of results of this kind of machine from what race.py and kernels-bench left under build/bench/results."""
import json
import os
import statistics
import sys

import plan


def read(path):
    """The result of a file; None where there is none."""
    if not path.exists():
        print(f"results.py: no {path.relative_to(plan.ROOT)}: left out", file=sys.stderr)
        return None
    return json.loads(path.read_text()) | {"current": plan.is_current(path)}


def read_all():
    """The results by model's name and work."""
    paths = {(model.name, work): plan.result_path(model, work) for model in plan.MODELS for work in model.all_works()}
    return {key: result for key, path in paths.items() if (result := read(path)) is not None}


EARLIER = "†"


def labelled(work, result):
    """The work's name, with a mark where another build of lathe gave its numbers."""
    return work if result is None or result["current"] else f"{work} {EARLIER}"


# --- what is measured of a result; a number, and what there is to say of it


def is_race(result):
    return "results" in result


def row(result, contender="lathe"):
    return next(row for row in result["results"] if row["contender"] == contender)


def times_as_fast(result, contender):
    return row(result, contender)["median_ms"] / row(result)["median_ms"]


def best_peer(model, result):
    """Of those that compute in the artifact's precision."""
    name = min(model.peers(), key=lambda peer: row(result, peer)["median_ms"])
    return times_as_fast(result, name), name


def outside_kernels(result):
    total = result["profile_total"]
    return 1 - total["step_seconds"] / total["seconds"]


def attention_of_peak(result):
    steps = [step for step in result["profile"] if step["kernel"].startswith("lathe_attention")]
    flops = sum(step["gflops"] * step["seconds"] for step in steps)
    return flops / sum(step["seconds"] for step in steps) / result["machine"]["peak_gflops"]["f32"]


def threads_gain(result, key="median_ms"):
    return statistics.median(one["one"][key] / one["all"][key] for one in result["rounds"])


def peak_gain(result):
    return 1 / threads_gain(result, "peak_gflops")


def promised_mb(model, result):
    """Weights, and what the manifest says that a run needs, in megabytes."""
    manifest = json.loads((plan.artifact(model) / "manifest.json").read_text())
    memory = manifest["entries"][0]["memory"]
    quantum = memory["counts_rounded_up_to"]
    batch, seq = row(result)["batch"], row(result)["seq"]
    b, longest, t = (-(-count // quantum) * quantum for count in (batch, seq, batch * seq))

    def evaluate(field):
        terms = memory[field]
        variable = terms["per_token"] * t + terms["per_sequence"] * b + terms["per_longest"] * longest
        return terms["fixed"] + variable + terms["per_score"] * b * longest * longest

    run = evaluate("arena_bytes") + evaluate("edge_bytes")
    run += result["machine"]["threads"] * evaluate("scratch_bytes_per_thread")
    return (manifest["weights"]["bytes"] + run) / 1e6


def percent(fraction):
    return "-" if fraction is None else f"{100 * fraction:.0f} %"


def of_row(field):
    return lambda model, result: (value := row(result)[field], percent(value))


def measure_best_peer(model, result):
    ratio, name = best_peer(model, result)
    return ratio, f"{ratio:.2f}x {name}"


def measure_threads(model, result):
    return (gain := threads_gain(result)), f"{gain:.2f}x, where the machine's peak gains {peak_gain(result):.2f}x"


def measure_memory(model, result):
    beyond = row(result)["rss_mb"] - promised_mb(model, result)
    return beyond, f"{row(result)['rss_mb']:.0f} MB, {beyond:+.0f} MB"


def measure_batch(model, result):
    """Tokens in a second behind the first, of those of one sequence in the same run of ./dev bench: the work that
    `result` names so. With the prompts' time, which is another bar's, too."""
    if result.get("alone") is None:
        return None, "one sequence was not timed"
    many, one = row(result), row(result["alone"])
    gain = many["batch"] * one["step_ms"] / many["step_ms"]
    return gain, f"{gain:.1f}x; with prompts {many['tokens_per_s'] / one['tokens_per_s']:.1f}x"


def simple(value, text):
    return lambda model, result: (number := value(result), text.format(number))


# by the name that plan.BARS has: how a bar reads, whether more is better, and what takes it
MEASURES = {
    "peak": ("≥ {:.0%} of the {precision} peak", True, of_row("fraction_of_peak")),
    "roofline": ("≥ {:.0%} of the roofline", True, of_row("fraction_of_roofline")),
    "bandwidth": ("weights at ≥ {:.0%} of reading memory", True, of_row("fraction_of_bandwidth")),
    "attention": ("attention alone ≥ {:.0%} of the f32 peak", True, lambda m, r: (v := attention_of_peak(r), percent(v))),
    "best peer": ("≥ {:.2f}x the best peer", True, measure_best_peer),
    "eager": ("≥ {:.2f}x eager", True, simple(lambda result: times_as_fast(result, "eager"), "{:.2f}x")),
    "outside": ("outside kernels ≤ {:.0%} of the time", False, lambda m, r: (v := outside_kernels(r), f"{100 * v:.1f} %")),
    "batch": ("≥ {:g}x the tokens a second of one sequence", True, measure_batch),
    "threads": ("all threads ≥ {:.1f}x one, 8x128", True, measure_threads),
    "contexts": ("4 contexts without a pool ≥ {:.2f} of one with it", True, simple(lambda r: r["ratio"], "{:.3f}")),
    "open": ("open in ≤ {:g} ms", False, simple(lambda result: result["open_ms"], "{:.2f} ms")),
    "memory": ("RSS ≤ weights, arena and {:g} MB", False, measure_memory),
    "compile": ("compile in ≤ {:g} s", False, simple(lambda result: result["seconds"], "{:.1f} s")),
}


def limit_of(bar, model, result):
    """Tiles do so much more than what feeds them that less of their peak is reached."""
    has_tiles = result and bar.with_tiles and result["machine"]["unit_gflops"].get(f"amx_{model.precision}")
    return bar.with_tiles if has_tiles else bar.limit


def alone(work):
    """The work with one sequence: 1x32+128 of 16x32+128."""
    return "1x" + work.partition("x")[2]


def judge(results):
    """Of each bar: the model, the bar, its text, what was reached, and whether it was met (None: not measured)."""
    models = {model.name: model for model in plan.MODELS}
    for bar in plan.BARS:
        text, more_is_better, measure = MEASURES[bar.measure]
        model, result = models[bar.model], results.get((bar.model, bar.work))
        if result and bar.measure == "batch":
            result = result | {"alone": results.get((bar.model, alone(bar.work)))}
        value, reached = measure(model, result) if result else (None, "not measured")
        limit = limit_of(bar, model, result)
        met = None if value is None else (value >= limit if more_is_better else value <= limit)
        yield model, bar, text.format(limit, precision=model.precision), reached, met


# --- the page


def table(header, rows):
    yield "| " + " | ".join(header) + " |"
    yield "|" + "---|" * len(header)
    yield from ("| " + " | ".join(row) + " |" for row in rows)
    yield ""


def machine_lines(races):
    if not races:
        return
    machines = [result["machine"] for result in races]
    first = machines[0]
    levels = " and ".join(dict.fromkeys(machine["isa"] for machine in machines))
    yield f"{first['cpu']}, {first['threads']} threads, {levels}. While contenders were timed it gave, in samples:"
    yield ""
    roofs = [(f"{precision} peak, GFLOP/s", f"{precision}_gflops") for precision in plan.PEERS]
    for name, key in (*roofs, ("reading memory, GB/s", "read_gb_per_s")):
        samples = sorted(sample[key] for machine in machines for sample in machine["probes"] if key in sample)
        if samples:  # of int8, say, only where somebody computed in it
            yield f"- {name}: {samples[0]:.0f} to {samples[-1]:.0f}, median {statistics.median(samples):.0f}"
    versions = races[0]["versions"]
    yield ""
    yield "Contenders: " + ", ".join(f"{name} {version}" for name, version in versions.items()) + "; `unfused` is"
    yield "Lathe with the graph passes off. All with all threads, on the same weights and ids, in f32 unless a name says"
    yield "otherwise; a model in bf16 has its peers in bf16, and one in int8 in int8."
    yield ""


def bar_lines(results):
    answers = {True: "met", False: "**not met**", None: "-"}
    yield "## The bars"
    yield ""
    yield "Ratios are of medians; a peer is PyTorch eager or compiled, ONNX Runtime, or OpenVINO, where tokens are written PyTorch"
    yield "or CTranslate2, in the precision of the model; the fastest one counts."
    yield "That every run has the same bits, alone, in a batch and with any threads, is `ctest -R e2e-determinism`'s to show."
    yield ""
    rows = []
    for model, bar, text, reached, met in judge(results):
        work = labelled(bar.work, results.get((model.name, bar.work)))
        rows.append((model.title, work, text, reached, answers[met]))
    yield from table(("model", "work", "bar", "reached", ""), rows)
    if not all(result["current"] for result in results.values()):
        yield f"{EARLIER} taken with an earlier build of lathe."
        yield ""


def milliseconds(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def writing_lines(model, races):
    """Of those that write several tokens: the first, the others, and how many a second."""
    names = ("lathe", *model.contenders())
    rows = []
    for work, result in races:
        for name in names:
            one = row(result, name)
            if one["step_ms"] is not None:
                times = (milliseconds(one["first_ms"]), milliseconds(one["step_ms"]), f"{one['tokens_per_s']:.0f}")
                rows.append((labelled(work, result), "Lathe" if name == "lathe" else name, *times))
    yield from table(("work", "", "first token, ms", "each other, ms", "tokens a second"), rows)


def model_lines(model, results):
    own = {work: results[model.name, work] for work in model.all_works() if (model.name, work) in results}
    races = [(work, result) for work, result in own.items() if is_race(result)]
    if not races:
        return
    yield f"## {model.title}"
    yield ""
    written = " + tokens written for each (b: beams), of the whole call" if model.writes else ""
    yield f"Medians in milliseconds, batch x sequence{written}. GFLOP/s and shares are Lathe's, of the medians of the machine's samples."
    if any(work == plan.TEXTS for work, _ in races):
        yield f"{plan.TEXTS}: that many lines of a news corpus as one batch, in which the others have padding."
    yield ""
    header = ("work", "Lathe", *model.contenders(), "best peer", "GFLOP/s", "peak", "memory", "roofline", "RSS MB")
    rows = []
    for work, result in races:
        lathe = row(result)
        times = [milliseconds(row(result, name)["median_ms"]) for name in ("lathe", *model.contenders())]
        shares = [percent(lathe[f"fraction_of_{roof}"]) for roof in ("peak", "bandwidth", "roofline")]
        best = f"{best_peer(model, result)[0]:.2f}x"
        rows.append((labelled(work, result), *times, best, f"{lathe['gflops']:.0f}", *shares, f"{lathe['rss_mb']:.0f}"))
    yield from table(header, rows)
    if model.writes:
        yield from writing_lines(model, races)
    facts = []
    if compiled := own.get(plan.COMPILE):
        facts.append(f"Compiling takes {compiled['seconds']:.1f} s.")
    if contexts := own.get(plan.CONTEXTS):
        facts.append(
            f"Opening takes {contexts['open_ms']:.2f} ms, {contexts['cold_open_ms']:.1f} ms where no file is in memory; "
            f"the first result of 1x16 comes {contexts['first_ms']:.1f} ms after the start of opening."
        )
    yield from facts
    yield ""
    first, result = races[0]
    yield from table(
        (f"before the first run of {first}", "Lathe", *model.contenders()),
        (
            (text, *(f"{row(result, name)[field]:.0f}" for name in ("lathe", *model.contenders())))
            for text, field in (("from files to ready, ms", "load_ms"), ("in memory, MB", "rss_mb"))
        ),
    )


def profile_lines(results):
    """Where the time goes, of races that missed a bar."""
    missed = {
        (model, bar.work): results[model.name, bar.work]
        for model, bar, _, _, met in judge(results)
        if met is False and is_race(results[model.name, bar.work])
    }
    if not missed:
        return
    yield "## Where the time goes"
    yield ""
    yield "Profiles of the works that missed a bar: the steps that take most of the time, with clocks around each."
    yield ""
    for (model, work), result in missed.items():
        total, between = result["profile_total"], outside_kernels(result)
        yield f"{model.title} {work}; between steps {percent(between)}, threads idle in steps {percent(total['idle_share'])}:"
        yield ""
        steps = sorted(result["profile"], key=lambda step: -step["share"])[:7]
        yield from table(
            ("step", "share", "GFLOP/s", "of its roofline", "idle"),
            (
                (
                    step["step"].removesuffix(".weight"),
                    percent(step["share"]),
                    f"{step['gflops']:.0f}",
                    percent(step["fraction_of_roofline"]),
                    percent(step["idle_share"]),
                )
                for step in steps
            ),
        )


def kernel_lines():
    columns = []  # of each count of threads
    for path in sorted((plan.WORK / "results").glob("kernels-*.json")):
        if (result := read(path)) and result["current"]:
            timed = {one["name"].removesuffix("/manual_time"): one for one in result["benchmarks"] if "best_us" in one}
            columns.append((result["context"]["threads"], timed))
    if not columns:
        return
    yield "## Kernels"
    yield ""
    yield "Each alone, the fastest of many runs, as a share of the peak of the instruction that its products are made of, or of"
    yield "reading as many bytes from where they lie (`cold`: from memory), measured just before (benchmarks/kernels)."
    yield ""

    def cells(one):
        if one is None:
            return ("-", "-")
        cold = "GB/s" in one and "bandwidth" in one
        share = f"{percent(one['bandwidth'])} of reading" if cold else f"{percent(one.get('peak'))} of peak"
        return (f"{one['best_us']:.1f}", share)

    header = ["kernel and shape"]
    for threads, _ in columns:
        header += [f"µs, {threads} thread{'s' if threads != '1' else ''}", "share"]
    names = dict.fromkeys(name for _, timed in columns for name in timed)
    yield from table(
        header, ((f"`{name}`", *(cell for _, timed in columns for cell in cells(timed.get(name)))) for name in names)
    )


def page(results):
    yield "# Results"
    yield ""
    yield "Written by `./dev bench`; how numbers are taken is in README.md beside this page."
    yield ""
    yield from machine_lines([result for result in results.values() if is_race(result)])
    yield from bar_lines(results)
    for model in plan.MODELS:
        yield from model_lines(model, results)
    yield from profile_lines(results)
    yield from kernel_lines()


def page_path(results):
    """RESULTS.md, and where products run on AMX's tiles, which is another matter altogether, RESULTS-AMX.md."""
    machines = [result["machine"] for result in results.values() if is_race(result)]
    has_tiles = any(machine["unit_gflops"].get("amx_bf16") for machine in machines)
    return plan.ROOT / "benchmarks" / ("RESULTS-AMX.md" if has_tiles else "RESULTS.md")


def main():
    results = read_all()
    if not results:
        sys.exit("results.py: nothing was timed; ./dev bench models does")
    path = page_path(results)
    path.write_text("\n".join(page(results)).rstrip() + "\n")
    missing = sum(met is None for *_, met in judge(results))
    print(f"wrote {os.path.relpath(path)}" + (f"; {missing} bars were not measured" if missing else ""))


if __name__ == "__main__":
    main()
