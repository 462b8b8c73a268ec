import { checkSignal, PerturbError } from "../../errors.ts";
import type { Graph } from "../../onnx/graph.ts";
import { option } from "../../option.ts";
import type { Runtime } from "../../runtime.ts";
import { type BoundsOf, openBounds } from "../bounds/bounds.ts";
import { asNetwork } from "../bounds/network.ts";
import { requireCpu } from "../device.ts";
import { fromNumber, isEqual, toNumber } from "../vnnlib/decimal.ts";
import type { Answer } from "./answer.ts";
import { decideDense } from "./dense/decide.ts";
import { denseLayers } from "./dense/layers.ts";
import { type Case, isEmpty, type Property } from "./property.ts";
import { openDenseRuns, openRuns, type Runs } from "./runs.ts";
import { search } from "./search.ts";
import { splitSigns } from "./signs.ts";
import { MOST_INPUTS, split } from "./split.ts";
import { conditionsOf } from "./witness.ts";

export interface VerifyOptions {
  readonly runtime: Runtime;
  /** Seconds. */
  readonly timeout?: number | undefined;
  readonly seed?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Whether a network has a property: by looking for a counterexample, by bounds, and by splitting the box where they leave it open.
 * @throws unsupported, mismatch, usage, runtime, cancelled
 */
export async function verify(file: Graph, property: Property, options: VerifyOptions): Promise<Answer> {
  const { runtime, timeout = 60, seed = 0, signal } = options;
  if (!(timeout > 0))
    throw new PerturbError("usage", `${option("timeout")} must be more than 0 seconds, got ${timeout}.`);
  requireCpu(runtime, "Proofs");
  const end = performance.now() + 1000 * timeout;
  const late = (): boolean => performance.now() > end;
  const network = asNetwork(file, property);
  checkCoefficients(property);
  const cases = property.cases.filter((one) => !isEmpty(one));
  if (cases.length === 0)
    throw new PerturbError(
      "usage",
      "No case of the property has an input in its box: there is nothing to verify. Give one that has.",
    );
  const without = property.cases.length - cases.length;
  const unsat = (domains: number): Answer => ({ answer: "unsat", domains, ...(without > 0 && { empty: without }) });
  const layers = property.inputs <= MOST_INPUTS ? denseLayers(network.graph) : undefined;
  if (layers) {
    const runs = await openDenseRuns(file, network, { layers, runtime });
    try {
      const answer = await decideDense(layers, byBox(cases), { runs, sample: network.sample, seed, late, signal });
      return answer.answer === "unsat" ? unsat(answer.domains) : answer;
    } finally {
      await runs.release();
    }
  }
  const isByInputs = property.inputs <= MOST_INPUTS;
  // Of few inputs, graphs of bounds are long and small.
  const brief: Runtime = { ...runtime, load: (model, folder) => runtime.load(model, folder, true) };
  const timed = until(late, isByInputs ? brief : runtime);
  let domains = 0;
  let bounds: BoundsOf | undefined;
  let runs: Runs | undefined;
  try {
    // What has no bounds is refused by name, before anything runs.
    bounds = await openBounds(network.graph, timed);
    runs = await openRuns(file, network, runtime);
    const parts = { bounds, runs, sample: network.sample, outputs: network.outputs };
    let left = cases;
    const groupsOf = (of: readonly Case[]) => (isByInputs ? of.map((one) => [one]) : byBox(of));
    // First what is cheap, of all cases: a counterexample that is easy to find, and bounds of the whole box.
    for (const effort of [
      { starts: 8, steps: 10, most: 1 },
      { starts: 128, steps: 40 },
    ]) {
      for (const of of left) {
        checkSignal(signal);
        if (late()) return { answer: "timeout", domains };
        const witness = await search(runs, of, conditionsOf(of, network.outputs), network.sample, { ...effort, seed });
        if (witness) return { answer: "sat", witness };
      }
      const open: Case[] = [];
      for (const group of groupsOf(left)) {
        const options = { late, signal, most: effort.most };
        const result = isByInputs ? await split(parts, group[0]!, options) : await splitSigns(parts, group, options);
        domains += result.domains;
        if (result.kind === "witness") return { answer: "sat", witness: result.witness };
        if (result.kind === "late") return { answer: "timeout", domains };
        if (result.kind === "open" && effort.most === undefined) return { answer: "unknown", reason: result.reason };
        if (result.kind === "open") open.push(...group);
      }
      left = open;
    }
    return unsat(domains);
  } catch (error) {
    if (error instanceof OutOfTime) return { answer: "timeout", domains };
    throw error;
  } finally {
    await Promise.all([bounds?.release(), runs?.release()]);
  }
}

class OutOfTime extends Error {}

/** A runtime that neither loads nor runs anything more once time is over: each may take seconds. */
function until(late: () => boolean, runtime: Runtime): Runtime {
  const check = (): void => {
    if (late()) throw new OutOfTime();
  };
  return {
    ...runtime,
    async load(model, folder, isBrief) {
      check();
      const program = await runtime.load(model, folder, isBrief);
      return {
        ...program,
        run(feeds, fetches) {
          check();
          return program.run(feeds, fetches);
        },
      };
    },
  };
}

/** Cases over the same box, together. */
function byBox(cases: readonly Case[]): Case[][] {
  const groups: Case[][] = [];
  const isSame = (a: Float32Array, b: Float32Array) => a.every((v, i) => v === b[i]);
  for (const of of cases) {
    const group = groups.find(([first]) => isSame(first!.lower, of.lower) && isSame(first!.upper, of.upper));
    if (group) group.push(of);
    else groups.push([of]);
  }
  return groups;
}

/** Bounds take coefficients in float32: others would be other conditions. */
function checkCoefficients({ cases }: Property): void {
  for (const { outputs } of cases)
    for (const row of outputs)
      for (const [, by] of row.coefficients) {
        const value = toNumber(by);
        if (Math.fround(value) !== value || !isEqual(by, fromNumber(value)))
          throw new PerturbError(
            "unsupported",
            `The coefficient ${by.digits}e${by.exponent} of an output is no float32 number. Scale the condition so that its coefficients are.`,
          );
      }
}
