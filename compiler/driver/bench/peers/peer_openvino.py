"""The contender `openvino`: OpenVINO on the CPU, in f32, one stream for the least latency, for the very shape; and what
`openvino-bf16` and `openvino-int8` share with it.

`peer_openvino.py convert` makes openvino.xml: reading its own format is faster than ONNX, which in turn led to code as
fast as what it makes of the PyTorch module. A fixed shape is up to a tenth faster than a dynamic one.
"""
import peer_common
import collections
import sys
import time

import openvino

inputs = peer_common.load_inputs()


def convert():
    model = openvino.Core().read_model(peer_common.path("model.onnx"))
    model.reshape({name: list(array.shape) for name, array in inputs.items()})
    openvino.save_model(model, peer_common.path("openvino.xml"), compress_to_fp16=False)


def check_precision(compiled, allowed):
    """A precision is a hint, which must have been heard: linears are in one of `allowed`, and where those are not bf16,
    nothing is."""
    found = collections.Counter()
    for operation in compiled.get_runtime_model().get_ops():
        kind, precision = (
            str(getattr(value, "value", value))
            for value in (operation.get_rt_info()[field] for field in ("layerType", "runtimePrecision"))
        )
        if kind == "FullyConnected" or precision in ("bf16", "f16"):
            found[precision] += 1
    others = {precision: count for precision, count in found.items() if precision not in allowed}
    if others or not found:
        raise peer_common.Unable(f"computes in {dict(found)}, though told {' or '.join(allowed)}")


def convert_once():
    peer_common.make("model.onnx", "peer_export_onnx.py")
    return peer_common.make("openvino.xml", "peer_openvino.py", "convert")


def run(contender, file, hint, allowed):
    """`hint` is for operations that the file leaves in floating point; linears must be in one of `allowed`."""
    began = time.perf_counter()
    settings = {
        "INFERENCE_PRECISION_HINT": hint,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": peer_common.settings["threads"],
    }
    compiled = openvino.Core().compile_model(file, "CPU", settings)
    loading = time.perf_counter() - began
    check_precision(compiled, allowed)
    request = compiled.create_infer_request()
    names = [output.get_any_name() for output in compiled.outputs]

    def compute():
        return request.infer(inputs, share_inputs=True, share_outputs=True).values()

    peer_common.serve(contender, compute, names, loading)


if __name__ == "__main__":
    convert() if sys.argv[1:] == ["convert"] else run("openvino", convert_once(), "f32", ["f32"])
