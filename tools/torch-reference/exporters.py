"""Torch's two exporters, and what torch computes: see export.py."""
import importlib
import zlib

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

DYNAMO = range(18, 24)
TORCHSCRIPT = range(11, 18)
BATCH = 3
CANDIDATES = 12
ROUNDS = 4
NUDGE = 1e-6
SURE = 1e-4


class Logits(nn.Module):
    """A model with one input, x, and one output, the logits."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, x):
        y = self.model(x)
        return y if isinstance(y, torch.Tensor) else y.logits


def batch_norms(model):
    return [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]


def awaken(model):
    """Parameters that start constant hide what stands behind them (scales of 0 or 1e-6, zero biases): they get other values."""
    for parameter in model.parameters():
        first = parameter.flatten()[:1]
        if parameter.numel() > 1 and bool((parameter == first).all()):
            nn.init.uniform_(parameter, -0.2, 0.2) if first.item() == 0 else nn.init.uniform_(parameter, 0.5, 1.5)
    # Kinks of all layers at once make a deep network of random weights chaotic: torch's own float32 gradients are then 1e-2 from
    # those in float64. With larger biases most activations keep to one side, as in trained ones.
    for norm in batch_norms(model):
        if norm.affine:
            nn.init.uniform_(norm.weight, 0.1, 0.3)
            nn.init.uniform_(norm.bias, 0.5, 1)
            norm.bias.data[torch.rand(norm.bias.shape) < 0.3] *= -1


def images(count, shape, generator=None):
    """Coloured shades of random shapes: images that are as different as photographs are."""
    shades = torch.randn(count, shape[0], 4, 4, generator=generator)
    light = torch.randn(count, shape[0], 1, 1, generator=generator)
    grain = torch.rand(count, *shape, generator=generator)
    smooth = F.interpolate(shades, shape[1:], mode="bicubic")
    return (torch.sigmoid(1.5 * smooth + light) + 0.1 * grain).clamp(0, 1)


def settle(model, shape):
    """Statistics of batch normalisation that fit: the averages over some random batches."""
    norms = batch_norms(model)
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
        norm.train()
    with torch.no_grad():
        for _ in range(3 if norms else 0):
            model(images(8, shape))
    model.eval()


def build(make, shape):
    # The older exporter does not know the fused attention of inference.
    torch.backends.mha.set_fastpath_enabled(False)
    torch.manual_seed(0)
    model = Logits(make()).eval()
    awaken(model)
    settle(model, shape)
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    return model


def gradient(model, x, y):
    x = x.clone().requires_grad_()
    logits = model(x)
    return logits.detach(), torch.autograd.grad(F.cross_entropy(logits, y, reduction="sum"), x)[0]


def noises(model, x, y, grad):
    """How far each image's gradient is from that in float64, there and a little aside, relative to the largest of each image."""
    try:
        exact = gradient(model.double(), x.double(), y)[1]
        aside = gradient(model, x.double() + NUDGE * torch.randn(x.shape, dtype=torch.float64), y)[1]
    except Exception:  # A model that insists on float32.
        return torch.zeros(len(x))
    finally:
        model.float()
    largest = exact.abs().flatten(1).amax(1)
    return torch.stack([(g - exact).abs().flatten(1).amax(1) / largest for g in (grad, aside)]).amax(0)


def values(model, shape):
    """
    Images with torch's logits and gradients. Where an activation lies within rounding of a kink, float32 gives the slope of
    either side: those images are taken whose gradients are surest. The least sure one's `noise` comes with them.
    """
    generator = torch.Generator().manual_seed(1)
    candidates = CANDIDATES if shape[1] <= 128 else BATCH
    best = []
    for _ in range(ROUNDS):
        x = images(candidates, shape, generator)
        with torch.no_grad():
            classes = model(x[:BATCH]).shape[1]
        y = torch.arange(candidates) * 3 % classes
        logits, grad = gradient(model, x, y)
        rows = zip(noises(model, x, y, grad).tolist(), x, y, logits, grad)
        best = sorted([*best, *rows], key=lambda row: row[0])[:BATCH]
        if best[-1][0] < SURE:
            break
    noise, *columns = zip(*best)
    names = ("x", "y", "logits", "grad")
    return {name: torch.stack(column).numpy() for name, column in zip(names, columns)}, max(noise)


def export(model, x, path, exporter, opset):
    names = {"input_names": ["x"], "output_names": ["logits"], "opset_version": opset}
    if exporter == "dynamo":
        shapes = ({0: torch.export.Dim("batch")},)
        torch.onnx.export(model, (x,), path, dynamo=True, dynamic_shapes=shapes, external_data=False, verbose=False, **names)
    else:
        # "keepbn" leaves batch normalisation as it is, where the exporter would fold it into convolutions.
        training = torch.onnx.TrainingMode.PRESERVE if exporter == "torchscript-keepbn" else torch.onnx.TrainingMode.EVAL
        axes = {"x": {0: "batch"}, "logits": {0: "batch"}}
        torch.onnx.export(model, (x,), path, dynamo=False, dynamic_axes=axes, training=training, **names)


def first_at(opsets, name):
    """An opset that the name picks, so that together the models meet all of them; and the newest, where that one does not work."""
    start = zlib.crc32(name.encode()) % len(opsets)
    return list(dict.fromkeys([opsets[start], opsets[-1]]))


def case(make, shape, exporter):
    def write(folder, opset):
        model = build(make, shape)
        file, part = folder / "model.onnx", folder / "part.onnx"
        if not file.exists():
            export(model, images(BATCH, shape), str(part), exporter, opset)
            part.rename(file)
        arrays, noise = values(model, shape)
        np.savez(folder / "values.npz", **arrays)
        return {"torch": torch.__version__, "noise": noise}

    return write


def cases_of(group):
    models = importlib.import_module(f"zoo_{group}").models()
    for name, (make, shape) in models.items():
        exporters = {"dynamo": DYNAMO, "torchscript": TORCHSCRIPT}
        if name == "resnet":
            exporters["torchscript-keepbn"] = TORCHSCRIPT
        for exporter, opsets in exporters.items():
            tried = list(opsets) if group == "small" else first_at(opsets, name)
            yield name, exporter, tried, case(make, shape, exporter)
