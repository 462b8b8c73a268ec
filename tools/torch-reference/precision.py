"""Writes test/fixtures/onnx/{precision,quantized}: one small classifier in several element types, and quantised in every
format of onnxruntime.quantization, beside the logits and input gradients that torch computes. Takes the folder of fixtures.
Needs torch 2.13, onnx, onnxscript, onnxruntime and onnxconverter-common."""

import copy
import sys
from pathlib import Path

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnxconverter_common import float16
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static
from torch import nn

fixtures = Path(sys.argv[1])
torch.manual_seed(11)
x = torch.randint(0, 256, (4, 1, 8, 8)).float() / 256
y = torch.tensor([0, 3, 1, 4])


class Net(nn.Module):
    """[n, 1, 8, 8] to probabilities of 5 classes."""

    def __init__(self):
        super().__init__()
        self.conv, self.pool, self.linear = nn.Conv2d(1, 4, 3), nn.MaxPool2d(2), nn.Linear(36, 5)

    def logits(self, x):
        return self.linear(F.gelu(self.pool(torch.relu(self.conv(x * 2 - 1))).flatten(1)))

    def forward(self, x):
        return torch.softmax(self.logits(x), 1)


class FakeQuantised(Net):
    """With the rounding of quantisation, through which torch passes gradients straight; some values saturate."""

    def logits(self, x):
        q = torch.fake_quantize_per_tensor_affine
        x = q(x, 0.9 / 255, 0, 0, 255)
        scale = self.conv.weight.detach().abs().amax((1, 2, 3)) / 127
        weight = torch.fake_quantize_per_channel_affine(self.conv.weight, scale, torch.zeros(4, dtype=torch.int32), 0, -128, 127)
        hidden = q(torch.relu(F.conv2d(x * 2 - 1, weight, self.conv.bias)), 0.004, 0, 0, 255)
        hidden = q(F.gelu(self.pool(hidden)), 0.004, -10, -128, 127)
        return q(self.linear(hidden.flatten(1)), 0.006, 3, -128, 127)

    def forward(self, x):
        return self.logits(x)


def reference(model):
    pixels = x.to(next(model.parameters()).dtype).clone().requires_grad_()
    logits = model.logits(pixels)
    F.cross_entropy(logits, y, reduction="sum").backward()
    return logits.detach().float().numpy(), pixels.grad.float().numpy()


def export(model, path, **options):
    dtype = next(model.parameters()).dtype
    torch.onnx.export(model, (x.to(dtype),), path, input_names=["x"], **options)


def old(model, path, opset=17):
    export(model, path, dynamo=False, opset_version=opset, dynamic_axes={"x": {0: "N"}}, output_names=["out"])


def slim(model):
    """Without the notes of the exporter, which are larger than the model."""
    for message in [model, model.graph, *model.graph.node, *model.graph.initializer, *model.graph.input, *model.graph.output]:
        del message.metadata_props[:]
    del model.graph.value_info[:]
    return model


torch.manual_seed(11)
net = Net().eval()
values = {"x": x.numpy(), "y": y.numpy()}
folder = fixtures / "precision"
for name, dtype in [("float16", torch.half), ("bfloat16", torch.bfloat16), ("float64", torch.double)]:
    model = copy.deepcopy(net).to(dtype)
    # The dynamo exporter keeps Gelu whole; the older one writes it with a root of 2 that is rounded to the type.
    path = folder / f"{name}.onnx"
    batch = torch.export.Dim("N")
    export(model, path, dynamo=True, verbose=False, external_data=False, dynamic_shapes=({0: batch},))
    onnx.save(slim(onnx.load(path)), path)
    old(model, folder / f"{name}_older.onnx")
    # In double precision, of the same weights.
    values[f"{name}_logits"], values[f"{name}_grad"] = reference(copy.deepcopy(model).double())
old(net, folder / "float32.onnx")
for keep in (True, False):
    converted = float16.convert_float_to_float16(onnx.load(folder / "float32.onnx"), keep_io_types=keep)
    onnx.save(converted, folder / f"converted{'_inside' if keep else ''}.onnx")
np.savez_compressed(folder / "values.npz", **values)


class Images(CalibrationDataReader):
    def __init__(self):
        self.left = [torch.rand(64, 1, 8, 8).numpy() for _ in range(4)]

    def get_next(self):
        return {"x": self.left.pop()} if self.left else None


folder, plain = fixtures / "quantized", fixtures / "precision" / "float32.onnx"
static = {
    "pairs": {"quant_format": QuantFormat.QDQ, "per_channel": True},
    "pairs_16": {"quant_format": QuantFormat.QDQ, "activation_type": QuantType.QUInt16},
    "operators": {"quant_format": QuantFormat.QOperator, "weight_type": QuantType.QInt8, "per_channel": True},
}
for name, options in static.items():
    quantize_static(plain, folder / f"{name}.onnx", Images(), **options)
quantize_dynamic(plain, folder / "dynamic.onnx", weight_type=QuantType.QUInt8)
torch.manual_seed(11)
fake = FakeQuantised().eval()
old(fake, folder / "fake.onnx")
values = {"x": x.numpy(), "y": y.numpy()}
values["logits"], values["grad"] = reference(net)
values["fake_logits"], values["fake_grad"] = reference(fake)
np.savez_compressed(folder / "values.npz", **values)
plain.unlink()
