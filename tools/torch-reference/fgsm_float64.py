"""Counts of the FGSM experiment with gradients in float64: python fgsm_float64.py WEIGHTS.pth IMAGES LABELS > expected_float64.json

The signs of float32 gradients of confident samples are rounding noise (p - 1 cancels), and PyTorch's own counts differ
between its versions; those of float64 do not. Images and forward passes stay in float32, as in the experiment.
"""
import json
import sys

import numpy as np
import torch
import torch.nn.functional as F

EPSILONS = [0.05, 0.1, 0.15, 0.2, 0.25, 0.3]


def logits(weights, x):
    w = {name: t.to(x.dtype) for name, t in weights.items()}
    x = F.relu(F.max_pool2d(F.conv2d(x, w["conv1.weight"], w["conv1.bias"]), 2))
    x = F.relu(F.max_pool2d(F.conv2d(x, w["conv2.weight"], w["conv2.bias"]), 2)).flatten(1)
    return F.linear(F.relu(F.linear(x, w["fc1.weight"], w["fc1.bias"])), w["fc2.weight"], w["fc2.bias"])


def main(weights, images, labels):
    weights = torch.load(weights, map_location="cpu", weights_only=True)
    x = torch.from_numpy(np.fromfile(images, np.uint8, offset=16).reshape(-1, 1, 28, 28)).float() / 255
    y = torch.from_numpy(np.fromfile(labels, np.uint8, offset=8)).long()
    correct = [0] * (1 + len(EPSILONS))
    for pixels, truth in zip(x.split(500), y.split(500)):
        precise = pixels.double().requires_grad_()
        sign = torch.autograd.grad(F.cross_entropy(logits(weights, precise), truth, reduction="sum"), precise)[0].sign().float()
        right = logits(weights, pixels).argmax(1) == truth
        correct[0] += int(right.sum())
        for i, epsilon in enumerate(EPSILONS):
            attacked = torch.clamp(pixels + epsilon * sign, 0, 1)
            correct[i + 1] += int((right & (logits(weights, attacked).argmax(1) == truth)).sum())
    json.dump({"epsilons": [0, *EPSILONS], "correct_of_10000": correct, "note": f"torch {torch.__version__}, gradients in float64"}, sys.stdout, indent=1)


main(*sys.argv[1:])
