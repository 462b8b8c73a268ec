import { messageOf, PerturbError } from "../../errors.ts";
import { type Fields, fieldsOf } from "./fields.ts";
import type { Preprocessing } from "./preprocessing.ts";
import { processors } from "./processors.ts";
import { ofTimm, timmPart } from "./timm.ts";
import { ofTransformers } from "./transformers.ts";

/** What stands in configurations of how pictures are prepared; any of them. */
const OF_PICTURES = [
  ..."image_mean image_std do_resize do_rescale do_center_crop resample rescale_factor crop_size crop_pct".split(" "),
  ..."image_processor_type pretrained_cfg mean std interpolation crop_mode do_normalize".split(" "),
];
/** What stands in those of sounds. */
const OF_SOUNDS = ["sampling_rate", "num_mel_bins", "feature_size", "n_fft", "hop_length"];

/** What is known beside the text of a configuration. */
export interface ConfigurationOptions {
  /** The steps that are given by themselves, and so need not be found. */
  readonly given?: Preprocessing;
  /** The text of the model's own config.json beside it, which names the kind of model. */
  readonly model?: string | undefined;
}

/**
 * The preprocessing in a model's own configuration: preprocessor_config.json of transformers, or config.json of timm. What it
 * leaves out is what its class, or timm, has by default.
 * @throws invalid-file, unsupported for steps that are not known here, and for fields that are missing
 */
export function preprocessingIn(text: string, name: string, options: ConfigurationOptions = {}): Preprocessing {
  const { given = {}, model } = options;
  const config = fieldsOf(parsed(text, name));
  const timm = timmPart(config);
  if (timm) return ofTimm(timm, name, given);
  if (
    ["image_mean", "do_rescale", "do_resize", "image_processor_type"].some((field) => field in config) ||
    isOld(config)
  )
    return ofTransformers(config, name, given, model === undefined ? undefined : modelTypeIn(model));
  throw new PerturbError(
    "unsupported",
    `${name} is neither a preprocessor_config.json of transformers (image_mean, do_resize …) nor a config.json of timm (pretrained_cfg with input_size, mean …). Give the steps as options.`,
    { data: { name } },
  );
}

/** Whether a configuration says anything of how pictures are prepared. @throws invalid-file */
export function isOfPictures(text: string, name: string): boolean {
  const config = fieldsOf(parsed(text, name));
  if (OF_SOUNDS.some((field) => field in config)) return false;
  return OF_PICTURES.some((field) => field in config) || timmPart(config) !== undefined || isOld(config);
}

/** Names a class for pictures, as they were once called. */
const isOld = ({ feature_extractor_type: named }: Fields): boolean =>
  typeof named === "string" && Object.hasOwn(processors, named.replace(/FeatureExtractor$/, ""));

function modelTypeIn(text: string): unknown {
  try {
    return fieldsOf(JSON.parse(text))["model_type"];
  } catch {
    return undefined;
  }
}

function parsed(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new PerturbError("invalid-file", `${name} is not JSON: ${messageOf(cause)}.`, { cause, data: { name } });
  }
}
