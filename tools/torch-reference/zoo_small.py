"""Small networks of each family, exported at every opset; some are kept as test/fixtures/onnx."""
from functools import partial

import torch
import torch.nn.functional as F
import zoo_torchvision  # Before torchvision itself: see there.
from torch import nn
from torchvision import models as tv
from torchvision.models.convnext import CNBlockConfig, ConvNeXt
from torchvision.models.efficientnet import EfficientNet, FusedMBConvConfig, MBConvConfig
from torchvision.models.maxvit import MaxVit
from torchvision.models.mobilenetv3 import InvertedResidualConfig, MobileNetV3
from torchvision.models.resnet import BasicBlock, ResNet
from torchvision.models.shufflenetv2 import ShuffleNetV2
from torchvision.models.swin_transformer import SwinTransformer, SwinTransformerBlockV2, PatchMergingV2

assert zoo_torchvision


class TinyResNet(ResNet):
    """Its stem and its blocks with 8 and 16 channels."""

    def __init__(self):
        super().__init__(BasicBlock, [1, 1, 1, 1], num_classes=10)
        self.conv1 = nn.Conv2d(3, 8, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(8)
        self.inplanes = 8
        self.layer1 = self._make_layer(BasicBlock, 8, 1)
        self.layer2 = self._make_layer(BasicBlock, 16, 1, stride=2)
        self.layer3 = self.layer4 = nn.Identity()
        self.fc = nn.Linear(16, 10)


class Inception(nn.Module):
    """Branches of different windows, pooled and joined, as in GoogLeNet and Inception v3, with its factored windows."""

    def __init__(self):
        super().__init__()
        conv = lambda i, o, k, **more: nn.Sequential(nn.Conv2d(i, o, k, bias=False, **more), nn.BatchNorm2d(o, eps=0.001), nn.ReLU())
        self.stem = conv(3, 8, 3, stride=2)
        self.one = conv(8, 6, 1)
        self.factored = nn.Sequential(conv(8, 6, 1), conv(6, 6, (1, 7), padding=(0, 3)), conv(6, 6, (7, 1), padding=(3, 0)))
        self.split = conv(8, 6, 1)
        self.wide, self.high = conv(6, 4, (1, 3), padding=(0, 1)), conv(6, 4, (3, 1), padding=(1, 0))
        self.pooled = conv(8, 4, 1)
        self.head = nn.Linear(24, 10)

    def forward(self, x):
        x = F.max_pool2d(self.stem(x * 2 - 1), 3, stride=2, ceil_mode=True)
        split = self.split(x)
        pooled = self.pooled(F.avg_pool2d(x, 3, stride=1, padding=1))
        x = torch.cat([self.one(x), self.factored(x), self.wide(split), self.high(split), pooled], 1)
        return self.head(F.adaptive_avg_pool2d(x, (1, 1)).flatten(1))


class Recurrent(nn.Module):
    """The rows of an image, read by an LSTM and a GRU."""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(12, 10, batch_first=True, bidirectional=True)
        self.gru = nn.GRU(20, 12, batch_first=True)
        self.head = nn.Linear(12, 10)

    def forward(self, x):
        return self.head(self.gru(self.lstm(x.flatten(1, 2).transpose(1, 2))[0])[0][:, -1])


def swin(block=None, merge=None):
    more = {} if block is None else {"block": block, "downsample_layer": merge}
    return SwinTransformer([2, 2], embed_dim=8, depths=[2], num_heads=[2], window_size=[2, 2], num_classes=10, **more)


def mobilenet():
    bottleneck = partial(InvertedResidualConfig, width_mult=0.5)
    settings = [
        bottleneck(16, 3, 16, 16, True, "RE", 2, 1),
        bottleneck(16, 5, 32, 24, True, "HS", 2, 1),
        bottleneck(24, 5, 48, 24, True, "HS", 1, 1),
    ]
    return MobileNetV3(settings, 32, num_classes=10)


def efficientnet():
    settings = [FusedMBConvConfig(2, 3, 1, 8, 8, 1), MBConvConfig(3, 3, 2, 8, 12, 1), MBConvConfig(2, 5, 1, 12, 12, 1)]
    return EfficientNet(settings, 0.2, num_classes=10, last_channel=32)


def shufflenet():
    model = ShuffleNetV2([1, 2, 1], [8, 16, 16, 16, 32], num_classes=10)
    return model


def convnext():
    return ConvNeXt([CNBlockConfig(8, 16, 1), CNBlockConfig(16, None, 1)], num_classes=10)


def maxvit():
    return MaxVit((64, 64), 8, 4, [8, 16], [1, 1], 4, 0.0, num_classes=10)


def vit():
    return tv.VisionTransformer(32, 8, 2, 2, 16, 32, num_classes=10)


def models():
    image = (3, 32, 32)
    return {
        "resnet": (TinyResNet, image),
        "mobilenet_v3": (mobilenet, image),
        "efficientnet": (efficientnet, image),
        "shufflenet": (shufflenet, image),
        "inception": (Inception, (3, 21, 21)),
        "convnext": (convnext, image),
        "swin": (swin, (3, 8, 8)),
        "swin_v2": (partial(swin, SwinTransformerBlockV2, PatchMergingV2), (3, 8, 8)),
        "maxvit": (maxvit, (3, 64, 64)),
        "vit": (vit, image),
        "recurrent": (Recurrent, (1, 12, 9)),
    }
