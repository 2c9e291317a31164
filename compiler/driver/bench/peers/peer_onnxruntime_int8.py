"""The contender `onnxruntime-int8`: what `onnxruntime` runs, quantised as ONNX Runtime does it on the CPU: weights once,
symmetric and per channel, activations in every run. The exported model or the optimized one, whichever is faster.

`peer_onnxruntime_int8.py quantize` makes both, `peer_onnxruntime_int8.py choose` onnxruntime-int8.onnx, the faster one.
Weights are signed: with unsigned ones both were slower (BERT-base, 1x128, two cores of a Zen 5: 22.9 and 25.2 ms, 39.4
and 42.6).
"""
import peer_common
import os
import sys

import onnxruntime
import peer_onnxruntime

script = os.path.basename(__file__)
variants = {name: "int8-" + name for name in ("model.onnx", "fused.onnx")}


def quantize():
    import logging

    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    logging.disable(logging.WARNING)  # to prepare the model first, which the optimizer has done
    for name, quantised in variants.items():
        quantize_dynamic(
            peer_common.path(name),
            peer_common.path(quantised),
            per_channel=True,
            weight_type=QuantType.QInt8,
            # of what follows the optimizer's operators, whose types its shape inference does not know
            extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
        )


def main():
    peer_onnxruntime.make_variants()
    for quantised in variants.values():
        peer_common.make(quantised, script, "quantize")
    peer_common.make("onnxruntime-int8.onnx", script, "choose")
    peer_onnxruntime.run("onnxruntime-int8")


if sys.argv[1:] == ["quantize"]:
    quantize()
elif sys.argv[1:] == ["choose"]:
    peer_onnxruntime.choose(variants.values(), "onnxruntime-int8.onnx")
else:
    main()
