"""The contender `openvino-bf16`: the same file as `openvino`'s, linears and attention in bf16."""
import peer_openvino

peer_openvino.run("openvino-bf16", peer_openvino.convert_once(), "bf16", ["bf16"])
