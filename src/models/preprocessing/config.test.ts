import { expect, it } from "vitest";
import { failure } from "../../../test/support/datasets.ts";
import { isOfPictures, preprocessingIn } from "./config.ts";
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
    { feature_extractor_type: "CLIPFeatureExtractor", size: 256, resample: 2, crop_size: 224, ...named },
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
    "CLIP, of its class alone",
    { image_processor_type: "CLIPImageProcessor" },
    {
      ...preprocessings.clip,
      crop: [224, 224],
    },
  ],
  [
    "CLIP without do_center_crop",
    {
      image_processor_type: "CLIPImageProcessorFast",
      size: { shortest_edge: 36 },
      crop_size: 32,
      resample: 2,
      ...named,
    },
    { resize: 36, interpolation: "bilinear", crop: [32, 32], ...IMAGENET },
  ],
  [
    "ViT of before sizes had names",
    { feature_extractor_type: "ViTFeatureExtractor", size: 32, do_center_crop: true, crop_size: 16 },
    { resize: [32, 32], interpolation: "bilinear", mean: HALF, std: HALF },
  ],
  [
    "DeiT of its class alone",
    { image_processor_type: "DeiTImageProcessor" },
    { resize: [256, 256], interpolation: "bicubic", crop: [224, 224], mean: HALF, std: HALF },
  ],
  [
    "BiT of its class alone",
    { image_processor_type: "BitImageProcessor", ...named },
    { resize: 224, interpolation: "bicubic", crop: [224, 224], ...IMAGENET },
  ],
  [
    "ConvNeXT without crop_pct",
    { image_processor_type: "ConvNextImageProcessor", size: { shortest_edge: 224 }, resample: 2 },
    { resize: 256, interpolation: "bilinear", crop: 224, mean: HALF, std: HALF },
  ],
  [
    "PoolFormer, which resizes by its share and crops by its size",
    { image_processor_type: "PoolFormerImageProcessor" },
    { resize: 248, interpolation: "bicubic", crop: [224, 224], ...IMAGENET },
  ],
  [
    "LeViT, which resizes to 256 for 224",
    { image_processor_type: "LevitImageProcessor" },
    { resize: 256, interpolation: "bicubic", crop: [224, 224], ...IMAGENET },
  ],
  [
    "MobileViT of its class alone",
    { image_processor_type: "MobileViTImageProcessor", resample: 2 },
    { resize: 224, interpolation: "bilinear", crop: [256, 256], channels: "bgr" },
  ],
  [
    "EfficientNet, which divides by std twice",
    { image_processor_type: "EfficientNetImageProcessor", resample: 0, image_mean: [0.5], image_std: [0.25] },
    { resize: [346, 346], interpolation: "nearest", mean: [0.5], std: [0.0625] },
  ],
  [
    "a class with fields that it does not read",
    { image_processor_type: "PvtImageProcessor", resample: 2, patience: 3, do_center_crop: true, crop_size: 7 },
    { resize: [224, 224], interpolation: "bilinear", ...IMAGENET },
  ],
  [
    "a class that is not known, all of it said",
    {
      image_processor_type: "MyImageProcessor",
      do_resize: true,
      size: { shortest_edge: 36 },
      resample: 3,
      do_center_crop: true,
      crop_size: 32,
      do_normalize: true,
      ...named,
    },
    { resize: 36, interpolation: "bicubic", crop: [32, 32], ...IMAGENET },
  ],
  ["timm, all by default", { architecture: "x", pretrained_cfg: {} }, { ...preprocessings.timm, crop: [224, 224] }],
  [
    "timm without filter, mean and std",
    { architecture: "x", pretrained_cfg: { input_size: [3, 32, 32], crop_pct: 0.89, mean: [], std: null } },
    { resize: 35, interpolation: "bicubic", crop: [32, 32], ...IMAGENET },
  ],
  [
    "timm, squashed",
    { input_size: [3, 448, 448], interpolation: "bicubic", crop_pct: 1, crop_mode: "squash", ...IMAGENET },
    { resize: [448, 448], interpolation: "bicubic", crop: [448, 448], ...IMAGENET },
  ],
])("follows the configuration of %s", (name, config, expected) => {
  const isDown = expected.crop !== undefined && !name.startsWith("timm");
  expect(preprocessingIn(JSON.stringify(config), "config.json")).toEqual({
    ...expected,
    ...(isDown && { cropRounding: "down" }),
  });
});

it.each<[string, object | string]>([
  ["another configuration", { model_type: "vit", hidden_size: 768 }],
  ["steps that are not known", { do_resize: true, size: { shortest_edge: 800, longest_edge: 1333 }, ...named }],
  ["padding", { do_pad: true, do_resize: false, ...named }],
  ["a border", { input_size: [3, 224, 224], crop_mode: "border", ...IMAGENET }],
  ["a side that keeps its ratio in timm", { input_size: [3, 32, 64], ...IMAGENET }],
  ["a random filter", { input_size: [3, 224, 224], interpolation: "random", ...IMAGENET }],
  ["another filter", { do_resize: true, size: { shortest_edge: 224 }, resample: 5, ...named }],
  ["a mean in words", { do_resize: false, do_normalize: true, image_mean: "0.5", image_std: [0.5] }],
  ["a flag in words", { do_resize: "false", do_normalize: true, ...named }],
  ["a class that crops first", { image_processor_type: "PerceiverImageProcessor" }],
  ["a field of a class that is not known", { image_processor_type: "MyImageProcessor", tiles: 4, do_resize: false }],
  ["mean and std alone", IMAGENET],
  ["a list", [1]],
])("refuses %s", async (_, config) => {
  await failure("unsupported", () => preprocessingIn(JSON.stringify(config), "config.json"));
});

it.each<[string, object, Preprocessing]>([
  ["size", { resample: 2 }, { resize: 36 }],
  ["whether size 36 is the shorter side or 36 × 36", { resample: 2, size: 36 }, { resize: [36, 36] }],
  ["resample", { size: { shortest_edge: 36 } }, { interpolation: "bicubic" }],
  ["do_center_crop", { resample: 2, size: { shortest_edge: 36 }, crop_size: 32 }, { crop: 32 }],
  [
    "do_center_crop",
    { resample: 2, size: { shortest_edge: 36 }, image_processor_type: "BeitImageProcessor" },
    { crop: 32 },
  ],
  ["resample", { image_processor_type: "ConvNextImageProcessor" }, { interpolation: "bicubic" }],
  ["crop_size", { resample: 2, size: { shortest_edge: 36 }, do_center_crop: true }, { crop: 32 }],
  ["image_mean", { do_resize: false, image_mean: null, do_normalize: true }, { mean: [0.5] }],
])("asks for %s where no class says it, unless it is given", async (field, config, given) => {
  const text = JSON.stringify({ ...named, ...config });
  const { message } = await failure("unsupported", () => preprocessingIn(text, "config.json"));
  expect(message).toContain(`config.json does not say ${field}, and `);
  expect(message).toContain(`\`${Object.keys(given)[0] === "mean" ? "normalization" : "preprocessing"}.`);
  expect({ ...preprocessingIn(text, "config.json", { given }), ...given }).toMatchObject(given);
});

it("takes the class that transformers takes for the kind of model", async () => {
  const text = JSON.stringify({ do_normalize: true, do_resize: true, size: 224, image_mean: HALF, image_std: HALF });
  await failure("unsupported", () => preprocessingIn(text, "preprocessor_config.json"));
  const model = JSON.stringify({ model_type: "vit" });
  expect(preprocessingIn(text, "preprocessor_config.json", { model })).toEqual({
    resize: [224, 224],
    interpolation: "bilinear",
    mean: HALF,
    std: HALF,
  });
});

it.each<[boolean, object]>([
  [true, IMAGENET],
  [true, { image_processor_type: "MyImageProcessor" }],
  [true, { size: 224, feature_extractor_type: "ViTFeatureExtractor" }],
  [true, { pretrained_cfg: {} }],
  [false, { foo: 1 }],
  [false, { model_type: "vit", hidden_size: 768, image_size: 224 }],
  [false, { do_normalize: true, feature_extractor_type: "Wav2Vec2FeatureExtractor", sampling_rate: 16000 }],
])("knows whether a configuration is of pictures: %s", (isOne, config) => {
  expect(isOfPictures(JSON.stringify(config), "config.json")).toBe(isOne);
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
