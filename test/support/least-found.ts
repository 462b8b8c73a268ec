import type { Box } from "../../src/certify/bounds/box.ts";
import { stepped } from "../../src/certify/bounds/box.ts";
import { PerturbError } from "../../src/errors.ts";
import type { Graph } from "../../src/onnx/graph.ts";
import type { Random } from "../../src/random.ts";
import { type FloatTensor, sampleSize, tensor } from "../../src/tensor.ts";
import { withGradients, withProgram } from "./gradient-check.ts";

/** Looks for points of a box at which a row of coefficients gives little. */
export interface LeastFinder {
  /**
   * The least Σ row·logits found for each row: at random points and corners, at those given, and along the gradient from the best of them. -Infinity
   * where a logit is no number there.
   */
  readonly least: (box: Box, rows: FloatTensor, tried?: readonly Float32Array[]) => Promise<Float64Array>;
}

export interface Effort {
  readonly points: number;
  /** Of PGD, from how many points of each row. */
  readonly starts: number;
  readonly steps: number;
}

const AT_ONCE = 2000;

/** @param graph `x` [N, ...] to `logits` [N, outputs] */
export async function withLeastFinder<T>(
  graph: Graph,
  { points, starts, steps }: Effort,
  random: Random,
  use: (finder: LeastFinder) => Promise<T>,
): Promise<T> {
  const run = async (finder: (x: FloatTensor) => Promise<Float32Array>, gradient: Gradient | null) => {
    const least = async ({ centre, lower, upper }: Box, rows: FloatTensor, tried: readonly Float32Array[] = []) => {
      const size = sampleSize(centre);
      const outputs = sampleSize(rows);
      const count = rows.dims[0]!;
      const best = Array.from({ length: count }, (): Candidate[] => []);
      const look = async (x: Float32Array): Promise<void> => {
        const n = x.length / size;
        const y = await finder(tensor("float32", [n, ...centre.dims.slice(1)], x));
        for (let row = 0; row < count; row++)
          for (let p = 0; p < n; p++) {
            let value = 0;
            for (let k = 0; k < outputs; k++) value += rows.data[row * outputs + k]! * y[p * outputs + k]!;
            keep(best[row]!, { value: Number.isNaN(value) ? -Infinity : value, at: x, from: p * size }, starts);
          }
      };
      for (let done = 0; done < points; done += AT_ONCE)
        await look(drawnFrom({ lower, upper }, Math.min(AT_ONCE, points - done), size, random));
      for (const x of tried) await look(x);
      if (gradient) {
        let x = Float32Array.from(best.flat().flatMap(({ at, from }) => [...at.subarray(from, from + size)]));
        const seed = Float32Array.from(
          best.flatMap((of, row) => of.flatMap(() => [...rows.data.subarray(row * outputs, (row + 1) * outputs)])),
        );
        for (let step = 0; step < steps; step++) {
          const g = await gradient(tensor("float32", [x.length / size, ...centre.dims.slice(1)], x), seed);
          const share = 0.5 * 0.8 ** step;
          x = x.map((v, i) => stepped(v, g[i]!, -share, lower.data[i % size]!, upper.data[i % size]!));
          await look(x);
        }
        // The best points by themselves: kernels add up in another order for one sample.
        for (const { at, from } of best.map((of) => of[0]!)) await look(at.slice(from, from + size));
      }
      return Float64Array.from(best, (of) => of[0]!.value);
    };
    return use({ least });
  };
  return withProgram(graph, async (program) => {
    const logits = async (x: FloatTensor) => (await program.run({ x }))["logits"]!.data as Float32Array;
    const gradient = gradientGraph(graph);
    if (!gradient) return run(logits, null);
    return withProgram(gradient.graph, async (backwards) =>
      run(logits, async (x, seed) => {
        const dims = [x.dims[0]!, seed.length / x.dims[0]!];
        return (await backwards.run({ x, seed: tensor("float32", dims, seed) }))[gradient.name]!.data as Float32Array;
      }),
    );
  });
}

type Gradient = (x: FloatTensor, seed: Float32Array) => Promise<Float32Array>;

/** Null where no gradient flows, as through steps. */
function gradientGraph(graph: Graph) {
  try {
    const { b, names } = withGradients(graph, ["x"], "float32");
    return { graph: b.finish(names), name: names[0]! };
  } catch (error) {
    if (error instanceof PerturbError && error.code === "no-gradient") return null;
    throw error;
  }
}

interface Candidate {
  readonly value: number;
  readonly at: Float32Array;
  readonly from: number;
}

/** The smallest first. */
function keep(best: Candidate[], candidate: Candidate, most: number): void {
  if (best.length === most && !(candidate.value < best.at(-1)!.value)) return;
  const at = best.findIndex(({ value }) => candidate.value < value);
  best.splice(at < 0 ? best.length : at, 0, candidate);
  if (best.length > most) best.pop();
}

/** Half of them corners, and some near the faces. */
function drawnFrom({ lower, upper }: Pick<Box, "lower" | "upper">, count: number, size: number, random: Random) {
  return Float32Array.from({ length: count * size }, (_, k) => {
    const [l, u] = [lower.data[k % size]!, upper.data[k % size]!];
    const kind = Math.floor(k / size) % 4;
    const share = kind < 2 ? random.integer(2) : kind === 2 && random.uniform() < 0.5 ? 0 : random.uniform();
    return Math.min(u, Math.max(l, Math.fround(l + (u - l) * share)));
  });
}
