import { PerturbError } from "../../errors.ts";
import { safetensors } from "./safetensors.ts";
import { type StateDict, stripWrappers, type WeightFormat } from "./state-dict.ts";
import { torch } from "./torch.ts";

/** The formats, asked in this order. */
export const weightFormats: readonly WeightFormat[] = [safetensors, torch];

/**
 * The weights in a file, whose format is found by its content. Names are the network's own: the prefixes of
 * `DataParallel` and `torch.compile` are gone.
 * @throws invalid-file for a format that is not known; whatever the format throws
 */
export function readWeights(bytes: Uint8Array, file: string): StateDict {
  const format = weightFormats.find(({ matches }) => matches(bytes));
  if (format !== undefined) return stripWrappers(format.read(bytes, file));
  const start = Array.from(bytes.subarray(0, 8), (byte) => byte.toString(16).padStart(2, "0")).join(" ");
  throw new PerturbError(
    "invalid-file",
    `${file}: no weights that can be read; it begins with ${start || "nothing"}. Formats: ${weightFormats.map(({ name }) => name).join(", ")}.`,
    { data: { file, size: bytes.length } },
  );
}
