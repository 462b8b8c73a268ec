"""A torch module from an ONNX graph: the operators of plain convolutional classifiers, one after another."""

import onnx
import torch
import torch.nn.functional as F


def convolution(x, weight, bias=None, *, kernel_shape=None, strides=(1, 1), pads=(0, 0, 0, 0), dilations=(1, 1), group=1):
    return F.conv2d(x, weight, bias, strides, tuple(pads[:2]), dilations, group)


OPERATORS = {
    "Conv": convolution,
    "MaxPool": lambda x, *, kernel_shape, strides, **_: F.max_pool2d(x, kernel_shape, strides),
    "Relu": lambda x: x.relu(),
    "Flatten": lambda x, *, axis=1: x.flatten(axis),
    "Reshape": lambda x, shape: x.reshape(shape.tolist()),
    "Gemm": lambda x, weight, bias, *, transB, **_: F.linear(x, weight if transB else weight.T, bias),
    "LogSoftmax": lambda x, *, axis: x.log_softmax(axis),
    "Dropout": lambda x: x,
    "Identity": lambda x: x,
}


class OnnxModule(torch.nn.Module):
    def __init__(self, path):
        super().__init__()
        graph = onnx.load(path).graph
        self.constants = {t.name: torch.from_numpy(onnx.numpy_helper.to_array(t).copy()) for t in graph.initializer}
        self.input, self.output = graph.input[0].name, graph.output[0].name
        attributes = lambda node: {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        self.steps = [(OPERATORS[node.op_type], list(node.input), node.output[0], attributes(node)) for node in graph.node]

    def forward(self, x):
        values = {**self.constants, self.input: x}
        for operator, inputs, output, attributes in self.steps:
            values[output] = operator(*(values[name] for name in inputs), **attributes)
        return values[self.output]
