import { describe, expect, it } from "vitest";
import { emptyGraph } from "../onnx/builder.ts";
import { writeOnnx } from "../onnx/file.ts";
import { Ops } from "../onnx/ops.ts";
import { nodeRuntime } from "../runtime/ort.node.ts";
import type { Tensor } from "../tensor.ts";
import type { Optimizer } from "../train.ts";
import { adam } from "./adam.ts";
import { sgd } from "./sgd.ts";

const vector = (data: Float32Array): Tensor => ({ type: "float32", dims: [data.length], data });

/** Parameters after each of four steps at rate 0.1, from (1, -2, 0) with gradients (0.5, -1, 2) / step. */
async function steps(optimizer: Optimizer): Promise<number[][]> {
  const b = new Ops(emptyGraph("update"));
  const input = (name: string, dims: number[]) => b.input({ name, type: "float32", dims });
  const named = (names: string[], dims: number[]) => Object.fromEntries(names.map((name) => [name, input(name, dims)]));
  const next = optimizer.update({
    b,
    parameters: input("parameters", [3]),
    gradient: input("gradient", [3]),
    state: named([...optimizer.state], [3]),
    scalars: named(Object.keys(optimizer.scalars(1, 1)), []),
  });
  const outputs = { parameters: next.parameters, ...next.state };
  const program = await nodeRuntime("cpu", 1).load(writeOnnx(b.finish(Object.values(outputs))));
  let values: Record<string, Tensor> = { parameters: vector(Float32Array.of(1, -2, 0)) };
  for (const name of optimizer.state) values[name] = vector(new Float32Array(3));
  const seen: number[][] = [];
  for (let step = 1; step <= 4; step++) {
    const scalars = Object.entries(optimizer.scalars(step, 0.1)).map(([name, value]): [string, Tensor] => [
      name,
      { type: "float32", dims: [], data: Float32Array.of(value) },
    ]);
    const gradient = vector(Float32Array.of(0.5 / step, -1 / step, 2 / step));
    const result = await program.run({ ...values, gradient, ...Object.fromEntries(scalars) });
    values = Object.fromEntries(Object.entries(outputs).map(([name, output]) => [name, result[output]!]));
    seen.push([...(values["parameters"]!.data as Float32Array)]);
  }
  return seen;
}

/** From torch 2.13.0 in float64: test/fixtures/pytorch/lenet_training.py. */
const CASES: readonly [string, Optimizer, number[][]][] = [
  [
    "Adam",
    adam(),
    [
      [0.900000002, -1.900000001, -0.1],
      [0.80678204, -1.806782038, -0.193217963],
      [0.71946619, -1.719466187, -0.280533815],
      [0.637342307, -1.637342302, -0.3626577],
    ],
  ],
  [
    "Adam with weight decay",
    adam({ weightDecay: 0.1 }),
    [
      [0.900000002, -1.900000001, -0.1],
      [0.805009766, -1.804812434, -0.193070585],
      [0.714324764, -1.713591165, -0.279973302],
      [0.62751343, -1.625777754, -0.361313501],
    ],
  ],
  [
    "Adam with other betas and epsilon",
    adam({ betas: [0.5, 0.9], epsilon: 0.01 }),
    [
      [0.901960784, -1.900990099, -0.099502488],
      [0.818417193, -1.816386292, -0.184646558],
      [0.747378172, -1.744271447, -0.257311627],
      [0.686497195, -1.682329858, -0.319797501],
    ],
  ],
  [
    "SGD with momentum",
    sgd(),
    [
      [0.95, -1.9, -0.2],
      [0.88, -1.76, -0.48],
      [0.800333333, -1.600666667, -0.798666667],
      [0.716133333, -1.432266667, -1.135466667],
    ],
  ],
  [
    "SGD with weight decay alone",
    sgd({ momentum: 0, weightDecay: 0.1 }),
    [
      [0.94, -1.88, -0.2],
      [0.9056, -1.8112, -0.298],
      [0.879877333, -1.759754667, -0.361686667],
      [0.85857856, -1.71715712, -0.4080698],
    ],
  ],
];

describe("optimizers step as torch's", () => {
  it.each(CASES)("%s", async (_, optimizer, expected) => {
    const got = await steps(optimizer);
    for (const [i, row] of expected.entries())
      for (const [j, value] of row.entries()) expect(Math.abs(got[i]![j]! - value)).toBeLessThan(1e-6);
  });
});
