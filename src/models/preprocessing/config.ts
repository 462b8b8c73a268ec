import { messageOf, PerturbError } from "../../errors.ts";
import type { Interpolation, Preprocessing } from "./preprocessing.ts";

type Fields = Readonly<Record<string, unknown>>;

/** Pillow's numbers of its filters. */
const FILTERS: readonly (Interpolation | undefined)[] = ["nearest", "lanczos", "bilinear", "bicubic"];

/** What the next steps are of that are not followed: the preprocessing would be another one. */
const UNKNOWN_STEPS = [
  "do_pad",
  "do_reduce_labels",
  "rescale_offset",
  "do_thumbnail",
  "do_align_long_axis",
  "do_convert_annotations",
];

/**
 * The preprocessing in a model's own configuration: preprocessor_config.json of transformers, or config.json of timm.
 * @throws invalid-file, unsupported for steps that are not known here
 */
export function preprocessingIn(text: string, name: string): Preprocessing {
  const config = fieldsOf(parsed(text, name));
  const timm = config["pretrained_cfg"] === undefined ? config : fieldsOf(config["pretrained_cfg"]);
  if (Array.isArray(timm["input_size"]) && Array.isArray(timm["mean"])) return ofTimm(timm, name);
  if ("image_mean" in config || "do_rescale" in config || "do_resize" in config) return ofTransformers(config, name);
  throw new PerturbError(
    "unsupported",
    `${name} is neither a preprocessor_config.json of transformers (image_mean, do_resize …) nor a config.json of timm (pretrained_cfg with input_size, mean …). Give the steps as options.`,
    { data: { name } },
  );
}

function parsed(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new PerturbError("invalid-file", `${name} is not JSON: ${messageOf(cause)}.`, { cause, data: { name } });
  }
}

const fieldsOf = (value: unknown): Fields => (typeof value === "object" && value !== null ? (value as Fields) : {});

function ofTimm(config: Fields, name: string): Preprocessing {
  const [, height, width] = numbers(config["input_size"], "input_size", name);
  const mode = config["crop_mode"] ?? "center";
  if (mode !== "center" && mode !== "squash") throw unknown(`crop_mode ${JSON.stringify(mode)}`, name);
  const share = typeof config["crop_pct"] === "number" ? config["crop_pct"] : 0.875;
  if (!(share > 0)) throw unknown(`crop_pct ${share}`, name);
  const [tall, wide] = [height!, width!].map((side) => Math.floor(side / share)) as [number, number];
  return {
    resize: mode === "squash" || height !== width ? [tall, wide] : tall,
    interpolation: filterNamed(config["interpolation"] ?? "bilinear", name),
    crop: [height!, width!],
    mean: numbers(config["mean"], "mean", name),
    std: numbers(config["std"], "std", name),
  };
}

function ofTransformers(config: Fields, name: string): Preprocessing {
  for (const step of UNKNOWN_STEPS)
    if (config[step] !== undefined && config[step] !== null && config[step] !== false) throw unknown(step, name);
  const isDone = (step: string, fallback: boolean) => (config[step] === undefined ? fallback : config[step] === true);
  const factor = config["rescale_factor"] ?? 1 / 255;
  if (typeof factor !== "number" || !(factor > 0)) throw unknown(`rescale_factor ${JSON.stringify(factor)}`, name);
  // Of pixels from 0 to 255 there, and from 0 to 1 here; 1 / 255 is written in more or fewer digits.
  const scale = isDone("do_rescale", true) ? Number((factor * 255).toPrecision(9)) : 255;
  return {
    ...(isDone("do_resize", "size" in config) && sizes(config, name)),
    ...(isDone("do_center_crop", false) &&
      !("crop_pct" in config) && {
        crop: pair(config["crop_size"], "crop_size", name),
      }),
    ...(scale !== 1 && { scale }),
    ...(isDone("do_normalize", "image_mean" in config) && {
      mean: numbers(config["image_mean"], "image_mean", name),
      std: numbers(config["image_std"], "image_std", name),
    }),
    ...(isDone("do_flip_channel_order", false) && { channels: "bgr" as const }),
  };
}

function sizes(config: Fields, name: string): Preprocessing {
  const interpolation = filterNamed(config["resample"] ?? 2, name);
  const size = fieldsOf(config["size"]);
  const shortest = typeof config["size"] === "number" ? config["size"] : size["shortest_edge"];
  if (size["longest_edge"] !== undefined && size["longest_edge"] !== null) throw unknown("size.longest_edge", name);
  if (typeof shortest !== "number") return { resize: pair(config["size"], "size", name), interpolation };
  const share = config["crop_pct"];
  if (typeof share !== "number") return { resize: shortest, interpolation };
  // ConvNeXT's: below 384 a crop of the middle, else the whole picture.
  return shortest < 384
    ? { resize: Math.trunc(shortest / share), crop: shortest, interpolation }
    : { resize: [shortest, shortest], interpolation };
}

/** { height, width }, or one number for both. */
function pair(value: unknown, field: string, name: string): readonly [number, number] {
  const { height, width } = fieldsOf(value);
  const [tall, wide] = typeof value === "number" ? [value, value] : [height, width];
  if (typeof tall === "number" && typeof wide === "number") return [tall, wide];
  throw unknown(`${field} ${JSON.stringify(value)}`, name);
}

function filterNamed(value: unknown, name: string): Interpolation {
  const found = typeof value === "number" ? FILTERS[value] : FILTERS.find((filter) => filter === value);
  if (found === undefined) throw unknown(`the interpolation ${String(value)}`, name);
  return found;
}

function numbers(value: unknown, field: string, name: string): readonly number[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (list.length > 0 && list.every((v): v is number => typeof v === "number")) return list;
  throw unknown(`${field} ${JSON.stringify(value)}`, name);
}

const unknown = (what: string, name: string): PerturbError =>
  new PerturbError(
    "unsupported",
    `${name} asks for ${what.slice(0, 80)}, which is not followed here. Give the steps as options.`,
    {
      data: { name },
    },
  );
