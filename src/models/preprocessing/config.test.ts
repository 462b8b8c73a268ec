import { expect, it } from "vitest";
import { failure } from "../../../test/support/datasets.ts";
import { preprocessingIn } from "./config.ts";
import { type Preprocessing, pictureSteps, pictureWords, preprocessings } from "./preprocessing.ts";

const HALF = [0.5, 0.5, 0.5];
const IMAGENET = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
const named = { image_mean: IMAGENET.mean, image_std: IMAGENET.std };

it.each<[string, object, Preprocessing]>([
  [
    "ViT of transformers",
    {
      do_normalize: true,
      do_resize: true,
      image_mean: HALF,
      image_std: HALF,
      resample: 2,
      size: { height: 224, width: 224 },
      rescale_factor: 0.00392156862745098,
    },
    { resize: [224, 224], interpolation: "bilinear", mean: HALF, std: HALF },
  ],
  [
    "CLIP of transformers",
    {
      crop_size: { height: 224, width: 224 },
      do_center_crop: true,
      do_resize: true,
      do_normalize: true,
      resample: 3,
      size: { shortest_edge: 224 },
      ...named,
    },
    { resize: 224, interpolation: "bicubic", crop: [224, 224], ...IMAGENET },
  ],
  [
    "one of before sizes had names",
    { do_resize: true, size: 256, do_center_crop: true, crop_size: 224, ...named },
    { resize: 256, interpolation: "bilinear", crop: [224, 224], ...IMAGENET },
  ],
  [
    "ConvNeXT, small",
    { do_resize: true, size: { shortest_edge: 224 }, crop_pct: 0.875, resample: 3, do_normalize: true, ...named },
    { resize: 256, interpolation: "bicubic", crop: 224, ...IMAGENET },
  ],
  [
    "ConvNeXT, large",
    { do_resize: true, size: { shortest_edge: 384 }, crop_pct: 0.875, resample: 3, do_normalize: true, ...named },
    { resize: [384, 384], interpolation: "bicubic", ...IMAGENET },
  ],
  [
    "MobileViT: BGR from 0 to 1",
    {
      do_resize: true,
      size: { shortest_edge: 288 },
      do_center_crop: true,
      crop_size: { height: 256, width: 256 },
      do_flip_channel_order: true,
      do_normalize: false,
      resample: 2,
    },
    { resize: 288, interpolation: "bilinear", crop: [256, 256], channels: "bgr" },
  ],
  [
    "pixels that are not rescaled",
    { do_resize: false, do_rescale: false, do_normalize: true, image_mean: [127.5], image_std: [127.5] },
    { scale: 255, mean: [127.5], std: [127.5] },
  ],
  [
    "timm",
    {
      architecture: "resnet50",
      pretrained_cfg: {
        input_size: [3, 224, 224],
        interpolation: "bicubic",
        crop_pct: 0.95,
        crop_mode: "center",
        ...IMAGENET,
      },
    },
    { resize: 235, interpolation: "bicubic", crop: [224, 224], ...IMAGENET },
  ],
  [
    "timm, squashed",
    { input_size: [3, 448, 448], interpolation: "bicubic", crop_pct: 1, crop_mode: "squash", ...IMAGENET },
    { resize: [448, 448], interpolation: "bicubic", crop: [448, 448], ...IMAGENET },
  ],
])("follows the configuration of %s", (_, config, expected) => {
  expect(preprocessingIn(JSON.stringify(config), "config.json")).toEqual(expected);
});

it.each<[string, object | string]>([
  ["another configuration", { model_type: "vit", hidden_size: 768 }],
  ["steps that are not known", { do_resize: true, size: { shortest_edge: 800, longest_edge: 1333 }, ...named }],
  ["padding", { do_pad: true, do_resize: false, ...named }],
  ["a border", { input_size: [3, 224, 224], crop_mode: "border", ...IMAGENET }],
  ["another filter", { do_resize: true, size: 224, resample: 5, ...named }],
])("refuses %s", async (_, config) => {
  await failure("unsupported", () => preprocessingIn(JSON.stringify(config), "config.json"));
});

it("refuses what is not JSON", () => failure("invalid-file", () => preprocessingIn("{", "config.json")));

it("names what is done to pictures", async () => {
  expect(pictureWords(preprocessings.imagenet)).toBe(
    "resized to 256 (shorter side, bilinear) and cropped to 224 × 224",
  );
  expect(pictureSteps(preprocessings["keras-caffe"])).toBeUndefined();
  await failure("usage", () => pictureSteps({ crop: 0 }));
  await failure("usage", () => pictureSteps({ interpolation: "bicubic" }));
});
