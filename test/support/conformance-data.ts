import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import { TensorProtoSchema } from "onnx-buf";
import type { GraphValue } from "../../src/onnx/graph.ts";
import { readTensor } from "../../src/onnx/tensor-proto.ts";
import { type Tensor, toFloat32 } from "../../src/tensor.ts";
import { isReal, map, type Real } from "./slopes.ts";

/** Where Debian's package libonnx-testdata keeps the models of the ONNX standard's own tests. */
const FOLDER = "/usr/share/libonnx-testdata/data";
const SUITES = ["node", "simple", "pytorch-converted", "pytorch-operator"];

export const HALVES = ["float16", "bfloat16"] as const;

export const modelBytes = (name: string): Uint8Array => new Uint8Array(readFileSync(join(FOLDER, name, "model.onnx")));

export const isInstalled = (): boolean => existsSync(FOLDER);

/** "node/test_abs", … */
export const conformanceModels = (): string[] =>
  SUITES.flatMap((suite) =>
    readdirSync(join(FOLDER, suite))
      .map((name) => `${suite}/${name}`)
      .filter((name) => existsSync(join(FOLDER, name, "model.onnx")))
      .sort(),
  );

export type Tensors = Readonly<Record<string, Tensor>>;

/** The values that come with a model for its inputs or outputs, in their order; half precision as float32. */
export function valuesOf(name: string, what: "input" | "output", values: readonly GraphValue[]): Tensors {
  const read = (i: number): Tensor => {
    const path = join(FOLDER, name, "test_data_set_0", `${what}_${i}.pb`);
    const t = readTensor(fromBinary(TensorProtoSchema, readFileSync(path)));
    // The package keeps bfloat16 as whole numbers of the same bits.
    const meant = values[i]!.type === "bfloat16" ? ({ ...t, type: "bfloat16" } as Tensor) : t;
    return HALVES.some((type) => type === meant.type) ? toFloat32(meant) : meant;
  };
  return Object.fromEntries(values.map((value, i) => [value.name, read(i)]));
}

/** The largest difference, relative to the largest element. */
export function distance(a: Real, b: Real): number {
  if (String(a.dims) !== String(b.dims)) return Number.POSITIVE_INFINITY;
  let [most, largest] = [0, 1e-3];
  for (const [i, v] of b.data.entries()) {
    if (!Object.is(a.data[i], v) && a.data[i] !== v) most = Math.max(most, Math.abs(a.data[i]! - v));
    if (Number.isFinite(v)) largest = Math.max(largest, Math.abs(v));
  }
  return most / largest;
}

/** Some of the models come with memory that was never filled: small numbers in its place. */
export const filled = (feeds: Tensors): Tensors =>
  Object.fromEntries(
    Object.entries(feeds).map(([key, t]) => {
      if (!isReal(t) || t.data.every((v) => !(Math.abs(v) > 1e30 || (v !== 0 && Math.abs(v) < 1e-30)))) return [key, t];
      return [key, map(t, (_, i) => ((i * 37) % 23) / 16 - 0.7)];
    }),
  );

/** The same values without signs, and finite: some of the models take logarithms of random numbers. */
export const insideDomain = (feeds: Tensors): Tensors =>
  Object.fromEntries(
    Object.entries(feeds).map(([k, t]) => [k, isReal(t) ? map(t, (v) => (Number.isFinite(v) ? Math.abs(v) : 1)) : t]),
  );
