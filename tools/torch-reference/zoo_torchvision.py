"""Every classification family of torchvision."""
import torch

# A CPU build of torch does not load the compiled operators of the package on PyPI; no classifier needs them.
_operators = torch.library.Library("torchvision", "FRAGMENT")
for _name in ("nms", "qnms"):
    try:
        _operators.define(f"{_name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    except RuntimeError:
        pass

NAMES = (
    "alexnet", "vgg11_bn", "resnet18", "resnet50", "resnext50_32x4d", "wide_resnet50_2", "densenet121", "googlenet", "inception_v3",
    "squeezenet1_0", "squeezenet1_1", "mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large", "mnasnet0_5", "shufflenet_v2_x0_5",
    "shufflenet_v2_x1_0", "efficientnet_b0", "efficientnet_v2_s", "regnet_x_400mf", "regnet_y_400mf", "convnext_tiny", "vit_b_32",
    "swin_t", "swin_v2_t", "maxvit_t",
)  # fmt: skip
# The older exporter pools to a size only where it divides the image.
SIZES = {"alexnet": 224, "inception_v3": 96, "squeezenet1_0": 80, "squeezenet1_1": 80, "maxvit_t": 224}
MORE = {
    "googlenet": {"aux_logits": False, "init_weights": True, "transform_input": True},
    "inception_v3": {"aux_logits": False, "init_weights": True, "transform_input": True},
    "vit_b_32": {"image_size": 64},
}


def models():
    from torchvision.models import get_model

    def make(name):
        model = get_model(name, num_classes=10, **MORE.get(name, {}))
        if name == "vgg11_bn":
            # For small images, as above.
            model.avgpool = torch.nn.AdaptiveAvgPool2d(2)
            model.classifier[0] = torch.nn.Linear(512 * 2 * 2, 4096)
        return model

    def entry(name):
        size = SIZES.get(name, 64)
        return lambda: make(name), (3, size, size)

    return {name: entry(name) for name in NAMES}
