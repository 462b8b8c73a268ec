import { emptyGraph } from "../../src/onnx/builder.ts";
import type { Graph } from "../../src/onnx/graph.ts";
import { Ops } from "../../src/onnx/ops.ts";
import type { Random } from "../../src/random.ts";
import { tensor } from "../../src/tensor.ts";
import { withProgram } from "./gradient-check.ts";
import { dense, drawn, pick, SIZE, type Step, steps } from "./operator-steps.ts";

const OPSET = 20;
/** Values beyond it are scaled down, most of the time, so that one operator does not drown the others. */
const LARGE = 4;

/** A graph of 2 to 8 operators, [N, 4] to [N, 4], and which ones. */
export interface RandomGraph {
  readonly graph: Graph;
  readonly names: readonly string[];
}

/** Each operator takes any values made before it, so that branches meet, and products of two unknowns are common. */
export async function randomGraph(random: Random, only: readonly string[] = Object.keys(steps)): Promise<RandomGraph> {
  const b = new Ops(emptyGraph("random", OPSET));
  const values = [b.input({ name: "x", type: "float32", dims: ["N", SIZE] })];
  const names: string[] = [];
  const any = (): string => {
    // The newest one most often, so that graphs are deep.
    const x = random.uniform() < 0.6 ? values.at(-1)! : pick(random, values);
    return random.uniform() < 0.4 ? dense(b, x, random) : x;
  };
  for (let i = 2 + random.integer(7); i > 0; i--) {
    const name = pick(random, only);
    names.push(name);
    const step: Step = steps[name]!;
    const y = step(b, any(), random, any);
    values.push(await scaled(b, y, random));
  }
  const last = [values.at(-1)!, ...(random.uniform() < 0.5 ? [any()] : [])];
  b.alias("logits", dense(b, b.sum(last), random));
  return { graph: b.finish(["logits"]), names };
}

const POINTS = 64;
async function scaled(b: Ops, y: string, random: Random): Promise<string> {
  if (random.uniform() < 0.15) return y;
  const most = await withProgram(b.finish([y]), async (program) => {
    const results = await program.run({ x: drawn(random, [POINTS, SIZE], 2) });
    return (results[y]!.data as Float32Array).reduce((largest, v) => Math.max(largest, Math.abs(v)), 0);
  });
  if (most <= LARGE) return y;
  const by = Number.isFinite(most) ? 2 / most : 0;
  return b.mul(y, b.constant(tensor("float32", [], Float32Array.of(by))));
}
