"""Copies some exported cases to test/fixtures/onnx: python fixtures.py OUT

What exporters note beside the graph (where in the source a node comes from, shapes on the way) is left out; all else is as
exported.
"""
import sys
from pathlib import Path

import numpy as np
import onnx

KEPT = {
    "resnet": "small-resnet-torchscript-keepbn-13",
    "mobilenet_v3": "small-mobilenet_v3-dynamo-20",
    "efficientnet": "small-efficientnet-dynamo-23",
    "shufflenet": "small-shufflenet-torchscript-12",
    "inception": "small-inception-torchscript-11",
    "convnext": "small-convnext-dynamo-18",
    "swin": "small-swin-dynamo-21",
    "keras": "keras-conv_net-tf2onnx-18",
    "sklearn_linear": "sklearn-scaled_logistic_regression-skl2onnx-18",
    "sklearn_network": "sklearn-scaled_mlp-skl2onnx-18",
}
LARGEST = 60_000


def bare(message):
    """Without notes, at any depth."""
    for field, value in message.ListFields():
        if field.name in ("doc_string", "metadata_props", "value_info"):
            message.ClearField(field.name)
        elif field.type == field.TYPE_MESSAGE:
            for part in value if isinstance(value, (list, tuple)) or hasattr(value, "add") else [value]:
                bare(part)


def main(out):
    folder = Path(__file__).parents[2] / "test/fixtures/onnx"
    for name, case in KEPT.items():
        model = onnx.load(Path(out) / case / "model.onnx")
        bare(model)
        content = model.SerializeToString()
        values = np.load(Path(out) / case / "values.npz")
        np.savez_compressed(folder / f"{name}.npz", **values)
        (folder / f"{name}.onnx").write_bytes(content)
        print(name, len(content), (folder / f"{name}.npz").stat().st_size, "too large" if len(content) > LARGEST else "")


main(*sys.argv[1:])
