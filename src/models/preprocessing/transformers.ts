import { PerturbError } from "../../errors.ts";
import { option } from "../../option.ts";
import { type Fields, fieldsOf, filterNamed, isGiven, numbers, pair, unfollowed } from "./fields.ts";
import type { Preprocessing } from "./preprocessing.ts";
import { OTHERWISE, type Processor, processorFor, processors } from "./processors.ts";

/** Steps that are not followed, whatever the class. */
const OTHER_STEPS = ["do_pad", "rescale_offset", "do_thumbnail", "do_align_long_axis", "do_convert_annotations"];

/** Fields that are read here, or that change no pixel. */
const KNOWN: readonly string[] = [
  ..."do_resize size resample do_center_crop crop_size crop_pct do_rescale rescale_factor do_normalize".split(" "),
  ..."image_mean image_std do_flip_channel_order image_processor_type feature_extractor_type".split(" "),
  ..."processor_class do_convert_rgb do_reduce_labels auto_map data_format input_data_format".split(" "),
  ..."default_to_square return_tensors device disable_grouping model_type transformers_version num_labels".split(" "),
];

/** What is known of one configuration while it is read. */
interface Reading {
  readonly config: Fields;
  readonly name: string;
  /** Those that need not be there. */
  readonly given: Preprocessing;
  /** Of which the defaults are known. */
  readonly processor: Processor | undefined;
  readonly className: string | undefined;
}

/**
 * What a preprocessor_config.json of transformers asks for, with the defaults of its class.
 * @param modelType that of the model's own config.json, where this one names no class
 * @throws unsupported for steps that are not followed, and for what is missing where no class is known
 */
export function ofTransformers(config: Fields, name: string, given: Preprocessing, modelType?: unknown): Preprocessing {
  const className = classOf(config) ?? processorFor(modelType ?? config["model_type"]);
  if (className !== undefined && OTHERWISE.includes(className)) throw unfollowed(`${className}ImageProcessor`, name);
  const processor = className !== undefined && Object.hasOwn(processors, className) ? processors[className] : undefined;
  const reading: Reading = { config, name, given, processor, className };
  for (const step of OTHER_STEPS) if (isGiven(config[step]) && config[step] !== false) throw unfollowed(step, name);
  // A class that is known takes no notice of others.
  const unknown = Object.keys(config).find(
    (field) => !KNOWN.includes(field) && !field.startsWith("_") && isGiven(config[field]) && config[field] !== false,
  );
  if (!processor && unknown !== undefined) throw unfollowed(`${unknown} ${JSON.stringify(config[unknown])}`, name);
  return { ...sizesOf(reading), ...valuesOf(reading) };
}

function classOf(config: Fields): string | undefined {
  const named = config["image_processor_type"] ?? config["feature_extractor_type"];
  return typeof named === "string" ? named.replace(/(ImageProcessor|FeatureExtractor)(Fast|Pil)?$/, "") : undefined;
}

/** Whether a step is done. @throws unsupported for what is neither true nor false */
function isDone({ config, name }: Reading, step: string, fallback: boolean): boolean {
  const value = config[step];
  if (value === undefined) return fallback;
  if (value === null || typeof value === "boolean") return value === true;
  throw unfollowed(`${step} ${JSON.stringify(value)}`, name);
}

function sizesOf(reading: Reading): Preprocessing {
  const { config, given, processor, name } = reading;
  const isResized = isDone(reading, "do_resize", true);
  const rule = processor?.rule ?? ruleOf(reading);
  const { resize, crop } = isResized && given.resize === undefined ? resizeOf(reading, rule) : {};
  return {
    ...(isResized && given.interpolation === undefined && { interpolation: filterOf(reading) }),
    ...(resize !== undefined && { resize }),
    ...(crop === undefined ? given.crop === undefined && cropOf(reading) : { crop, cropRounding: "down" as const }),
  };

  function filterOf(of: Reading) {
    // null is Pillow's default of resize in transformers.
    if (processor && config["resample"] === null) return "bilinear";
    return filterNamed(
      config["resample"] ?? processor?.resample ?? missing("resample", "preprocessing.interpolation", of),
      name,
    );
  }
}

/** A share of the size without a crop of its own is ConvNeXT's. */
function ruleOf({ config, processor, name }: Reading): Processor["rule"] {
  if (processor || !isGiven(config["crop_pct"])) return undefined;
  if (!isGiven(config["do_center_crop"]) && !isGiven(config["crop_size"])) return "convnext";
  throw unfollowed("crop_pct beside crop_size, without a class that says how", name);
}

function resizeOf(reading: Reading, rule: Processor["rule"]): Preprocessing {
  const { config, name, processor } = reading;
  const size = sizeOf(reading);
  const share = config["crop_pct"] === undefined ? processor?.cropShare : (config["crop_pct"] ?? undefined);
  if (share !== undefined && !(typeof share === "number" && share > 0))
    throw unfollowed(`crop_pct ${JSON.stringify(share)}`, name);
  if (rule === "convnext") {
    if (typeof size !== "number") throw unfollowed(`size ${JSON.stringify(config["size"])}`, name);
    // Below 384 a crop of the middle, else the whole picture.
    const part = (share as number | undefined) ?? 224 / 256;
    return size < 384 ? { resize: Math.trunc(size / part), crop: size } : { resize: [size, size] };
  }
  if (rule === "levit" && typeof size === "number") return { resize: Math.trunc((256 / 224) * size) };
  if (rule === "poolformer" && share !== undefined) {
    if (typeof size === "number") return { resize: Math.trunc(size / (share as number)) };
    const [tall, wide] = size.map((side) => Math.trunc(side / (share as number))) as [number, number];
    return { resize: tall === wide ? tall : [tall, wide] };
  }
  return { resize: size };
}

/** The shorter side, or [height, width]. */
function sizeOf(reading: Reading): number | readonly [number, number] {
  const { config, name, processor } = reading;
  const { size } = config;
  if (!isGiven(size)) return processor?.size ?? missing("size", "preprocessing.resize", reading);
  const { shortest_edge: shortest, longest_edge: longest } = fieldsOf(size);
  if (isGiven(longest)) throw unfollowed("size.longest_edge", name);
  if (typeof shortest === "number") return shortest;
  if (typeof size !== "number") return pair(size, "size", name);
  if (processor?.isSquare === undefined)
    return missing(`whether size ${size} is the shorter side or ${size} × ${size}`, "preprocessing.resize", reading);
  return processor.isSquare ? [size, size] : size;
}

function cropOf(reading: Reading): Preprocessing {
  const { config, name, processor } = reading;
  if (processor?.crop === null) return {};
  // Without a size of its own, nothing would be cut that the size of the network does not show.
  const isUnsaid = config["do_center_crop"] === undefined && processor?.crop === undefined;
  if (isUnsaid && (processor || isGiven(config["crop_size"]))) missing("do_center_crop", "preprocessing.crop", reading);
  if (!isDone(reading, "do_center_crop", typeof processor?.crop === "number")) return {};
  const side = processor?.crop;
  const crop = isGiven(config["crop_size"])
    ? pair(config["crop_size"], "crop_size", name)
    : typeof side === "number"
      ? ([side, side] as const)
      : missing("crop_size", "preprocessing.crop", reading);
  return { crop, cropRounding: "down" };
}

function valuesOf(reading: Reading): Preprocessing {
  const { config, given, processor, name } = reading;
  const factor = config["rescale_factor"] === undefined ? 1 / 255 : config["rescale_factor"];
  const isRescaled = isDone(reading, "do_rescale", true);
  if (given.scale === undefined && isRescaled && (typeof factor !== "number" || !(factor > 0)))
    throw unfollowed(`rescale_factor ${JSON.stringify(factor)}`, name);
  // Of pixels from 0 to 255 there, and from 0 to 1 here; 1 / 255 is written in more or fewer digits.
  const scale = isRescaled ? Number(((factor as number) * 255).toPrecision(9)) : 255;
  const isNormalized = isDone(reading, "do_normalize", processor ? !processor.isTurned : "image_mean" in config);
  if (processor?.isTurned && isNormalized) throw unfollowed("do_normalize, of a class that has none", name);
  const isTwice = processor?.isDividedTwice === true && isDone(reading, "include_top", true);
  if (isTwice && !isNormalized) throw unfollowed("include_top without do_normalize", name);
  return {
    ...(scale !== 1 && { scale }),
    ...(isNormalized && given.mean === undefined && { mean: moments("image_mean", processor?.mean) }),
    ...(isNormalized && given.std === undefined && { std: stdOf() }),
    ...(isDone(reading, "do_flip_channel_order", processor?.isTurned === true) && { channels: "bgr" as const }),
  };

  function stdOf(): readonly number[] {
    const std = moments("image_std", processor?.std);
    return isTwice ? std.map((v) => v * v) : std;
  }
  function moments(field: "image_mean" | "image_std", fallback: readonly number[] | undefined): readonly number[] {
    const value = config[field] ?? fallback;
    const part = field === "image_mean" ? "normalization.mean" : "normalization.std";
    return numbers(value ?? missing(field, part, reading), field, name);
  }
}

/** @throws unsupported: what a configuration does not say, and no class does either */
function missing(field: string, part: Parameters<typeof option>[0], { name, className, processor }: Reading): never {
  const whose =
    className === undefined
      ? "names no image_processor_type"
      : processor
        ? `the default of ${className}ImageProcessor differs between versions of transformers`
        : `${className.slice(0, 80)}ImageProcessor is not known here`;
  throw new PerturbError(
    "unsupported",
    `${name} does not say ${field}, and ${whose}. Give it as an option (${option(part)}).`,
    { data: { name, field } },
  );
}
