import { PerturbError } from "../../errors.ts";
import { option } from "../../option.ts";
import type { ChannelOrder } from "../classifier/preprocess.ts";

/** How values between pixels are found. */
export type Interpolation = "nearest" | "bilinear" | "bicubic" | "lanczos";

/** What is done to a picture before it has the size of the network's input. */
export interface PictureSteps {
  /** The shorter side, as torchvision's Resize takes it, or [height, width]. */
  readonly resize?: number | readonly [number, number] | undefined;
  /** By default bilinear. */
  readonly interpolation?: Interpolation | undefined;
  /** By default true, as Pillow does it. */
  readonly antialias?: boolean | undefined;
  /** The side of the square that is cut from the middle, or [height, width]. */
  readonly crop?: number | readonly [number, number] | undefined;
  /**
   * Where the middle begins if it lies between two pixels: "even" as torchvision rounds, or "down" as transformers cuts. By default
   * "even".
   */
  readonly cropRounding?: CropRounding | undefined;
}
export type CropRounding = "even" | "down";

/** What a report says of it. `perturbed`: whether the picture at its own size is attacked, measured and bounded, or what the network gets. */
export interface PictureFacts {
  readonly perturbed: boolean;
  /** The shorter side, or [height, width]. */
  readonly resize?: number | readonly [number, number];
  readonly interpolation?: Interpolation;
  readonly antialias?: boolean;
  /** The side of a square from the middle, or [height, width]. */
  readonly crop?: number | readonly [number, number];
  /** Where the middle begins if it lies between two pixels: at the one before; else as torchvision rounds. */
  readonly cropRounding?: "down";
}

/**
 * What a model's pipeline does to a picture: it is decoded, resized and cropped where the data is read, and (scale · pixel -
 * mean) / std is put in front of the network, of pixels from 0 to 1 and in the order of its channels.
 */
export interface Preprocessing extends PictureSteps {
  readonly scale?: number | undefined;
  readonly mean?: readonly number[] | undefined;
  readonly std?: readonly number[] | undefined;
  readonly channels?: ChannelOrder | undefined;
}

const IMAGENET = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } as const;

/** Preprocessings by name. */
export const preprocessings = {
  /** torchvision's weights of 2015 to 2021, and most of its like. */
  imagenet: { resize: 256, interpolation: "bilinear", crop: 224, ...IMAGENET },
  /** timm's evaluation by default: crop_pct 0.875. */
  timm: { resize: 256, interpolation: "bicubic", crop: 224, ...IMAGENET },
  /** OpenAI's CLIP, at 224. */
  clip: {
    resize: 224,
    interpolation: "bicubic",
    crop: 224,
    mean: [0.48145466, 0.4578275, 0.40821073],
    std: [0.26862954, 0.26130258, 0.27577711],
  },
  /** The three modes of keras.applications.imagenet_utils.preprocess_input, which neither resize nor crop. */
  "keras-caffe": { channels: "bgr", scale: 255, mean: [103.939, 116.779, 123.68] },
  "keras-tf": { mean: [0.5], std: [0.5] },
  "keras-torch": IMAGENET,
} as const satisfies Readonly<Record<string, Preprocessing>>;

export type PreprocessingName = keyof typeof preprocessings;

/** The part that is done to pictures; undefined where there is none. @throws usage for sizes that cannot be */
export function pictureSteps({
  resize,
  interpolation,
  antialias,
  crop,
  cropRounding,
}: Preprocessing): PictureSteps | undefined {
  if (resize === undefined && crop === undefined) {
    if (interpolation === undefined && antialias === undefined) return undefined;
    const name = interpolation === undefined ? "preprocessing.antialias" : "preprocessing.interpolation";
    throw new PerturbError(
      "usage",
      `${option(name)} is how pictures are resized. Give the size too (${option("preprocessing.resize")}).`,
    );
  }
  checkSize("preprocessing.resize", resize);
  checkSize("preprocessing.crop", crop);
  return { resize, interpolation, antialias, crop, ...(cropRounding !== undefined && { cropRounding }) };
}

function checkSize(name: "preprocessing.resize" | "preprocessing.crop", size: PictureSteps["resize"]): void {
  const sides = size === undefined ? [] : typeof size === "number" ? [size] : size;
  if (sides.every((side) => Number.isInteger(side) && side >= 1 && side <= 8192)) return;
  throw new PerturbError("usage", `${option(name)} takes whole numbers from 1 to 8192, got ${sides.join(" × ")}.`);
}

/** "resized to 256 (shorter side, bicubic) and cropped to 224 × 224" */
export function pictureWords({ resize, interpolation = "bilinear", antialias = true, crop }: PictureSteps): string {
  const how = `${interpolation}${antialias ? "" : ", without antialias"}`;
  return [
    ...(resize === undefined
      ? []
      : [
          typeof resize === "number"
            ? `resized to ${resize} (shorter side, ${how})`
            : `resized to ${resize[0]} × ${resize[1]} (${how})`,
        ]),
    ...(crop === undefined ? [] : [`cropped to ${typeof crop === "number" ? `${crop} × ${crop}` : crop.join(" × ")}`]),
  ].join(" and ");
}

/** All of it: "pictures resized to 256 (shorter side, bilinear); pixels from 0 to 1 minus 0.5, divided by 0.25" */
export function preprocessingWords({ scale, mean, std, channels, ...steps }: Preprocessing): string {
  const pictures = pictureWords(steps);
  const values = [
    ...(channels === "bgr" ? ["in the order BGR"] : []),
    ...(scale === undefined ? [] : [`times ${scale}`]),
    ...(mean === undefined ? [] : [`minus ${mean.join(", ")}`]),
    ...(std === undefined ? [] : [`divided by ${std.join(", ")}`]),
  ];
  return [
    ...(pictures ? [`pictures ${pictures}`] : []),
    ...(values.length > 0 ? [`pixels from 0 to 1 ${values.join(", ")}`] : []),
  ].join("; ");
}
