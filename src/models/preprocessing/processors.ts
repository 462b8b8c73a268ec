/** What a class of transformers does where a configuration leaves a field out, and how it reads what is there. */
export interface Processor {
  /** The shorter side, or [height, width]; undefined where versions differ, as for all else here. */
  readonly size?: number | readonly [number, number];
  /** Whether one number is the side of a square, or else the shorter side. */
  readonly isSquare?: boolean;
  /** Pillow's number of the filter. */
  readonly resample?: number;
  /** The side of the crop where it is done by default; false where it is not; null for a class that never crops. */
  readonly crop?: number | false | null;
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
  /** Channels are turned to BGR by default, and nothing is normalised. */
  readonly isTurned?: boolean;
  /** How the size is read, where it is not the size. */
  readonly rule?: "convnext" | "poolformer" | "levit";
  /** Of the size. */
  readonly cropShare?: number;
  /** After all else, divided by std once more by default. */
  readonly isDividedTwice?: boolean;
}

const HALF = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] } as const;
export const IMAGENET = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } as const;
const CLIP = { mean: [0.48145466, 0.4578275, 0.40821073], std: [0.26862954, 0.26130258, 0.27577711] } as const;
const [BILINEAR, BICUBIC] = [2, 3] as const;

const likeClip: Processor = { size: 224, isSquare: false, resample: BICUBIC, crop: 224, ...CLIP };
const likeVit: Processor = { size: [224, 224], isSquare: true, resample: BILINEAR, crop: null, ...HALF };
const likeMobileNet: Processor = { size: 256, isSquare: false, resample: BILINEAR, crop: 224, ...HALF };

/**
 * The classes for classifiers, by name without "ImageProcessor": those of transformers 4.57.1 and of 5.24.0, as far as they agree.
 * Pvt, ConvNext, EfficientNet and MobileViT took another filter in between.
 */
export const processors: Readonly<Record<string, Processor>> = {
  // Size and crop changed.
  Beit: { isSquare: true, resample: BICUBIC, ...HALF },
  Bit: likeClip,
  Blip: { ...likeVit, size: [384, 384], resample: BICUBIC, ...CLIP },
  ChineseCLIP: likeClip,
  CLIP: likeClip,
  ConvNext: {
    size: 384,
    isSquare: false,
    crop: null,
    rule: "convnext",
    cropShare: 224 / 256,
    ...HALF,
  },
  DeiT: { size: [256, 256], isSquare: true, resample: BICUBIC, crop: 224, ...HALF },
  EfficientFormer: { size: [224, 224], isSquare: true, resample: BICUBIC, crop: 224, ...IMAGENET },
  EfficientNet: {
    size: [346, 346],
    isSquare: true,
    crop: false,
    isDividedTwice: true,
    ...HALF,
  },
  Levit: { size: 224, isSquare: false, resample: BICUBIC, crop: 224, rule: "levit", ...IMAGENET },
  MobileNetV1: likeMobileNet,
  MobileNetV2: likeMobileNet,
  MobileViT: { size: 224, isSquare: false, crop: 256, isTurned: true },
  PoolFormer: {
    size: 224,
    isSquare: false,
    resample: BICUBIC,
    crop: 224,
    rule: "poolformer",
    cropShare: 0.9,
    ...IMAGENET,
  },
  Pvt: { size: [224, 224], isSquare: true, crop: null, ...IMAGENET },
  Segformer: { ...likeVit, size: [512, 512], ...IMAGENET },
  Siglip: { size: [224, 224], isSquare: false, resample: BICUBIC, crop: null, ...HALF },
  ViT: likeVit,
  ViTHybrid: likeClip,
};

/** Classes that do something else with the same fields. */
export const OTHERWISE: readonly string[] = ["Perceiver", "DINOv3ViT", "Vivit", "VideoMAE", "ImageGPT", "Pix2Struct"];

const MODELS: Readonly<Record<string, string>> = {
  ViT: "vit vit_mae vit_msn swin swinv2 swiftformer dinat nat ijepa",
  ConvNext: "convnext convnextv2 cvt regnet resnet van",
  Bit: "bit dinov2 dinov2_with_registers focalnet hiera",
  Beit: "beit data2vec-vision",
  CLIP: "clip clip_vision_model",
  DeiT: "deit",
  EfficientFormer: "efficientformer",
  EfficientNet: "efficientnet",
  Levit: "levit",
  MobileNetV1: "mobilenet_v1",
  MobileNetV2: "mobilenet_v2",
  MobileViT: "mobilevit mobilevitv2",
  PoolFormer: "poolformer",
  Pvt: "pvt pvt_v2",
  Segformer: "segformer",
  Siglip: "siglip siglip_vision_model",
  ViTHybrid: "vit_hybrid",
};

/** The class that transformers takes for a model_type, where a configuration names none. */
export const processorFor = (modelType: unknown): string | undefined =>
  typeof modelType === "string"
    ? Object.keys(MODELS).find((name) => MODELS[name]!.split(" ").includes(modelType))
    : undefined;
