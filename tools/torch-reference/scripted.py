"""A scripted classifier with an if on a shape, loops and lists: test/fixtures/onnx/scripted.{onnx,npz}.

python scripted.py FOLDER
"""

import sys
import warnings
from pathlib import Path
from typing import List

import numpy as np
import torch
from torch import Tensor, nn


class Scripted(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(12, 12)
        self.last = nn.Linear(12, 4)

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[1] == 1:
            h = x.squeeze(1).flatten(1)
        else:
            h = x.mean(1).flatten(1)
        i = 0
        while i < 2:
            h = h + torch.tanh(self.first(h))
            i += 1
        columns: List[Tensor] = []
        for j in range(h.shape[1]):
            columns.append(torch.sigmoid(h[:, j]) * (j + 1))
        a, b, c = torch.split(torch.stack(columns, 1), 4, dim=1)
        return self.last(torch.cat([c, a * b, b], 1))


def main(folder):
    warnings.simplefilter("ignore")
    torch.manual_seed(0)
    model = Scripted().eval()
    x = torch.randn(3, 1, 3, 4, requires_grad=True)
    y = torch.tensor([1, 3, 0])
    logits = model(x)
    nn.functional.cross_entropy(logits, y, reduction="sum").backward()
    np.savez(folder / "scripted.npz", x=x.detach(), y=y, logits=logits.detach(), grad=x.grad)
    names = {"input_names": ["input"], "output_names": ["output"], "dynamic_axes": {"input": {0: "n"}}}
    torch.onnx.export(torch.jit.script(model), (x,), folder / "scripted.onnx", dynamo=False, opset_version=13, **names)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
