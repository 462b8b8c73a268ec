import { deflateSync, inflateSync } from "fflate";
import { numberIn } from "../../../src/epsilons.ts";
import { isBundled } from "../../../src/models/bundled.ts";
import type { NormName } from "../../../src/norm.ts";
import { fromBase64, toBase64 } from "../../../src/report/pictures/base64.ts";
import type { OptionValues } from "../engine.ts";
import { DEFAULT_SETTING, type InputChoice, type Setting, USUAL_SAMPLE } from "./setting.ts";

/** Values of an input of one's own that a link holds; a larger picture has to be given again. */
const MOST_VALUES = 4096;
/** Letters of a link: what browsers and mail programs let pass. */
const LONGEST = 8192;

const NORMS: readonly NormName[] = ["linf", "l2", "l1", "l0", "spatial"];

/** What is chosen, as the part of an address behind "#": only what is not the default. */
export function encodeSetting(setting: Setting): string {
  const words = new URLSearchParams();
  const put = (key: Exclude<keyof Setting, "input" | "options">): void => {
    const [value, usual] = [setting[key], DEFAULT_SETTING[key]];
    if (value !== null && `${value}` !== `${usual}`) words.append(key, `${value}`);
  };
  for (const key of ["model", "sha256", "second", "device"] as const) put(key);
  encodeInput(setting.input, words);
  put("attack");
  for (const [option, value] of Object.entries(setting.options)) words.append("set", `${option}=${value}`);
  for (const key of ["norm", "epsilon", "target", "seed", "levels", "frame", "amplify", "epsilons", "limit"] as const)
    put(key);
  return words.toString();
}

/** A setting from such a part of an address. What is missing, or makes no sense, is the default. */
export function decodeSetting(hash: string): Setting {
  const words = new URLSearchParams(hash.slice(0, LONGEST).replace(/^#/, ""));
  const text = (key: string, pattern: RegExp): string | undefined => {
    const value = words.get(key);
    return value !== null && pattern.test(value) ? value : undefined;
  };
  const number = (key: string, least: number, most: number): number | undefined => {
    const value = words.has(key) ? Number(words.get(key)) : Number.NaN;
    return value >= least && value <= most ? value : undefined;
  };
  const whole = (key: string, most = Number.MAX_SAFE_INTEGER): number | undefined => {
    const value = number(key, 0, most);
    return Number.isInteger(value) ? value : undefined;
  };
  const { epsilons, ...rest } = DEFAULT_SETTING;
  const sha256 = text("sha256", /^[0-9a-f]{64}$/) ?? null;
  const name = plainName(words.get("model") ?? "") || rest.model;
  // A file of one's own is known by its hash alone.
  const model = isBundled(name) || sha256 !== null ? name : rest.model;
  const second = words.get("second");
  return {
    model,
    sha256: isBundled(model) ? null : sha256,
    second: second !== null && isBundled(second) ? second : null,
    device: words.get("device") === "webgpu" ? "webgpu" : rest.device,
    input: decodeInput(words, whole("sample")) ?? rest.input,
    attack: text("attack", /^[\w-]{1,40}$/) ?? rest.attack,
    options: decodeOptions(words.getAll("set")),
    norm: NORMS.find((norm) => norm === words.get("norm")) ?? rest.norm,
    epsilon: number("epsilon", 0, 1e9) ?? rest.epsilon,
    target: whole("target", 1e6) ?? null,
    seed: whole("seed") ?? rest.seed,
    levels: words.get("levels") === "256" ? 256 : null,
    frame: whole("frame", 1e6) ?? null,
    amplify: number("amplify", 0.01, 1e4) ?? null,
    epsilons: decodeEpsilons(words.get("epsilons")) ?? epsilons,
    limit: whole("limit", 1e9) || rest.limit,
  };
}

/** A file's name as far as a link holds it. */
const plainName = (name: string): string => name.replaceAll(/\p{C}/gu, "").slice(0, 120);

/** Whether the input is in the link: a large picture is not. */
export const isInLink = (input: InputChoice): boolean => input.kind === "sample" || input.x.length <= MOST_VALUES;

function encodeInput(input: InputChoice, words: URLSearchParams): void {
  const index = input.kind === "sample" ? input.index : input.sample;
  if (index !== USUAL_SAMPLE) words.append("sample", String(index));
  if (input.kind === "sample" || !isInLink(input)) return;
  // The bits of each float: what is restored is what was there.
  const { buffer, byteOffset, byteLength } = input.x;
  words.append("pixels", toText(deflateSync(planesOf(new Uint8Array(buffer, byteOffset, byteLength)), { level: 9 })));
  words.append("name", input.name);
  if (input.label !== null) words.append("label", String(input.label));
}

function decodeInput(words: URLSearchParams, sample: number | undefined): InputChoice | undefined {
  const pixels = words.get("pixels");
  if (pixels === null) return sample === undefined ? undefined : { kind: "sample", index: sample };
  try {
    // A place that is larger than any honest content: what does not fit throws.
    const bytes = inflateSync(fromText(pixels), { out: new Uint8Array(4 * MOST_VALUES + 4) });
    if (bytes.length === 0 || bytes.length % 4 !== 0 || bytes.length > 4 * MOST_VALUES) return undefined;
    const x = new Float32Array(fromPlanes(bytes).buffer);
    if (!x.every(Number.isFinite)) return undefined;
    const label = Number(words.get("label") ?? Number.NaN);
    const name = plainName(words.get("name") ?? "own");
    const known = Number.isInteger(label) && label >= 0;
    return { kind: "own", x, label: known ? label : null, name, sample: sample ?? USUAL_SAMPLE };
  } catch {
    return undefined;
  }
}

/** First bytes of all floats, then all second ones: shorter once deflated. */
function planesOf(bytes: Uint8Array): Uint8Array {
  const n = bytes.length / 4;
  return Uint8Array.from(bytes, (_, i) => bytes[4 * (i % n) + Math.floor(i / n)]!);
}

function fromPlanes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const n = bytes.length / 4;
  return Uint8Array.from(bytes, (_, i) => bytes[(i % 4) * n + Math.floor(i / 4)]!);
}

/** base64url (RFC 4648, §5): letters that an address may hold. */
const toText = (bytes: Uint8Array): string =>
  toBase64(bytes).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");

const fromText = (text: string): Uint8Array => fromBase64(text.replaceAll("-", "+").replaceAll("_", "/"));

function decodeOptions(texts: readonly string[]): OptionValues {
  const pairs = texts.flatMap((text): [string, OptionValues[string]][] => {
    const [, name, value] = /^(\w{1,40})=([^\p{C}]{1,80})$/u.exec(text) ?? [];
    if (name === undefined || value === undefined) return [];
    if (value === "true" || value === "false") return [[name, value === "true"]];
    try {
      return [[name, numberIn(value)]];
    } catch {
      // A word, or a length such as 0.25eps.
      return [[name, value]];
    }
  });
  return Object.fromEntries(pairs);
}

function decodeEpsilons(text: string | null): number[] | undefined {
  const values = (text ?? "").split(",").map((part) => (part === "" ? Number.NaN : Number(part)));
  const rising = values.every((value, i) => value >= 0 && Number.isFinite(value) && !(value <= values[i - 1]!));
  return rising && values.length <= 1000 ? values : undefined;
}
