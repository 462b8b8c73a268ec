"""PyTorch's side of bench/certify.js: CROWN (Zhang et al. 2018) of a chain of Conv, Relu, Flatten and Gemm, as one would write it by hand.

Reads {"x", "labels"} as one line of JSON, then answers "run" with processor milliseconds an image and the least margins, until "quit".
"""
import json
import sys
import time

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import numpy_helper

torch.set_num_threads(1)
torch.set_grad_enabled(False)
path, epsilon = sys.argv[1], float(sys.argv[2])
graph = onnx.load(path).graph
weights = {t.name: torch.from_numpy(numpy_helper.to_array(t).copy()) for t in graph.initializer}


def attribute(node, name, default):
    return next((onnx.helper.get_attribute_value(a) for a in node.attribute if a.name == name), default)


layers = []
for node in graph.node:
    if node.op_type == "Conv":
        layers.append(("conv", weights[node.input[1]], weights[node.input[2]],
                       attribute(node, "strides", [1, 1])[0], attribute(node, "pads", [0] * 4)[0]))
    elif node.op_type == "Gemm":
        w = weights[node.input[1]]
        layers.append(("dense", w if attribute(node, "transB", 0) else w.T.contiguous(), weights[node.input[2]]))
    elif node.op_type == "Relu":
        layers.append(("relu",))
    elif node.op_type not in ("Flatten", "Constant", "Reshape", "Sub", "Div", "Identity"):
        sys.exit(f"certify.py knows no {node.op_type}")


def forward(layer, x, absolute=False, bias=True):
    w = layer[1].abs() if absolute else layer[1]
    b = layer[2] if bias else None
    if layer[0] == "conv":
        return F.conv2d(x, w, b, layer[3], layer[4])
    return F.linear(x.flatten(1), w, b)


def backward(layer, a, shape):
    if layer[0] == "conv":
        h = F.conv_transpose2d(a, layer[1], None, layer[3], layer[4])
        return F.pad(h, (0, shape[-1] - h.shape[-1], 0, shape[-2] - h.shape[-2]))
    return (a.flatten(1) @ layer[1]).reshape(-1, *shape)


def lower_bound(a, upto, bounds, shapes, low, high):
    """The least of ⟨a, value before layer `upto`⟩, for rows a."""
    constant = torch.zeros(a.shape[0])
    for i in reversed(range(upto)):
        layer = layers[i]
        if layer[0] == "relu":
            l, u = bounds[i]
            up = (u.clamp(min=0) / (u.clamp(min=0) - l.clamp(max=0)).clamp(min=1e-12)) * (u > 0)
            below = torch.where(l >= 0, 1.0, torch.where(u <= 0, 0.0, (u > -l).float()))
            shift = -up * l.clamp(max=0)
            negative = a.clamp(max=0)
            constant += (negative * shift).flatten(1).sum(1)
            a = a.clamp(min=0) * below + negative * up
        else:
            constant += (a.flatten(2).sum(2) if layer[0] == "conv" else a.flatten(1)) @ layer[2]
            a = backward(layer, a, shapes[i])
    centre, radius = (high + low) / 2, (high - low) / 2
    return constant + (a * centre - a.abs() * radius).flatten(1).sum(1)


def least_margin(x, label):
    low, high = (x - epsilon).clamp(0, 1), (x + epsilon).clamp(0, 1)
    bounds, shapes, l, u = {}, {}, low, high
    for i, layer in enumerate(layers):
        shapes[i] = l.shape[1:]
        if layer[0] == "relu":
            if i > 1:
                open_ = ((l < 0) & (u > 0)).flatten().nonzero()[:, 0]
                rows = torch.zeros(len(open_), l.numel())
                rows[torch.arange(len(open_)), open_] = 1
                rows = rows.reshape(-1, *l.shape[1:])
                found = lower_bound(torch.cat([rows, -rows]), i, bounds, shapes, low, high)
                l.view(-1)[open_] = torch.maximum(l.view(-1)[open_], found[: len(open_)])
                u.view(-1)[open_] = torch.minimum(u.view(-1)[open_], -found[len(open_):])
            bounds[i] = (l, u)
            l, u = l.clamp(min=0), u.clamp(min=0)
        else:
            c, r = forward(layer, (l + u) / 2), forward(layer, (u - l) / 2, absolute=True, bias=False)
            l, u = c - r, c + r
    rows = -torch.eye(10)
    rows[:, label] += 1
    rows = torch.cat([rows[:label], rows[label + 1:]])
    return lower_bound(rows, len(layers), bounds, shapes, low, high).min().item()


data = json.loads(sys.stdin.readline())
images = torch.tensor(np.array(data["x"], dtype=np.float32)).reshape(-1, 1, 28, 28)
print(json.dumps({"ready": len(images)}), flush=True)
for line in sys.stdin:
    if line.strip() == "quit":
        break
    start = time.process_time()
    margins = [least_margin(images[i: i + 1], label) for i, label in enumerate(data["labels"])]
    print(json.dumps({"ms": 1000 * (time.process_time() - start) / len(images), "margins": margins}), flush=True)
