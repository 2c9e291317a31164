"""The contender `openvino`: OpenVINO on the CPU, in f32, one stream for the least latency, for the very shape.

`peer_openvino.py convert` makes openvino.xml: reading its own format is faster than ONNX, which in turn led to code as
fast as what it makes of the PyTorch module. A fixed shape is up to a tenth faster than a dynamic one.
"""
import peer_common
import sys
import time

import openvino

inputs = peer_common.load_inputs()


def convert():
    model = openvino.Core().read_model(peer_common.path("model.onnx"))
    model.reshape({name: list(array.shape) for name, array in inputs.items()})
    openvino.save_model(model, peer_common.path("openvino.xml"), compress_to_fp16=False)


def check_precision(compiled):
    """Where a CPU has bf16, f32 is a hint that must have been heard."""
    for operation in compiled.get_runtime_model().get_ops():
        precision = operation.get_rt_info()["runtimePrecision"]
        precision = str(getattr(precision, "value", precision))
        if precision in ("bf16", "f16"):
            raise peer_common.Unable(f"computes {operation.get_friendly_name()} in {precision}, though told f32")


def main():
    peer_common.make("model.onnx", "peer_export_onnx.py")
    peer_common.make("openvino.xml", "peer_openvino.py", "convert")
    began = time.perf_counter()
    settings = {
        "INFERENCE_PRECISION_HINT": "f32",
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": peer_common.settings["threads"],
    }
    compiled = openvino.Core().compile_model(peer_common.path("openvino.xml"), "CPU", settings)
    loading = time.perf_counter() - began
    check_precision(compiled)
    request = compiled.create_infer_request()
    names = [output.get_any_name() for output in compiled.outputs]

    def compute():
        return request.infer(inputs, share_inputs=True, share_outputs=True).values()

    peer_common.serve("openvino", compute, names, loading)


convert() if sys.argv[1:] == ["convert"] else main()
