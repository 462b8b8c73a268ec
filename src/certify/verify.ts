import { checkSignal, PerturbError } from "../errors.ts";
import type { Graph } from "../onnx/graph.ts";
import { option } from "../option.ts";
import type { Runtime } from "../runtime.ts";
import { openBounds } from "./bounds.ts";
import { asNetwork } from "./network.ts";
import type { Case, Property } from "./property.ts";
import { openRuns } from "./runs.ts";
import { search } from "./search.ts";
import { split } from "./split.ts";
import { conditionsOf, type Witness } from "./witness.ts";

export interface VerifyOptions {
  readonly runtime: Runtime;
  /** Seconds. */
  readonly timeout?: number | undefined;
  readonly seed?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * `sat`: a counterexample exists, which the file itself confirms, inside of the box without any tolerance. `unsat`: there is none among
 * the float32 numbers of the box, whatever the order in which the CPU's kernels add up. `unknown`: neither was shown, with the reason.
 */
export type Answer =
  | { readonly answer: "sat"; readonly witness: Witness }
  | { readonly answer: "unsat"; readonly domains: number }
  | { readonly answer: "unknown"; readonly reason: string }
  | { readonly answer: "timeout"; readonly domains: number };

/**
 * Whether a network has a property: by looking for a counterexample, by bounds, and by splitting the box where they leave it open.
 * @throws unsupported, mismatch, usage, runtime, cancelled
 */
export async function verify(file: Graph, property: Property, options: VerifyOptions): Promise<Answer> {
  const { runtime, timeout = 60, seed = 0, signal } = options;
  if (!(timeout > 0))
    throw new PerturbError("usage", `${option("timeout")} must be more than 0 seconds, got ${timeout}.`);
  if (runtime.device !== "cpu")
    throw new PerturbError(
      "unsupported",
      `Proofs hold for the order and precision of CPU kernels alone, not for ${runtime.device}. Use ${option("device", "cpu")}.`,
    );
  const end = performance.now() + 1000 * timeout;
  const late = (): boolean => performance.now() > end;
  const network = asNetwork(file, property);
  checkCoefficients(property);
  const cases = property.cases.filter(({ lower, upper }) => lower.every((l, i) => l <= upper[i]!));
  if (cases.length === 0) return { answer: "unsat", domains: 0 };
  const bounds = await openBounds(network.graph, runtime);
  const runs = await openRuns(file, network, runtime).catch(async (error: unknown) => {
    await bounds.release();
    throw error;
  });
  try {
    let domains = 0;
    const left: Case[] = [];
    for (const starts of [8, 128]) {
      for (const of of cases) {
        checkSignal(signal);
        if (late()) return { answer: "timeout", domains };
        const conditions = conditionsOf(of, network.outputs);
        const witness = await search(runs, of, conditions, network.sample, {
          starts,
          steps: starts === 8 ? 10 : 40,
          seed,
        });
        if (witness) return { answer: "sat", witness };
      }
    }
    for (const of of cases) left.push(of);
    const parts = { bounds, runs, sample: network.sample, outputs: network.outputs };
    for (const of of left) {
      const result = await split(parts, of, { late, signal });
      domains += result.domains;
      if (result.kind === "witness") return { answer: "sat", witness: result.witness };
      if (result.kind === "late") return { answer: "timeout", domains };
      if (result.kind === "open") return { answer: "unknown", reason: result.reason };
    }
    return { answer: "unsat", domains };
  } finally {
    await Promise.all([bounds.release(), runs.release()]);
  }
}

/** Bounds take coefficients in float32: others would be other conditions. */
function checkCoefficients({ cases }: Property): void {
  for (const { outputs } of cases)
    for (const row of outputs)
      for (const [, by] of row.coefficients) {
        const value = Number(`${by.digits}e${by.exponent}`);
        if (Math.fround(value) !== value)
          throw new PerturbError(
            "unsupported",
            `The coefficient ${value} of an output is no float32 number. Scale the condition so that its coefficients are.`,
          );
      }
}
