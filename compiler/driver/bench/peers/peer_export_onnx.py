"""Makes model.onnx of the work directory, for whoever runs ONNX.

Attention goes in parts and opset 17, the form that the optimizers of ONNX Runtime and OpenVINO know; the exporter that
traces, because the graphs of the other one run slower in both and ONNX Runtime's optimizer finds no attention in them.
"""
import peer_common
import warnings

import torch
from peer_model import Model, load_tensors

model = Model("eager")
# Other ids than those of the bench: were a value of the traced run to get into the graph, results would differ.
example = {name: tensor.flip(1 if name == "input_ids" else 0) for name, tensor in load_tensors().items()}
batch_seq = {0: "batch", 1: "seq"}
axes = {name: {0: "batch"} if name == "pixel_values" else batch_seq for name in example}
with torch.inference_mode():
    for name, value in zip(model.names, model(*example.values())):
        axes[name] = batch_seq if value.dim() == 3 and "input_ids" in example else {0: "batch"}
    warnings.simplefilter("ignore")  # of tracing, and of the exporter's age
    torch.onnx.export(
        model,
        tuple(example.values()),
        peer_common.path("model.onnx"),
        dynamo=False,
        opset_version=17,
        input_names=list(example),
        output_names=model.names,
        dynamic_axes=axes,
    )
