import type { Ops } from "../../../src/onnx/ops.ts";
import type { Sample, SampleInput } from "../gradient-check.ts";

type Attributes = NonNullable<Parameters<Ops["add"]>[2]>;

/** [2, 3] · [3, 4] + C */
function gemm(
  name: string,
  attributes: Attributes,
  c: SampleInput | null = { dims: [4] },
  opsets?: readonly number[],
): Sample {
  const flip = (dims: number[], transposed: unknown) => ({ dims: transposed === 1 ? dims.toReversed() : dims });
  const inputs = { a: flip([2, 3], attributes["transA"]), w: flip([3, 4], attributes["transB"]), ...(c && { c }) };
  const sample: Sample = { name, inputs, build: (b, x) => b.add("Gemm", Object.values(x), attributes) };
  return opsets ? { ...sample, opsets } : sample;
}

const scaled = { alpha: { float: 0.5 }, beta: { float: -3 } };

const matMul = (name: string, l: SampleInput, r: SampleInput, opsets?: readonly number[]): Sample => ({
  name,
  ...(opsets && { opsets }),
  inputs: { l, r },
  build: (b, x) => b.matmul(x["l"]!, x["r"]!),
});
const shapes = (l: readonly number[], r: readonly number[]): Sample =>
  matMul(`[${l}] by [${r}]`, { dims: l }, { dims: r });

export const linearSamples = {
  Gemm: [
    gemm("plain", {}),
    gemm("at opset 7", scaled, { dims: [4] }, [7]),
    gemm("A transposed", { transA: 1 }),
    gemm("B transposed", { transB: 1 }),
    gemm("both transposed", { transA: 1, transB: 1 }),
    gemm("scaled", scaled),
    gemm("scaled, A transposed", { ...scaled, transA: 1 }),
    gemm("scaled, B transposed", { ...scaled, transB: 1 }),
    gemm("scaled, both transposed", { ...scaled, transA: 1, transB: 1 }),
    gemm("no C", scaled, null, [11, 13, 17]),
    gemm("C a scalar", scaled, { dims: [] }),
    gemm("C a row", scaled, { dims: [1, 4] }),
    gemm("C a column", scaled, { dims: [2, 1] }),
    gemm("C a matrix", scaled, { dims: [2, 4] }),
    {
      name: "named batch",
      inputs: { a: { dims: [2, 3], declared: ["N", 3] }, w: { dims: [3, 4] }, c: { dims: [4] } },
      build: (b, x) => b.add("Gemm", Object.values(x)),
    },
  ],
  MatMul: [
    shapes([3], [3]),
    shapes([3], [3, 4]),
    shapes([2, 3], [3]),
    shapes([2, 3], [3, 4]),
    shapes([3], [2, 3, 4]),
    shapes([2, 2, 3], [3]),
    shapes([3], [2, 2, 3, 4]),
    shapes([2, 2, 2, 3], [3]),
    shapes([2, 2, 3], [3, 4]),
    shapes([2, 3], [2, 3, 4]),
    shapes([2, 2, 3], [2, 3, 4]),
    shapes([2, 2, 3], [1, 3, 4]),
    shapes([1, 2, 3], [2, 3, 4]),
    shapes([2, 2, 2, 3], [3, 4]),
    shapes([2, 1, 2, 3], [2, 3, 4]),
    shapes([2, 2, 2, 3], [2, 2, 3, 4]),
    matMul("named batch by a matrix", { dims: [2, 5, 3], declared: ["N", 5, 3] }, { dims: [3, 4] }),
    matMul("named batch, both", { dims: [2, 5, 3], declared: ["N", 5, 3] }, { dims: [2, 3, 4], declared: ["N", 3, 4] }),
    matMul("named rows by a vector", { dims: [2, 3], declared: ["N", 3] }, { dims: [3] }),
    matMul(
      "unknown batches",
      { dims: [2, 5, 3], declared: [null, 5, 3] },
      { dims: [1, 3, 4], declared: [null, 3, 4] },
      [13, 17],
    ),
    {
      name: "at opset 7",
      opsets: [7],
      inputs: { l: { dims: [2, 3] }, r: { dims: [3, 4] } },
      build: (b, x) => b.matmul(x["l"]!, x["r"]!),
    },
  ],
} satisfies Readonly<Record<string, readonly Sample[]>>;
