"""A photo pipeline for run.sh: pictures of coloured shapes in JPEGs of many sizes, a small MobileNetV2 of torchvision that learns
them behind Resize, CenterCrop and ImageNet's normalization, and what that pipeline says of files.

  photo.py make DIR            the pictures, net.onnx, net.pt, and clean.json with the counts of each folder
  photo.py count DIR FOLDER…   of each folder of class folders, "correct of total" through torchvision's pipeline
"""

import json
import random
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw

# Where torchvision's own operators do not load, their descriptions would stop the import; none is used here.
described = torch.library.register_fake
torch.library.register_fake = lambda name, *rest, **more: (
    (lambda work: work) if str(name).startswith("torchvision::") else described(name, *rest, **more)
)
from torchvision.datasets import ImageFolder
from torchvision.models.mobilenetv2 import MobileNetV2
from torchvision.ops.misc import Conv2dNormActivation
from torchvision.transforms import CenterCrop, Compose, Normalize, Resize, ToTensor

CLASSES = ["circle", "cross", "square", "triangle"]
SIZES = [(96, 80), (72, 110), (120, 90), (64, 64), (201, 150), (75, 72)]
PIPELINE = Compose([Resize(72), CenterCrop(64), ToTensor(), Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])])


def picture(label, size, rng):
    width, height = size
    back = np.array([rng.randrange(256) for _ in range(3)])
    while True:
        front = np.array([rng.randrange(256) for _ in range(3)])
        if np.abs(front - back).sum() > 200:
            break
    image = Image.new("RGB", size, tuple(int(v) for v in back))
    draw = ImageDraw.Draw(image)
    r = min(size) * rng.uniform(0.2, 0.34)
    x, y = (side / 2 + rng.uniform(-0.1, 0.1) * min(size) for side in size)
    fill = tuple(int(v) for v in front)
    if label == 0:
        draw.ellipse([x - r, y - r, x + r, y + r], fill=fill)
    elif label == 1:
        draw.rectangle([x - r, y - r / 3, x + r, y + r / 3], fill=fill)
        draw.rectangle([x - r / 3, y - r, x + r / 3, y + r], fill=fill)
    elif label == 2:
        draw.rectangle([x - r * 0.9, y - r * 0.9, x + r * 0.9, y + r * 0.9], fill=fill)
    else:
        draw.polygon([(x, y - r), (x - r, y + r * 0.8), (x + r, y + r * 0.8)], fill=fill)
    noise = np.random.default_rng(rng.randrange(2**32)).normal(0, 22, (height, width, 3))
    return Image.fromarray(np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8))


def network():
    setting = [[1, 8, 1, 1], [4, 12, 1, 2], [4, 16, 1, 2]]
    net = MobileNetV2(num_classes=len(CLASSES), inverted_residual_setting=setting, dropout=0.0)
    # The 1280 channels of its end are for a thousand classes.
    net.features[0] = Conv2dNormActivation(3, 8, stride=2, activation_layer=torch.nn.ReLU6)
    net.features[1] = MobileNetV2(inverted_residual_setting=[[1, 8, 1, 1]]).features[1].__class__(8, 8, 1, 1)
    net.features[-1] = Conv2dNormActivation(16, 32, kernel_size=1, activation_layer=torch.nn.ReLU6)
    net.classifier[1] = torch.nn.Linear(32, len(CLASSES))
    return net


def make(root):
    rng = random.Random(1)
    torch.manual_seed(1)
    torch.set_num_threads(1)
    for size in SIZES:
        for label, name in enumerate(CLASSES):
            folder = root / "{}x{}".format(*size) / name
            folder.mkdir(parents=True)
            for i in range(10):
                picture(label, size, rng).save(folder / f"{i}.jpg", quality=92)
    net = network()
    samples = [(PIPELINE(picture(i % 4, rng.choice(SIZES), rng)), i % 4) for i in range(1600)]
    x, y = torch.stack([s for s, _ in samples]), torch.tensor([label for _, label in samples])
    steps = 16 * 25
    optimizer = torch.optim.AdamW(net.parameters(), lr=4e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 8e-3, steps)
    for _ in range(steps // 25):
        for rows in torch.randperm(len(x)).split(64):
            loss = torch.nn.functional.cross_entropy(net(x[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    net.eval()
    torch.save(net.state_dict(), root / "net.pt")
    torch.onnx.export(
        net, (torch.zeros(1, 3, 64, 64),), root / "net.onnx", dynamo=False, opset_version=17,
        input_names=["pixels"], output_names=["scores"], dynamic_axes={"pixels": {0: "n"}, "scores": {0: "n"}},
    )
    counts = {"{}x{}".format(*size): count(net, root / "{}x{}".format(*size)) for size in SIZES}
    (root / "clean.json").write_text(json.dumps(counts))
    for name, (correct, total) in counts.items():
        print(f"{name}: {correct} of {total}")


@torch.no_grad()
def count(net, folder):
    """Of class folders that are named as classes or by their numbers."""
    data = ImageFolder(folder, PIPELINE)
    labels = [CLASSES.index(name) if name in CLASSES else int(name) for name in data.classes]
    correct = sum(int(net(x[None]).argmax()) == labels[y] for x, y in data)
    return correct, len(data)


if __name__ == "__main__":
    command, root, *folders = sys.argv[1:]
    if command == "make":
        make(Path(root))
    else:
        net = network()
        net.load_state_dict(torch.load(Path(root) / "net.pt"))
        net.eval()
        for folder in folders:
            print("{} of {}".format(*count(net, folder)))
