"""The contender `openvino-int8`: `openvino`'s model as NNCF quantises it: weights symmetric, per channel; activations by
what they were on seeded random ids, other ones than the bench's, or images; attention's products, too.

`peer_openvino_int8.py quantize` makes openvino-int8.xml. What stays in floating point is in f32: with bf16 it was slower
(BERT-base, 1x128, two cores of a Zen 5: 16.9 ms, 17.9 in bf16; with activations symmetric, too: 16.8).
"""
import peer_common
import json
import os
import sys

import openvino
import peer_openvino


def quantize():
    import nncf
    import numpy

    inputs = peer_common.load_inputs()
    random = numpy.random.default_rng(8)
    if "pixel_values" in inputs:
        shape = inputs["pixel_values"].shape
        samples = [{"pixel_values": random.standard_normal(shape, "float32")} for _ in range(max(4, 16 // shape[0]))]
    else:
        ids = inputs["input_ids"]
        with open(os.path.join(peer_common.settings["model"], "config.json")) as file:
            limit = json.load(file)["vocab_size"]
        samples = [
            inputs | {"input_ids": random.integers(0, limit, ids.shape)} for _ in range(max(4, 4096 // ids.size))
        ]
    quantised = nncf.quantize(
        openvino.Core().read_model(peer_common.path("openvino.xml")),
        nncf.Dataset(samples),
        model_type=nncf.ModelType.TRANSFORMER,
        subset_size=len(samples),
    )
    openvino.save_model(quantised, peer_common.path("openvino-int8.xml"), compress_to_fp16=False)


def main():
    peer_openvino.convert_once()
    file = peer_common.make("openvino-int8.xml", "peer_openvino_int8.py", "quantize")
    peer_openvino.run("openvino-int8", file, "f32", ["i8", "u8"])


quantize() if sys.argv[1:] == ["quantize"] else main()
