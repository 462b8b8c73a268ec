"""Writes an untrained convolutional network for MNIST (166,406 weights) to be trained for proofs: python small_network.py OUT.onnx

Two convolutions (16 and 32 channels, 4x4, stride 2), a layer of 100 and one of 10, as the small network of Gowal et al. 2018 and others. Its weights are normal with
the deviation sqrt(2 pi)/n of n inputs, by which intervals neither grow nor shrink (Shi et al. 2021, https://arxiv.org/abs/2103.17268, section 3.2).
"""
import sys

import numpy as np
import onnx
from onnx import helper, numpy_helper

random = np.random.default_rng(0)


def layer(name, shape):
    fan_in = int(np.prod(shape[1:]))
    weight = random.normal(size=shape) * np.sqrt(2 * np.pi) / fan_in
    return [
        numpy_helper.from_array(weight.astype("float32"), f"{name}.weight"),
        numpy_helper.from_array(np.zeros(shape[0], "float32"), f"{name}.bias"),
    ]


def conv(name, x, y):
    sizes = {"kernel_shape": [4, 4], "strides": [2, 2], "pads": [1, 1, 1, 1]}
    return helper.make_node("Conv", [x, f"{name}.weight", f"{name}.bias"], [y], name=name, **sizes)


def gemm(name, x, y):
    return helper.make_node("Gemm", [x, f"{name}.weight", f"{name}.bias"], [y], name=name, transB=1)


def relu(x, y):
    return helper.make_node("Relu", [x], [y], name=y)


nodes = [
    conv("conv1", "image", "a1"), relu("a1", "r1"), conv("conv2", "r1", "a2"), relu("a2", "r2"),
    helper.make_node("Flatten", ["r2"], ["flat"], axis=1),
    gemm("fc1", "flat", "a3"), relu("a3", "r3"), gemm("fc2", "r3", "scores"),
]
weights = layer("conv1", (16, 1, 4, 4)) + layer("conv2", (32, 16, 4, 4)) + layer("fc1", (100, 1568)) + layer("fc2", (10, 100))
value = helper.make_tensor_value_info
graph = helper.make_graph(
    nodes, "small", [value("image", 1, ["N", 1, 28, 28])], [value("scores", 1, ["N", 10])], weights,
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
onnx.checker.check_model(model)
onnx.save(model, sys.argv[1])
