"""Makes the fixture of a recurrent classifier: python lstm_fixture.py FOLDER, which is test/fixtures/onnx.

lstm.onnx reads an image row by row, in both directions; its batch is open, its sequence length fixed. lstm.npz holds x, y,
torch's logits, and grad, the gradient of each sample's cross-entropy by x.
"""
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn


class Rows(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(28, 12, batch_first=True, bidirectional=True)
        self.fc = nn.Linear(24, 10)

    def forward(self, x):
        return self.fc(self.lstm(x.squeeze(1))[0].mean(1))


def main(folder):
    torch.manual_seed(0)
    model = Rows().eval()
    x = torch.rand(3, 1, 28, 28).requires_grad_()
    y = torch.tensor([7, 2, 1])
    logits = model(x)
    (grad,) = torch.autograd.grad(F.cross_entropy(logits, y, reduction="sum"), x)
    values = {"x": x, "y": y, "logits": logits, "grad": grad}
    np.savez(folder / "lstm.npz", **{name: value.detach().numpy() for name, value in values.items()})
    torch.onnx.export(
        model,
        (x.detach(),),
        folder / "lstm.onnx",
        dynamo=False,
        opset_version=14,
        input_names=["image"],
        output_names=["logits"],
        dynamic_axes={"image": {0: "N"}, "logits": {0: "N"}},
    )


main(Path(sys.argv[1]))
