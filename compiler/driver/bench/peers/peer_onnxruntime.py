"""The contender `onnxruntime`: ONNX Runtime on the CPU, on the exported model or on what its own transformer optimizer
makes of that, whichever is faster on these inputs: the fused operators win at some shapes and lose at others. And what
`onnxruntime-int8` shares with it.

`peer_onnxruntime.py fuse` makes fused.onnx, `peer_onnxruntime.py choose` onnxruntime.onnx, the faster one.
"""
import peer_common
import json
import os
import sys
import time

import onnxruntime

inputs = peer_common.load_inputs()


def open_session(name):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = peer_common.settings["threads"]  # they spin between operators, by default
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(peer_common.path(name), options, providers=["CPUExecutionProvider"])


def fuse():
    """Makes fused.onnx; says so on stderr where the optimizer does not find the attention of every layer."""
    import onnx  # onnxruntime does not require it, its optimizer does
    from onnxruntime.transformers import optimizer

    with open(os.path.join(peer_common.settings["model"], "config.json")) as file:
        config = json.load(file)
    fused = optimizer.optimize_model(
        peer_common.path("model.onnx"),
        model_type="vit" if "pixel_values" in inputs else "bert",
        num_heads=config["num_attention_heads"],
        hidden_size=config["hidden_size"],
        opt_level=0,
    )
    found = fused.get_fused_operator_statistics()
    attentions = found.get("Attention", 0) + found.get("MultiHeadAttention", 0)
    if attentions != config["num_hidden_layers"]:
        print(
            f"onnxruntime: its optimizer fused attention in {attentions} of {config['num_hidden_layers']} layers",
            file=sys.stderr,
        )
    fused.save_model_to_file(peer_common.path("fused.onnx"))


def make_variants():
    """The names of both, made once."""
    peer_common.make("model.onnx", "peer_export_onnx.py")
    peer_common.make("fused.onnx", "peer_onnxruntime.py", "fuse")
    return "model.onnx", "fused.onnx"


def choose(names, chosen):
    """Makes `chosen` what is fastest of `names`."""
    sessions = {name: open_session(name) for name in names}
    best = dict.fromkeys(sessions, float("inf"))
    for session in sessions.values():
        session.run(None, inputs)
    until, rounds = time.perf_counter() + 2, 0
    while rounds < 3 or time.perf_counter() < until:
        rounds += 1
        for name, session in sessions.items():
            began = time.perf_counter()
            session.run(None, inputs)
            best[name] = min(best[name], time.perf_counter() - began)
    os.link(peer_common.path(min(best, key=best.get)), peer_common.path(chosen))


def run(contender):
    """Serves with CONTENDER.onnx."""
    began = time.perf_counter()
    session = open_session(contender + ".onnx")
    loading = time.perf_counter() - began
    names = [output.name for output in session.get_outputs()]
    peer_common.serve(contender, lambda: session.run(None, inputs), names, loading)


def main():
    make_variants()
    peer_common.make("onnxruntime.onnx", "peer_onnxruntime.py", "choose")
    run("onnxruntime")


if __name__ == "__main__":
    if sys.argv[1:] == ["fuse"]:
        fuse()
    elif sys.argv[1:] == ["choose"]:
        choose(make_variants(), "onnxruntime.onnx")
    else:
        main()
