"""PyTorch's side of bench/gradients.js: exports torchvision's networks, then times forward and backward on request.

Answers one line of JSON for each line of stdin: "export NAME FILE", "time NAME MEMORY_FORMAT", "quit".
"""
import argparse
import json
import os
import resource
import sys
import time

import torch

# A CPU build of torch does not load the compiled operators of torchvision from PyPI; no classifier needs them.
operators = torch.library.Library("torchvision", "FRAGMENT")
for name in ("nms", "qnms"):
    operators.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

from torchvision.models import get_model  # noqa: E402

BATCH, SIZE = 8, 224
networks = {}


def network(name):
    """The network with batch statistics that fit, and frozen parameters."""
    if name not in networks:
        torch.manual_seed(0)
        model = get_model(name)
        model.train()
        with torch.no_grad():
            for _ in range(2):
                model(torch.rand(BATCH, 3, SIZE, SIZE))
        networks[name] = model.eval().requires_grad_(False)
    return networks[name]


def export(name, path):
    torch.onnx.export(
        network(name), (torch.rand(2, 3, SIZE, SIZE),), path + ".partial", opset_version=17, dynamo=False,
        input_names=["input"], output_names=["output"], dynamic_axes={"input": {0: "N"}, "output": {0: "N"}},
    )  # fmt: skip
    os.replace(path + ".partial", path)
    return {}


def measure(name, memory_format, clock):
    form = getattr(torch, memory_format)
    model = network(name).to(memory_format=form)
    x = torch.rand(BATCH, 3, SIZE, SIZE).contiguous(memory_format=form)
    labels = torch.arange(BATCH)
    start = clock()
    with torch.no_grad():
        model(x)
    forward = clock() - start
    x.requires_grad_(True)
    start = clock()
    torch.nn.functional.cross_entropy(model(x), labels, reduction="sum").backward()
    gradient = clock() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"forward": 1000 * forward, "gradient": 1000 * gradient, "peak": peak}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=2)
    threads = parser.parse_args().threads
    torch.set_num_threads(threads)
    # Of one thread the processor's time counts, which other programs do not change.
    clock = time.process_time if threads == 1 else time.perf_counter
    print(json.dumps({"torch": torch.__version__}), flush=True)
    for line in sys.stdin:
        command, *args = line.split()
        if command == "quit":
            break
        print(json.dumps(export(*args) if command == "export" else measure(*args, clock)), flush=True)


if __name__ == "__main__":
    main()
