"""Three small networks as ONNX Runtime's optimizers save them, with torch's logits and input gradients: test/fixtures/onnx/optimized-*.

    python fused.py test/fixtures/onnx

Needs torch, onnx, onnxscript and onnxruntime. ONNX Runtime fuses operators at level EXTENDED; its package of scripts for
transformers fuses whole attention blocks.
"""
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime
import torch
import torch.nn.functional as F
from onnxruntime.transformers.optimizer import optimize_model
from torch import nn


class Convolutions(nn.Module):
    """One convolution for each activation that is fused with it, and a fused layer behind."""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(nn.Conv2d(3 if i == 0 else 8, 8, 3, padding=1) for i in range(7))
        self.norm = nn.BatchNorm2d(8)
        self.hidden, self.out = nn.Linear(32, 16), nn.Linear(16, 5)

    def forward(self, x):
        layers = self.layers
        x = torch.relu(self.norm(layers[0](x)))
        x = F.relu6(layers[2](F.leaky_relu(layers[1](x), 0.2)))
        x = F.max_pool2d(torch.relu(layers[4](torch.sigmoid(layers[3](x))) + x), 2)
        x = layers[6](F.hardswish(layers[5](x)))
        x = F.avg_pool2d(F.hardsigmoid(x) + torch.tanh(x), 2)
        return self.out(F.leaky_relu(self.hidden(x.flatten(1))))


class Bert(nn.Module):
    """One layer, written as the transformers library writes it: 5 places, 2 heads of 4."""

    def __init__(self):
        super().__init__()
        self.embed, self.norm = nn.Linear(6, 8), nn.LayerNorm(8)
        self.q, self.k, self.v, self.join = (nn.Linear(8, 8) for _ in range(4))
        self.norm1, self.norm2 = nn.LayerNorm(8), nn.LayerNorm(8)
        self.wide, self.narrow, self.out = nn.Linear(8, 16), nn.Linear(16, 8), nn.Linear(8, 4)

    def forward(self, x):
        x = self.norm(self.embed(x))
        q, k, v = (f(x).view(x.shape[0], 5, 2, 4).permute(0, 2, 1, 3) for f in (self.q, self.k, self.v))
        seen = torch.softmax(q @ k.transpose(-1, -2) / 2.0, -1) @ v
        x = self.norm1(self.join(seen.permute(0, 2, 1, 3).reshape(x.shape[0], 5, 8)) + x)
        x = self.norm2(self.narrow(F.gelu(self.wide(x))) + x)
        return self.out(x[:, 0])


class Transformer(nn.Module):
    """Two layers of torch's own, which the exporter to opset 23 writes with Attention."""

    def __init__(self):
        super().__init__()
        layer = dict(d_model=8, nhead=2, dim_feedforward=16, activation="gelu", batch_first=True)
        self.embed, self.norm, self.out = nn.Linear(6, 8), nn.LayerNorm(8), nn.Linear(8, 4)
        self.layers = nn.ModuleList(nn.TransformerEncoderLayer(**layer) for _ in range(2))

    def forward(self, x):
        x = self.embed(x)
        for layer in self.layers:
            x = layer(x)
        return self.out(self.norm(x).mean(1))


def save(folder, name, make, shape, export, optimize):
    torch.manual_seed(0)
    model, x = make().eval(), torch.randn(shape, requires_grad=True)
    for parameter in model.parameters():
        parameter.data.normal_(std=0.4)
    y = torch.arange(shape[0]) % 3
    logits = model(x)
    (gradient,) = torch.autograd.grad(F.cross_entropy(logits, y, reduction="sum"), x)
    arrays = dict(x=x.detach(), y=y, logits=logits.detach(), grad=gradient)
    np.savez_compressed(folder / f"optimized-{name}.npz", **{key: value.numpy() for key, value in arrays.items()})
    with tempfile.TemporaryDirectory() as scratch:
        plain = str(Path(scratch, "plain.onnx"))
        torch.onnx.export(model, (x.detach(),), plain, input_names=["x"], output_names=["y"], **export)
        optimize(plain, str(folder / f"optimized-{name}.onnx"))


def extended(plain, optimized):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = optimized
    onnxruntime.InferenceSession(plain, options, providers=["CPUExecutionProvider"])


def as_bert(plain, optimized):
    optimize_model(plain, model_type="bert", num_heads=2, hidden_size=8, opt_level=0).save_model_to_file(optimized)


old = dict(dynamo=False, opset_version=17, dynamic_axes={"x": {0: "N"}})
new = dict(dynamo=True, opset_version=23, dynamic_shapes={"x": {0: torch.export.Dim("N")}}, external_data=False)
to = Path(sys.argv[1])
save(to, "convolutions", Convolutions, (3, 3, 8, 8), old, extended)
save(to, "bert", Bert, (3, 5, 6), old, as_bert)
save(to, "transformer", Transformer, (3, 5, 6), new, extended)
