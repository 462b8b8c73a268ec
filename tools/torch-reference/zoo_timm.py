"""One small model of every module of timm that classifies images: (name, pixels; None for the model's own)."""
import zoo_torchvision  # Before torchvision, which timm imports: see there.

assert zoo_torchvision

NAMES = {
    "test_byobnet": 64, "test_convnext": 64, "test_convnext2": 64, "test_efficientnet": 64, "test_efficientnet_evos": 64,
    "test_efficientnet_gn": 64, "test_efficientnet_ln": 64, "test_mambaout": 64, "test_nfnet": 64, "test_resnet": 64,
    "test_coatnet": None, "test_maxvit": None, "test_vit": None, "test_vit2": None, "test_vit3": None, "test_vit4": None,
    "test_vit_relpos": None, "lcnet_035": 64, "mobilenetv3_small_050": 64, "mobilenetv4_conv_small_035": 64,
    "starnet_s050": 64, "dla46x_c": 64, "repghostnet_050": 64, "edgenext_xx_small": 64, "mobilevit_xxs": 64,
    "mobilevitv2_050": 64, "ghostnet_050": 64, "ese_vovnet19b_slim_dw": 64, "efficientvit_b0": 64, "efficientvit_m0": None,
    "regnetx_002": 64, "regnety_002": 64, "cspnext_tiny": 64, "fasternet_t0": 64, "iformer_t": None, "cs3darknet_focus_s": 64,
    "lcnetv2_small": 64, "xcit_nano_12_p16_224": None, "swiftformer_xs": None, "inception_next_atto": 64,
    "efficientformerv2_s0": None, "fastvit_t8": 64, "pvt_v2_b0": 64, "rexnet_100": 64, "mobileone_s1": 64, "hardcorenas_b": 64,
    "hgnetv2_b0": 64, "pit_ti_224": None, "pit_ti_distilled_224": None, "repvit_m0_9": 64, "cpubone_nano": 64,
    "tiny_vit_5m_224": None, "coat_lite_tiny": None, "convit_tiny": None, "deit_tiny_patch16_224": None,
    "deit_tiny_distilled_patch16_224": None, "eva02_tiny_patch14_224": None, "gmlp_ti16_224": None, "efficientvim_m1": 64,
    "shvit_s1": 64, "vit_tiny_r_s16_p8_224": None, "crossvit_tiny_240": None, "densenet121": 64, "levit_128s": None,
    "levit_conv_128s": None, "halonet_h1": None, "eca_botnext26ts_256": None, "dpn48b": 64, "resnest14d": 64,
    "visformer_tiny": None, "hrnet_w18_small": 64, "resnetv2_18": 64, "legacy_seresnet18": 64, "efficientformer_l1": None,
    "poolformerv2_s12": 64, "poolformer_s12": 64, "gcvit_xxtiny": None, "skresnet18": 64, "cait_xxs24_224": None,
    "mixer_s32_224": None, "gmixer_12_224": None, "lowformer_b0": 64, "nest_tiny": None, "convmixer_768_32": 64,
    "inception_v3": 96, "vitamin_small_224": None, "rdnet_tiny": 64, "res2net50_14w_8s": 64, "mvitv2_tiny": None,
    "tnt_s_patch16_224": None, "twins_svt_small": None, "twins_pcpvt_small": None, "xception41p": 64, "legacy_xception": 96,
    "volo_d1_224": None, "hiera_tiny_224": None, "sequencer2d_s": None, "swin_tiny_patch4_window7_224": None,
    "swin_s3_tiny_224": None, "swinv2_tiny_window8_256": None, "swinv2_cr_tiny_224": None, "davit_tiny": 64,
    "focalnet_tiny_srf": 64, "selecsls42": 64, "tresnet_m": 64, "nextvit_small": 64, "inception_v4": 96,
    "inception_resnet_v2": 96, "wide_resnet50_2": 64, "resnet50c": 64, "seresnet50t": 64, "ecaresnet26t": 64, "resnetblur50": 64,
    "resnetaa50": 64, "gcresnet33ts": 64, "nf_regnet_b0": 64, "eca_nfnet_l0": 64, "beit_base_patch16_224": None,
}  # fmt: skip


def models():
    import timm

    def entry(name, pixels):
        config = timm.get_pretrained_cfg(name)
        shape = (3, pixels, pixels) if pixels else tuple(config.input_size)
        return lambda: timm.create_model(name, num_classes=10), shape

    known = set(timm.list_models())
    return {name: entry(name, pixels) for name, pixels in NAMES.items() if name in known}
