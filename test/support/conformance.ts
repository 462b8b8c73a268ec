import { backward } from "../../src/autodiff/engine.ts";
import { lower } from "../../src/autodiff/lower.ts";
import { messageOf, PerturbError } from "../../src/errors.ts";
import { readOnnx, writeOnnx } from "../../src/onnx/file.ts";
import { inlineFunctions } from "../../src/onnx/functions.ts";
import type { Graph } from "../../src/onnx/graph.ts";
import { Ops } from "../../src/onnx/ops.ts";
import { inFloat32 } from "../../src/onnx/precision.ts";
import { writeTensor } from "../../src/onnx/tensor-proto.ts";
import { upgrade } from "../../src/onnx/upgrade.ts";
import { type Random, randomFor } from "../../src/random.ts";
import type { Program } from "../../src/runtime.ts";
import { distance, filled, HALVES, insideDomain, modelBytes, type Tensors, valuesOf } from "./conformance-data.ts";
import { runtime, withProgram } from "./gradient-check.ts";
import { compareSlope, direction, isReal, map, nearby, type Real, weights } from "./slopes.ts";

/**
 * - `passed`: the gradients of float outputs by float inputs are the slopes of ONNX Runtime's own values. By some of the
 *   inputs it may be refused: scales and the like, which have to be constants; then it says so.
 * - `no gradient`: no float goes in or none comes out, or none of them changes other than in steps, or the values are random.
 * - `refused`: the library says that it does not differentiate this model.
 * - `not run`: ONNX Runtime does not run the model itself.
 */
export type Outcome = "passed" | "no gradient" | "refused" | "not run" | "failed";

export interface Finding {
  readonly outcome: Outcome;
  /** Domain and name of each operator, the domain left out where it is the standard one. */
  readonly operators: readonly string[];
  readonly because?: string;
}

type Found = Omit<Finding, "operators">;

const firstLine = (error: unknown): string => messageOf(error).trim().split("\n")[0]!;

/** Differentiates one model by each of its float inputs, and compares. */
export async function examine(name: string): Promise<Finding> {
  let operators: string[] = [];
  try {
    const graph = readOnnx(modelBytes(name), name);
    operators = [...new Set(graph.nodes.map(({ op, domain }) => (domain ? `${domain}.${op}` : op)))].sort();
    return { ...(await outcomeOf(name, graph)), operators };
  } catch (error) {
    const outcome = error instanceof PerturbError && error.code !== "internal" && error.code !== "runtime";
    return { outcome: outcome ? "refused" : "failed", operators, because: firstLine(error) };
  }
}

const isFloatType = (type: string | null): boolean => type !== null && /float/.test(type);

async function outcomeOf(name: string, original: Graph): Promise<Found> {
  const floatsIn = original.inputs.some((v) => isFloatType(v.type));
  const floatsOut = original.outputs.some((v) => isFloatType(v.type));
  if (!floatsIn || !floatsOut)
    return { outcome: "no gradient", because: `no float ${floatsIn ? "comes out" : "goes in"}` };
  // As the library reads models: without functions, in float32, at an opset that ONNX Runtime has kernels for.
  const graph = upgrade(inFloat32(inlineFunctions(original), HALVES));
  const feeds = valuesOf(name, "input", original.inputs);
  const upgraded = graph.opsets.get("") !== original.opsets.get("");
  let program: Program | undefined;
  try {
    program = await runtime.load(writeOnnx(graph));
    await program.run(feeds);
  } catch (error) {
    await program?.release();
    if (upgraded) throw error;
    return { outcome: "not run", because: firstLine(error) };
  }
  try {
    return await compareAll({
      graph,
      program,
      feeds,
      expected: upgraded && valuesOf(name, "output", original.outputs),
    });
  } finally {
    await program.release();
  }
}

interface Opened {
  readonly graph: Graph;
  readonly program: Program;
  readonly feeds: Tensors;
  /** The standard's values of the outputs, where the graph is not what the file holds. */
  readonly expected: Tensors | false;
}

async function compareAll({ graph, program, feeds: given, expected }: Opened): Promise<Found> {
  const random = randomFor(1, 0);
  const [once, again] = [await program.run(given), await program.run(given)];
  const outputs = graph.outputs.map((v) => v.name).filter((output) => isReal(once[output]!));
  if (outputs.some((output) => once[output]!.data.some((v, i) => !Object.is(v, again[output]!.data[i]))))
    return { outcome: "no gradient", because: "its values are random" };
  const wrong = expected && outputs.find((name) => distance(once[name] as Real, expected[name] as Real) > 1e-3);
  if (typeof wrong === "string") return { outcome: "failed", because: `${wrong}: not the values of the standard` };
  const feeds = filled(given);
  const found: Found[] = [];
  for (const output of outputs)
    for (const [input, t] of Object.entries(feeds))
      if (isReal(t)) found.push(await compareOne({ graph, feeds, input, output }, random));
  const first = (outcome: Outcome) => found.find((f) => f.outcome === outcome);
  const refused = first("refused");
  return first("failed") ?? (first("passed") ? { ...refused, outcome: "passed" } : (refused ?? found[0]!));
}

/** How far points lie from the given one, relative to its size; and of how many elements each direction is. */
const POINTS = [0, 2 ** -7, 2 ** -6, 2 ** -5, 2 ** -5, 2 ** -4];
const DIRECTIONS = [Number.POSITIVE_INFINITY, 4, 1, 1];
/** Of the comparisons at all points along all directions, how many must have a known slope. */
const NEEDED = 4;
/** The same where inputs or outputs are large. */
const LARGE = { elements: 2 ** 16, points: [0], directions: [Number.POSITIVE_INFINITY, 4, 1], needed: 1 };

interface Case {
  readonly graph: Graph;
  /** Values of the inputs of the graph. */
  readonly feeds: Tensors;
  readonly input: string;
  readonly output: string;
}

/** The gradient of one output by one input, where all others are inputs, too; else, where they are constants. */
async function compareOne(given: Case, random: Random): Promise<Found> {
  const { input, output } = given;
  const where = `${output} by ${input}: `;
  const bound = withOthersBound(given);
  for (const which of [given, bound]) {
    const made = gradientGraph(which);
    if (made && "refusal" in made) {
      if (which === bound) return { outcome: "refused", because: where + made.refusal };
      continue;
    }
    const failure = await withProgram(which.graph, (values) =>
      made ? withProgram(made.graph, (g) => compare(which, values, g, random)) : compare(which, values, null, random),
    );
    if (failure) return { outcome: "failed", because: where + failure };
    return made ? { outcome: "passed" } : { outcome: "no gradient", because: `${where}it changes in steps only` };
  }
  throw new Error("unreachable");
}

/** The case in which all inputs but one are constants of the graph: as scales, bounds and sizes are in real models. */
function withOthersBound({ graph, feeds, input, output }: Case): Case {
  const others = Object.entries(feeds).filter(([name]) => name !== input);
  const initializers = new Map([...graph.initializers, ...others.map(([k, t]) => [k, writeTensor(k, t)] as const)]);
  const inputs = graph.inputs.filter((v) => v.name === input);
  return { graph: { ...graph, inputs, initializers }, feeds: { [input]: feeds[input]! }, input, output };
}

/** Compares at points near the given one; says what is wrong. Without a gradient, it is to be zero. */
async function compare({ feeds, input, output }: Case, program: Program, gradients: Program | null, random: Random) {
  const { [output]: first } = (await program.run(feeds, [output])) as Record<string, Real>;
  const start = first!.data.every(Number.isFinite) ? feeds : insideDomain(feeds);
  const given = start[input] as Real;
  const large = Math.max(given.data.length, first!.data.length) > LARGE.elements;
  const [points, directions, needed] = large
    ? [LARGE.points, LARGE.directions, LARGE.needed]
    : [POINTS, DIRECTIONS, NEEDED];
  let known = 0;
  for (const distance of points) {
    const point = Object.fromEntries(
      Object.entries(start).map(([key, t]) => [key, isReal(t) ? nearby(t, distance, random) : t]),
    );
    const x = point[input] as Real;
    const valuesAt = async (v: Real) => (await program.run({ ...point, [input]: v }, [output]))[output] as Real;
    const seed = weights(await valuesAt(x), random);
    const gradient = gradients ? (await gradients.run({ ...point, seed }))["gradient"]! : map(x, () => 0);
    if (!isReal(gradient) || gradient.type !== x.type || String(gradient.dims) !== String(x.dims))
      return `a gradient of ${gradient.type} [${gradient.dims}]`;
    const all = Array.from(x.data, (_, i) => i);
    const moving = all.filter((i) => gradient.data[i] !== 0);
    for (const count of directions) {
      // Along one element, any; along a few, some that matter, where there are any.
      const some = count > 1 && moving.length > 0 ? moving : all;
      const d = direction(given, random, count, some);
      const along = (t: number) => valuesAt(map(x, (v, i) => v + t * d.data[i]!));
      const verdict = await compareSlope(d, gradient, seed, along);
      if (verdict.kind === "differs") return verdict.why;
      if (verdict.kind === "agrees") known++;
    }
  }
  return known < needed ? `the slope is known in ${known} cases only` : null;
}

/** The graph of the gradient of ⟨seed, output⟩; null where there is none. */
function gradientGraph({ graph, input, output }: Case): { graph: Graph } | { refusal: string } | null {
  try {
    const b = new Ops(lower(graph, [input]), "gradient");
    const seed = b.input({ name: "seed", type: b.fact(output).type ?? "float32", dims: b.fact(output).dims });
    const [gradient] = backward(b, output, seed, [input]);
    b.alias("gradient", gradient!);
    return { graph: b.finish(["gradient"]) };
  } catch (error) {
    if (!(error instanceof PerturbError) || error.code === "internal") throw error;
    if (error.data["output"] === output && error.data["input"] === input) return null;
    return { refusal: firstLine(error) };
  }
}
