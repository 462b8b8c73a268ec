"""Image classifiers of transformers, made small by their configuration."""
import zoo_torchvision  # Before torchvision, which transformers imports: see there.

assert zoo_torchvision

VIT = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64, "image_size": 64}
STAGES = {"depths": [1, 1, 1, 1], "hidden_sizes": [16, 24, 32, 48]}
SWIN = {"image_size": 64, "embed_dim": 16, "depths": [2, 2], "num_heads": [2, 2], "window_size": 4}
PYRAMID = {**STAGES, "num_attention_heads": [1, 2, 2, 4], "hidden_sizes": [16, 24, 32, 48]}

CONFIGS = {
    "beit": {**VIT, "use_relative_position_bias": True, "layer_scale_init_value": 0.5},
    "bit": {**STAGES, "embedding_size": 16, "num_groups": 8, "hidden_sizes": [16, 32, 48, 64]},
    "clip": {"vision_config": {**VIT, "patch_size": 16}},
    "convnext": STAGES,
    "convnextv2": STAGES,
    "cvt": {"embed_dim": [16, 32, 48], "num_heads": [1, 2, 3], "depth": [1, 2, 3]},
    "data2vec-vision": {**VIT, "use_relative_position_bias": True},
    "deit": VIT,
    "dinov2": {**VIT, "patch_size": 16, "image_size": 64},
    "dinov2_with_registers": {**VIT, "image_size": 64},
    "donut-swin": SWIN,
    "efficientnet": {"image_size": 64, "width_coefficient": 0.25, "depth_coefficient": 0.5, "hidden_dim": 320},
    "focalnet": {"image_size": 64, "embed_dim": 16, "depths": [1, 1], "hidden_sizes": [16, 32], "focal_levels": [2, 2], "focal_windows": [3, 3]},
    "hgnet_v2": {"stage_num_blocks": [1, 1, 1, 1]},
    "hiera": {"image_size": [64, 64], "embed_dim": 16, "depths": [1, 1, 2, 1], "num_heads": [1, 2, 2, 4]},
    "ijepa": VIT,
    "levit": {
        "image_size": 64, "hidden_sizes": [32, 48, 64], "num_attention_heads": [2, 3, 4], "depths": [1, 1, 1],
        "down_ops": [["Subsample", 16, 2, 4, 2, 2], ["Subsample", 16, 3, 4, 2, 2]],
    },
    "metaclip_2": {"vision_config": {**VIT, "patch_size": 16}},
    "mobilenet_v1": {"image_size": 64, "depth_multiplier": 0.25},
    "mobilenet_v2": {"image_size": 64, "depth_multiplier": 0.25},
    "mobilevit": {"image_size": 64, "hidden_sizes": [24, 32, 40], "neck_hidden_sizes": [8, 12, 16, 20, 24, 28, 80]},
    "mobilevitv2": {"image_size": 64, "width_multiplier": 0.5},
    "perceiver": {"num_latents": 8, "d_latents": 32, "num_self_attends_per_block": 2, "num_self_attention_heads": 2, "num_cross_attention_heads": 1},
    "poolformer": STAGES,
    "pvt": {"image_size": 64, **PYRAMID},
    "pvt_v2": {"image_size": [64, 64], **PYRAMID},
    "regnet": {**STAGES, "embedding_size": 16, "groups_width": 8},
    "resnet": {**STAGES, "embedding_size": 16, "layer_type": "bottleneck"},
    "segformer": PYRAMID,
    "siglip": {"vision_config": {**VIT, "patch_size": 16}},
    "swiftformer": {"image_size": 64, "depths": [1, 1, 1, 1], "embed_dims": [16, 24, 32, 48]},
    "swin": SWIN,
    "swinv2": SWIN,
    "textnet": {"image_size": [64, 64], "hidden_sizes": [16, 16, 24, 32, 40], "stem_out_channels": 16},
    "vit": VIT,
    "vit_msn": VIT,
}  # fmt: skip

# Of several image classifiers of a kind.
ARCHITECTURES = {
    "deit": "DeiTForImageClassification",
    "levit": "LevitForImageClassification",
    "perceiver": "PerceiverForImageClassificationConvProcessing",
}


def models():
    from transformers import AutoConfig, AutoModelForImageClassification

    def entry(kind, more):
        def make():
            config = AutoConfig.for_model(kind, num_labels=10, architectures=[ARCHITECTURES.get(kind)], **more)
            return AutoModelForImageClassification.from_config(config)

        return make, (3, 224, 224) if kind == "perceiver" else (3, 64, 64)

    return {kind: entry(kind, more) for kind, more in CONFIGS.items()}
