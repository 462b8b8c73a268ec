import { type Fields, fieldsOf, filterNamed, numbers, unfollowed } from "./fields.ts";
import type { Preprocessing } from "./preprocessing.ts";
import { IMAGENET } from "./processors.ts";

const OWN = ["mean", "std", "crop_pct", "interpolation", "crop_mode"];

/** The part of a config.json that timm reads, where it is one of timm's. */
export function timmPart(config: Fields): Fields | undefined {
  const own = config["pretrained_cfg"];
  if (typeof own === "object" && own !== null) return fieldsOf(own);
  const isFlat =
    (Array.isArray(config["input_size"]) && config["input_size"].length === 3) ||
    (typeof config["architecture"] === "string" && OWN.some((field) => field in config));
  return isFlat ? config : undefined;
}

/** As timm 1.0.31 resolves it (resolve_data_config, transforms_imagenet_eval), with its defaults. @throws unsupported */
export function ofTimm(config: Fields, name: string, given: Preprocessing): Preprocessing {
  const [, height, width] = numbers(config["input_size"] ?? [3, 224, 224], "input_size", name) as number[];
  const mode = config["crop_mode"] || "center";
  const share = config["crop_pct"] || 0.875;
  const sizes = (): Preprocessing => {
    if (mode !== "center" && mode !== "squash") throw unfollowed(`crop_mode ${JSON.stringify(mode)}`, name);
    if (typeof share !== "number" || !(share > 0)) throw unfollowed(`crop_pct ${JSON.stringify(share)}`, name);
    if (height === undefined || width === undefined)
      throw unfollowed(`input_size ${JSON.stringify(config["input_size"])}`, name);
    const [tall, wide] = [height, width].map((side) => Math.floor(side / share)) as [number, number];
    if (mode === "center" && tall !== wide) throw unfollowed(`a crop of ${height} × ${width} with its own ratio`, name);
    return { resize: mode === "squash" ? [tall, wide] : tall, crop: [height, width] };
  };
  return {
    ...(given.resize === undefined || given.crop === undefined ? sizes() : {}),
    ...(given.interpolation === undefined && {
      interpolation: filterNamed(config["interpolation"] || "bicubic", name),
    }),
    ...(given.mean === undefined && { mean: numbers(listOr(config["mean"], IMAGENET.mean), "mean", name) }),
    ...(given.std === undefined && { std: numbers(listOr(config["std"], IMAGENET.std), "std", name) }),
  };
}

/** Empty counts as missing, as Python has it. */
const listOr = (value: unknown, fallback: readonly number[]): unknown =>
  !value || (Array.isArray(value) && value.length === 0) ? fallback : value;
