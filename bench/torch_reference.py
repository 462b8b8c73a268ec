"""The PyTorch side of the benchmarks: a server, so that the Node side can measure it in turn with perturb.

It loads everything, prints {"ready": true, "torch": ..., "threads": ...}, then reads one command a line from stdin and answers each
with one line of JSON: {"name", "seconds", "correct", "total" or "loss", "peak_rss_mib"}, or {"name", "error"}.

  literal N       the PyTorch FGSM tutorial's loop as it stands (batch of 1, one epsilon after another), first N test images
  tuned BATCH     the whole test set as fast as we could make PyTorch: [clean, then each epsilon]
  autograd BATCH  `tuned` with the gradient left to autograd down to the pixels
  forward BATCH   the tuned forward alone over the test set: [clean]
  train BATCH     one epoch of Adam from fresh weights, dropout active; `loss` is the mean of the last 100 steps
  quit

It never warms up: whoever measures repeats. `peak_rss_mib` is the peak since the process began: for one command's own, run it alone.
"""

import argparse
import json
import resource
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

EPSILONS = [0.05, 0.1, 0.15, 0.2, 0.25, 0.3]


class Net(nn.Module):
    """LeNet of the tutorial: pixels in [0,1], (n, 1, 28, 28) -> log-probabilities (n, 10)."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 10, kernel_size=5)
        self.conv2 = nn.Conv2d(10, 20, kernel_size=5)
        self.conv2_drop = nn.Dropout2d()
        self.fc1 = nn.Linear(320, 50)
        self.fc2 = nn.Linear(50, 10)

    def forward(self, x):
        return F.log_softmax(self.logits_from_conv1(self.conv1(x)), dim=1)

    def logits_from_conv1(self, x):
        x = F.relu(F.max_pool2d(x, 2))
        x = F.relu(F.max_pool2d(self.conv2_drop(self.conv2(x)), 2))
        x = F.relu(self.fc1(x.reshape(-1, 320)))  # reshape: channels_last has no such view
        return self.fc2(F.dropout(x, training=self.training))


def lenet(weights):
    model = Net()
    model.load_state_dict(weights)
    return model.eval()


def fgsm_attack(image, epsilon, data_grad):
    sign_data_grad = data_grad.sign()
    perturbed_image = image + epsilon * sign_data_grad
    return torch.clamp(perturbed_image, 0, 1)


def literal(model, images, labels):
    """The tutorial's test(), less its DataLoader and its list of pictures: images wait in memory, which favours PyTorch."""
    counts = []
    for epsilon in EPSILONS:
        correct = 0
        for i in range(len(images)):
            data, target = images[i : i + 1], labels[i : i + 1]
            data.requires_grad = True
            output = model(data)
            init_pred = output.max(1, keepdim=True)[1]
            if init_pred.item() != target.item():
                continue
            loss = F.nll_loss(output, target)
            model.zero_grad()
            loss.backward()
            data_grad = data.grad.data
            perturbed_data = fgsm_attack(data, epsilon, data_grad)
            output = model(perturbed_data)
            final_pred = output.max(1, keepdim=True)[1]
            correct += final_pred.item() == target.item()
        counts.append(correct)
    return counts


def eager(model, images, labels, batch):
    """The batched version as most would write it: one gradient a batch for all epsilons, forwards without autograd."""
    correct = [0] * (1 + len(EPSILONS))
    for x, y in zip(images.split(batch), labels.split(batch)):
        x = x.clone().requires_grad_()
        logits = model(x)
        (gradient,) = torch.autograd.grad(F.nll_loss(logits, y, reduction="sum"), x)
        with torch.no_grad():
            right = logits.argmax(1) == y
            x, y, sign = x[right], y[right], gradient[right].sign()
            correct[0] += len(y)
            for i, epsilon in enumerate(EPSILONS):
                correct[i + 1] += int((model(torch.clamp(x + epsilon * sign, 0, 1)).argmax(1) == y).sum())
    return correct


class Tuned:
    """Frozen weights, one gradient a batch for all epsilons, batches dealt to `threads` workers of one thread each.

    Whole batches in parallel beat two threads inside each operator: no barrier after every kernel. channels_last vectorises
    max_pool2d; optimize_for_inference keeps a forward in oneDNN's own layout throughout. What else was tried: README.md.
    """

    def __init__(self, weights, threads):
        self.model = lenet(weights).requires_grad_(False).to(memory_format=torch.channels_last)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # TorchScript: deprecated, still the fastest forward
            self.infer = torch.jit.optimize_for_inference(torch.jit.script(lenet(weights)))
        self.adjoint = strided_adjoint(weights["conv1.weight"])
        self.workers = ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,))

    def over(self, work, images, labels, batch):
        """work(x, y) gives a list of counts; their sums over all batches."""
        return [sum(column) for column in zip(*self.workers.map(work, images.split(batch), labels.split(batch)))]

    @torch.inference_mode()
    def correct(self, x, y):
        return [int((self.infer(x).argmax(1) == y).sum())]

    def fgsm(self, gradient, x, y):
        logits, g = gradient(x, y)
        with torch.inference_mode():
            right = logits.argmax(1) == y  # the others stay wrong and are not attacked
            x, y, sign = x[right], y[right], g[right].sign_()
            return sum((self.correct(torch.add(x, sign, alpha=epsilon).clamp_(0, 1), y) for epsilon in EPSILONS), [len(y)])

    def autograd(self, x, y):
        x = x.detach().requires_grad_()
        logits = self.model.logits_from_conv1(self.model.conv1(x))
        return logits, *torch.autograd.grad(F.cross_entropy(logits, y, reduction="sum"), x)

    def gradient(self, x, y):
        """Autograd down to conv1's output; conv1's own adjoint as a strided convolution, about nine times faster than autograd's."""
        h = self.model.conv1(x).requires_grad_()
        logits = self.model.logits_from_conv1(h)
        (g,) = torch.autograd.grad(F.cross_entropy(logits, y, reduction="sum"), h)
        return logits, F.pixel_shuffle(F.conv2d(g.contiguous(), self.adjoint, stride=4, padding=4), 4)


def strided_adjoint(weight, stride=4):
    """Kernel (stride², out, k+stride-1, k+stride-1): conv2d with it, padding k-1, then pixel_shuffle, is conv_transpose2d with `weight`.

    `weight` is (out, 1, k, k). A single output channel leaves 15 of 16 AVX-512 lanes idle; 4 x 4 neighbouring pixels as channels fill them.
    """
    flipped, last = weight.flip(2, 3).transpose(0, 1), stride - 1
    return torch.cat([F.pad(flipped, (x, last - x, y, last - y)) for y in range(stride) for x in range(stride)])


def train(images, labels, batch):
    torch.manual_seed(0)
    model = Net().train().to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    losses = []
    for index in torch.randperm(len(images)).split(batch):
        loss = F.nll_loss(model(images[index]), labels[index])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    return torch.stack(losses[-100:]).mean().item()


def read(images, labels):
    """IDX files -> float32 pixels in [0,1] and int64 labels, in memory."""
    pixels = torch.from_numpy(np.fromfile(images, np.uint8, offset=16).reshape(-1, 1, 28, 28))
    return pixels.float().div_(255), torch.from_numpy(np.fromfile(labels, np.uint8, offset=8)).long()


def serve(args):
    torch.set_num_threads(args.threads)
    weights = torch.load(args.weights, map_location="cpu", weights_only=True)
    test, training = read(args.images, args.labels), None
    tutorial, frozen, tuned = lenet(weights), lenet(weights).requires_grad_(False), Tuned(weights, args.threads)
    commands = {
        "literal": lambda n: {"correct": literal(tutorial, test[0][:n], test[1][:n]), "total": len(test[1][:n])},
        "tuned": lambda n: {"correct": tuned.over(lambda x, y: tuned.fgsm(tuned.gradient, x, y), *test, n), "total": len(test[1])},
        "eager": lambda n: {"correct": eager(frozen, *test, n), "total": len(test[1])},
        "autograd": lambda n: {"correct": tuned.over(lambda x, y: tuned.fgsm(tuned.autograd, x, y), *test, n), "total": len(test[1])},
        "forward": lambda n: {"correct": tuned.over(tuned.correct, *test, n), "total": len(test[1])},
        "train": lambda n: {"loss": train(*training, n)},
    }
    answer(ready=True, torch=torch.__version__.split("+")[0], threads=args.threads)
    for line in map(str.strip, sys.stdin):
        name, _, number = line.partition(" ")
        if name == "quit":
            return
        if name not in commands or not number.isdecimal() or int(number) < 1:
            answer(name=name, error=f"got {line!r}: want quit, or {', '.join(commands)} and a positive integer")
            continue
        if name == "train" and training is None:
            training = read(args.train_images, args.train_labels)  # only now: its 188 MB are no part of the others' peak
        start = time.perf_counter()
        result = commands[name](int(number))
        seconds = time.perf_counter() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
        answer(name=name, seconds=seconds, **result, peak_rss_mib=peak)


def answer(**fields):
    print(json.dumps(fields), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for option in ("--weights", "--images", "--labels", "--train-images", "--train-labels"):
        parser.add_argument(option, required=True, metavar="FILE")
    parser.add_argument("--threads", type=int, default=2)
    serve(parser.parse_args())
