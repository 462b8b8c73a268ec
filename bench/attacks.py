"""PyTorch's side of the attack benchmarks: a server, so that the Node side can measure it in turn with perturb.

It loads everything, prints {"ready": true, "torch": ..., "threads": ...}, then reads one command a line from stdin and answers each
with one line of JSON: {"name", "seconds", "cpu_seconds", ...}, or {"name", "error"}.

  pgd BATCH [N]          PGD-40 on LeNet as everybody writes it, on the first N (1,000) test images: `clean`, `correct`, `total`
  autoattack N [BATCH]   the original AutoAttack, version standard, on the first N test images that the robust network classifies
                         rightly, in batches of BATCH (N): `seconds_per_image`, and of each attack the seconds and the share left
  quit

`seconds` is wall time, `cpu_seconds` that of all threads together. Both attacks are L-infinity, epsilon 0.3, from seed 0. It never
warms up: whoever measures repeats. The original is not on PyPI under its own name: pyautoattack 0.2.0 is a copy of its code.
"""

import argparse
import logging
import re
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn
from torch_reference import answer, lenet, read

EPSILON, STEP, STEPS, SEED = 0.3, 0.01, 40, 0


def robust(path):
    """The network of tools/torch-reference/robust_mnist.py, with the weights of its ONNX file."""
    import onnx

    kept = {tensor.name: torch.from_numpy(onnx.numpy_helper.to_array(tensor).copy()) for tensor in onnx.load(path).graph.initializer}
    model = nn.Sequential(
        nn.Conv2d(1, 24, 3, padding=1), nn.ReLU(),
        nn.Conv2d(24, 32, 3, stride=2, padding=1), nn.ReLU(),
        nn.Conv2d(32, 32, 3, padding=1), nn.ReLU(),
        nn.Conv2d(32, 64, 3, stride=2, padding=1), nn.ReLU(),
        nn.Flatten(),
        nn.Linear(64 * 7 * 7, 128), nn.ReLU(),
        nn.Linear(128, 10),
    )  # fmt: skip
    model.load_state_dict(kept)
    return model.eval()


def pgd(model, images, labels):
    """Madry et al. 2018, the loop of the usual libraries."""
    adversarial = torch.clamp(images + torch.empty_like(images).uniform_(-EPSILON, EPSILON), 0, 1)
    for _ in range(STEPS):
        adversarial.requires_grad = True
        loss = F.cross_entropy(model(adversarial), labels)
        gradient = torch.autograd.grad(loss, adversarial)[0]
        adversarial = adversarial.detach() + STEP * gradient.sign()
        delta = torch.clamp(adversarial - images, -EPSILON, EPSILON)
        adversarial = torch.clamp(images + delta, 0, 1).detach()
    return adversarial


def right(model, images, labels, batch):
    """Which samples are classified rightly."""
    with torch.no_grad():
        return torch.cat([model(x).argmax(1) == y for x, y in zip(images.split(batch), labels.split(batch))])


def run_pgd(model, images, labels, batch, count=1000):
    images, labels = images[:count], labels[:count]
    torch.manual_seed(SEED)
    wall, cpu = time.perf_counter(), time.process_time()
    adversarial = torch.cat([pgd(model, x, y) for x, y in zip(images.split(batch), labels.split(batch))])
    times = {"seconds": time.perf_counter() - wall, "cpu_seconds": time.process_time() - cpu}
    clean, correct = (int(right(model, x, labels, batch).sum()) for x in (images, adversarial))
    return {**times, "batch": batch, "clean": clean, "correct": correct, "total": len(labels)}


class Stages(logging.Handler):
    """What the original says after each attack, with the times of the process."""

    def __init__(self):
        super().__init__(logging.DEBUG)
        self.stages, self.wall, self.cpu = [], time.perf_counter(), time.process_time()

    def emit(self, record):
        found = re.match(r"robust accuracy after (\S+): ([\d.]+)%", record.getMessage())
        if not found:
            return
        wall, cpu = time.perf_counter(), time.process_time()
        name, left = found[1].lower(), float(found[2]) / 100
        self.stages.append({"attack": name, "left": left, "seconds": wall - self.wall, "cpu_seconds": cpu - self.cpu})
        self.wall, self.cpu = wall, cpu


def run_autoattack(model, images, labels, count, batch=None):
    from pyautoattack import AutoAttack

    first = min(len(images), 2 * count + 100)
    kept = right(model, images[:first], labels[:first], 250).nonzero().flatten()[:count]
    images, labels = images[kept], labels[kept]
    logger = logging.getLogger("auto-attack")
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    attack = AutoAttack(model, norm="Linf", eps=EPSILON, seed=SEED, version="standard", device="cpu")
    wall, cpu = time.perf_counter(), time.process_time()
    logger.handlers = [stages := Stages()]
    attack.run_standard_evaluation(images, labels, batch_size=batch or count)
    times = {"seconds": time.perf_counter() - wall, "cpu_seconds": time.process_time() - cpu}
    per_image = {"seconds_per_image": times["seconds"] / len(labels), "cpu_seconds_per_image": times["cpu_seconds"] / len(labels)}
    return {**times, **per_image, "total": len(labels), "last": int(kept[-1]), "stages": stages.stages}


def serve(options):
    torch.set_num_threads(options.threads)
    images, labels = read(options.images, options.labels)
    networks = {}

    def network(name):
        if name not in networks:
            path = getattr(options, name)
            if path is None:
                raise ValueError(f"--{name} FILE is missing")
            networks[name] = lenet(torch.load(path, map_location="cpu", weights_only=True)) if name == "weights" else robust(path)
        return networks[name]

    commands = {
        "pgd": lambda *numbers: run_pgd(network("weights"), images, labels, *numbers),
        "autoattack": lambda *numbers: run_autoattack(network("robust"), images, labels, *numbers),
    }
    answer(ready=True, torch=torch.__version__.split("+")[0], threads=torch.get_num_threads())
    for line in sys.stdin:
        name, *numbers = line.split() or [""]
        if name == "quit":
            return
        if name not in commands or len(numbers) not in (1, 2) or not all(n.isdecimal() and int(n) > 0 for n in numbers):
            answer(name=name, error=f"got {line.strip()!r}: want quit, or {', '.join(commands)} and one or two positive integers")
            continue
        try:
            answer(name=name, **commands[name](*map(int, numbers)))
        except (ImportError, ValueError, OSError) as error:
            answer(name=name, error=f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for option in ("--images", "--labels"):
        parser.add_argument(option, required=True, metavar="FILE")
    parser.add_argument("--weights", metavar="FILE", help="state dict of the LeNet, for pgd")
    parser.add_argument("--robust", metavar="FILE", help="models/conv-mnist-robust.onnx, for autoattack; needs the package onnx")
    parser.add_argument("--threads", type=int, default=2)
    serve(parser.parse_args())
