import { extname } from "node:path";
import { PerturbError } from "../../errors.ts";
import type { Bounds } from "../../model.ts";
import type { BoundsGiven } from "../../models/classifier/bounds.ts";
import { toFloat32 } from "../../tensor.ts";

/** Bytes that a list of bounds may have. */
const LONGEST = 2 ** 28;

/** The bounds of --bounds, for samples of this shape. @throws usage, not-found, invalid-file */
export async function boundsGiven(
  given: readonly [number, number] | string,
  shape: readonly number[],
): Promise<BoundsGiven> {
  if (typeof given !== "string") return { lower: given[0], upper: given[1] };
  const { fileSource } = await import("../../datasets/files.node.ts");
  const file = await fileSource(given);
  if (file.size > LONGEST)
    throw new PerturbError("invalid-file", `${given} has ${file.size} bytes, too many for bounds.`);
  const bytes = await file.read(0, file.size);
  return extname(given).toLowerCase() === ".npy" ? fromNpy(bytes, given, shape) : fromCsv(bytes, given);
}

async function fromNpy(bytes: Uint8Array, path: string, shape: readonly number[]): Promise<BoundsGiven> {
  const { readNpy } = await import("../../datasets/npy.ts");
  const array = readNpy(bytes, path);
  const { dims } = array;
  if (!/^float(32|64|16)$/.test(array.type))
    throw new PerturbError("usage", `${path} holds ${array.type}, and bounds are floats. Save it as float32.`);
  const data = toFloat32(array as Parameters<typeof toFloat32>[0]).data;
  if (dims.length === 2 && dims[1] === 2)
    return {
      lower: data.filter((_, i) => i % 2 === 0),
      upper: data.filter((_, i) => i % 2 === 1),
    };
  if (dims[0] === 2 && String(dims.slice(1)) === String(shape)) {
    const half = data.length / 2;
    return { lower: data.slice(0, half), upper: data.slice(half) };
  }
  throw new PerturbError(
    "usage",
    `${path} has the shape [${dims}]; bounds are [features, 2], or [2, ${shape.join(", ")}].`,
    { data: { path, got: dims } },
  );
}

/** Lines of LO,HI; the first one may be a heading. */
function fromCsv(bytes: Uint8Array, path: string): BoundsGiven {
  const lines = new TextDecoder()
    .decode(bytes)
    .split(/\r?\n/)
    .map((line) => line.trim());
  const rows = lines.map((line, i) => ({
    line,
    i,
    values: line.split(/[,;\t]/).map((text) => (text.trim() === "" ? Number.NaN : Number(text))),
  }));
  const pairs = rows.filter(({ line, i, values }) => line !== "" && !(i === 0 && values.every(Number.isNaN)));
  const wrong = pairs.find(({ values }) => values.length !== 2 || values.some(Number.isNaN));
  if (wrong || pairs.length === 0)
    throw new PerturbError(
      "usage",
      `${path}${wrong ? ` has "${wrong.line.slice(0, 60)}" in line ${wrong.i + 1}` : " has no lines"}; bounds are lines of LO,HI, one for each feature.`,
    );
  return { lower: pairs.map(({ values }) => values[0]!), upper: pairs.map(({ values }) => values[1]!) };
}

/** The least and the largest value of all bounds that were given. */
export async function widest(bounds: Parameters<typeof boundsGiven>[0] | undefined): Promise<Bounds | undefined> {
  if (bounds === undefined) return undefined;
  const { hull } = await import("../../models/classifier/bounds.ts");
  return hull(await boundsGiven(bounds, []));
}
