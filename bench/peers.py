"""The attacks of other libraries on an ONNX classifier, image by image: what docs/strength.md compares perturb's attacks with.

  python bench/peers.py NETWORK.onnx --images t10k-images-idx3-ubyte --labels t10k-labels-idx1-ubyte < commands

Each line of stdin is a command: KIND NORM EPSILON COUNT [OPTION=VALUE ...], run on those of the first COUNT images that are right when
clean; EPSILON is - for a least change. One line of JSON answers: `standing`, the images that are not fooled inside EPSILON, or `distances`,
null where none was found; `right`, how many were attacked; `cpu`, milliseconds of processor time an image. Kinds: apgd-ce, apgd-dlr, apgd-t,
autoattack (pyautoattack 0.2.0), deepfool, ddn, fmn, sigma-zero (adv-lib 0.2.8), pgd, ead (Foolbox 3.3.4).
Every adversarial point is judged again here: its class, the box, and the budget to 1e-5 of it.
"""

import argparse
import json
import sys
import time

import torch
from onnx_module import OnnxModule
from torch_reference import read

NORMS = {"linf": float("inf"), "l2": 2, "l1": 1, "l0": 0}


def autoattack(kind, model, x, y, norm, epsilon, options):
    from pyautoattack.autoattack import AutoAttack

    version = options.pop("version", "standard")
    attack = AutoAttack(model, norm="Linf" if norm == "linf" else norm.upper(), eps=epsilon, seed=options.pop("seed", 0), version=version)
    if kind != "autoattack":
        attack.attacks_to_run = [kind]
    for name, value in options.items():
        setattr(attack.apgd_targeted if kind == "apgd-t" else attack.apgd, name, value)
    return attack.run_standard_evaluation(x, y, batch_size=len(x))[0]


def adversarial_library(kind, model, x, y, norm, options):
    from adv_lib import attacks

    if kind == "deepfool":
        return attacks.df(model, x, y, norm=2 if norm == "l2" else float("inf"), **options)
    if kind == "ddn":
        return attacks.ddn(model, x, y, **options)
    if kind == "fmn":
        return attacks.fmn(model, x, y, norm=NORMS[norm], **options)
    return attacks.sigma_zero(model, x, y, **options)


def foolbox(kind, model, x, y, norm, epsilon, options):
    import foolbox

    wrapped = foolbox.PyTorchModel(model, bounds=(0, 1))
    if kind == "ead":
        return foolbox.attacks.EADAttack(**options)(wrapped, x, y, epsilons=epsilon)[0]
    family = {"linf": foolbox.attacks.LinfPGD, "l2": foolbox.attacks.L2PGD, "l1": foolbox.attacks.L1PGD}[norm]
    return family(**options)(wrapped, x, y, epsilons=epsilon)[1]


def propose(kind, *given):
    if kind in ("autoattack", "apgd-ce", "apgd-dlr", "apgd-t"):
        return autoattack(kind, *given)
    if kind in ("pgd", "ead"):
        return foolbox(kind, *given)
    model, x, y, norm, _, options = given
    return adversarial_library(kind, model, x, y, norm, options)


def value(text):
    return json.loads(text.lower()) if text[0] in "0123456789.-tfTF" else text


def measure(model, images, labels, kind, norm, budget, count, *options):
    x, y = images[: int(count)], labels[: int(count)]
    with torch.no_grad():
        right = (model(x).argmax(1) == y).nonzero().flatten()
    x, y = x[right], y[right]
    epsilon = None if budget == "-" else float(budget)
    torch.manual_seed(0)
    start = time.process_time()
    points = propose(kind, model, x, y, norm, epsilon, {k: value(v) for k, v in (one.split("=") for one in options)})
    cpu = (time.process_time() - start) * 1000 / len(x)
    with torch.no_grad():
        points = points.detach()
        distance = torch.linalg.vector_norm((points - x).flatten(1).double(), NORMS[norm], dim=1)
        valid = (model(points).argmax(1) != y) & (points.flatten(1).min(1)[0] >= 0) & (points.flatten(1).max(1)[0] <= 1)
    answer = {"right": len(x), "cpu": round(cpu)}
    if epsilon is not None:
        standing = right[~(valid & (distance <= epsilon * (1 + 1e-5)))].tolist()
        return {**answer, "count": len(standing), "standing": standing}
    distances = [d if v else None for d, v in zip(distance.tolist(), valid.tolist())]
    sorted_ = sorted(float("inf") if d is None else d for d in distances)
    median = (sorted_[(len(x) - 1) // 2] + sorted_[len(x) // 2]) / 2
    return {**answer, "found": int(valid.sum()), "median": median, "distances": distances}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network")
    parser.add_argument("--images", required=True)
    parser.add_argument("--labels", required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    classifier = OnnxModule(arguments.network).eval()
    images, labels = read(arguments.images, arguments.labels)
    for line in sys.stdin:
        if line.strip():
            print(line.strip(), json.dumps(measure(classifier, images, labels, *line.split())), flush=True)
