import { type BatchAxis, batchAxis, batchFirst } from "../../autodiff/batch-axis.ts";
import { type GradientSupport, gradientSupport, obstacles } from "../../autodiff/coverage.ts";
import { asClassifier, differentiate, sampleShape } from "../../autodiff/differentiate.ts";
import { lower } from "../../autodiff/lower.ts";
import type { Reading } from "../../autodiff/reading.ts";
import { markStraightThrough } from "../../autodiff/straight-through.ts";
import { PerturbError } from "../../errors.ts";
import type { Head } from "../../model.ts";
import { multiplyAdds } from "../../onnx/flops.ts";
import { inlineFunctions } from "../../onnx/functions.ts";
import { describeNode, type Graph, type GraphValue, ownInputs } from "../../onnx/graph.ts";
import { bindInput } from "../../onnx/rewrite.ts";
import { elementType } from "../../onnx/tensor-proto.ts";
import type { ElementType } from "../../tensor.ts";
import { defencesOf, undefended } from "../defences/recognise.ts";
import { type Parameter, parametersOf } from "../parameters/find.ts";
import { findArithmetic } from "./arithmetic.ts";
import { countParameters, FLOATS } from "./classifier.ts";
import { realInput } from "./integers.ts";
import { mixingNodes } from "./mixing.ts";

/** What a model file holds, and what can be done with it: numbers and names only. */
export interface Inspection {
  readonly name: string;
  /** `samples`: how many rows are given for an input that takes one for each sample. */
  readonly inputs: readonly (GraphValue & { readonly samples?: number })[];
  readonly outputs: readonly GraphValue[];
  /** Which axis of the input holds the samples, as its shapes tell; "none": the whole input is one sample. */
  readonly batchAxis: BatchAxis;
  /** Nodes that run over the samples of a batch, as far as shapes tell. Each sample is then asked about alone. */
  readonly mixing: readonly string[];
  /** Version of each operator set by domain. */
  readonly opsets: Readonly<Record<string, number>>;
  /** How the graph is used as a classifier, or why it cannot be. */
  readonly classifier:
    | { readonly classes: number; readonly head: Head; readonly assumptions: readonly string[] }
    | { readonly error: string };
  /** Whether a loss on the logits can be differentiated, and if not, why. */
  readonly differentiable: true | { readonly error: string };
  /** How many nodes before the logits step: the gradient passes straight through them. */
  readonly straightThrough: number;
  /** Types of real numbers in inputs and weights. Gradients, and all of what is bfloat16 or float64, are computed in float32. */
  readonly precision: readonly ElementType[];
  readonly operators: readonly {
    readonly op: string;
    readonly domain: string;
    readonly count: number;
    readonly gradient: GradientSupport;
  }[];
  /** Nodes without a gradient rule on the way from input to output. */
  readonly obstacles: readonly string[];
  readonly parameters: number;
  /** The tensors that `perturb harden` can train; none of what is no classifier. */
  readonly trainable: readonly Parameter[];
  /** Of convolutions and matrix products for one sample, by operator; a FLOP count is twice that. */
  readonly multiplyAdds: {
    readonly total: number;
    readonly operators: Readonly<Record<string, number>>;
    readonly uncounted: number;
  };
  /** Defences in front of the network, which attacks adapt to, such as "jpeg:75". */
  readonly defences: readonly string[];
  /** Arithmetic with constants that the graph does to its input before anything else, such as "Sub 0.1307"; of a network with defences, behind them. */
  readonly preprocessing: readonly string[];
}

/**
 * @param shape of one sample, where the graph leaves sizes open
 * @param reading how the output becomes logits, where the graph does not show it, and `straightThrough` as `openModel` has it
 */
export function inspectGraph(
  name: string,
  original: Graph,
  shape?: readonly number[],
  reading: Reading & { readonly straightThrough?: readonly string[] | undefined } = {},
): Inspection {
  const whole = markStraightThrough(rewritten(original, inlineFunctions), reading.straightThrough ?? []);
  const [first, ...others] = ownInputs(whole);
  const axis = batchAxis(whole, shape);
  const isBound = shape && first && others.length === 0;
  const front = batchFirst(whole, shape);
  const graph = isBound ? bindInput(front, first.name, shape) : front;
  const written = rewritten(graph, (g) => lower(g, []));
  const inputs = graph.inputs.map((v) => v.name);
  const classifier = attempt(() => {
    const real = realInput(graph, {}).graph;
    return asClassifier(real, shape ?? sampleShape(real), reading);
  });
  const gradient = "error" in classifier ? classifier : attempt(() => differentiate(classifier));
  const { total, operators, unknown } = multiplyAdds(rewritten(written, (g) => lower(g, inputs)));
  return {
    name,
    inputs: (axis === 0 && isBound ? graph : whole).inputs.map(({ name: of, type, dims, rows }) => ({
      name: of,
      type,
      dims,
      ...(rows && { samples: rows.values.dims[0]! }),
    })),
    outputs: whole.outputs,
    batchAxis: axis,
    mixing: mixingNodes(front).map(describeNode),
    opsets: Object.fromEntries([...graph.opsets].map(([domain, version]) => [domain || "ai.onnx", version])),
    classifier:
      "error" in classifier
        ? classifier
        : { classes: classifier.classes, head: classifier.head, assumptions: classifier.assumptions },
    differentiable: "error" in gradient ? gradient : true,
    straightThrough: "error" in classifier ? 0 : classifier.straightThrough,
    precision: precisionOf(graph),
    operators: operatorsOf(whole),
    obstacles: obstacles(
      written,
      graph.outputs.map((output) => output.name),
    ).map(describeNode),
    parameters: countParameters(graph),
    trainable: "error" in classifier ? [] : parametersOf(classifier.graph, original),
    multiplyAdds: { total, operators, uncounted: unknown.length },
    defences: defencesOf(whole)?.names ?? [],
    preprocessing: findArithmetic(undefended(whole)),
  };
}

function precisionOf({ inputs, initializers }: Graph): ElementType[] {
  const types = [...inputs.map(({ type }) => type), ...[...initializers.values()].map((t) => elementType(t.dataType))];
  return FLOATS.filter((type) => types.includes(type));
}

function operatorsOf(graph: Graph): Inspection["operators"] {
  const counts = new Map<string, Inspection["operators"][number]>();
  for (const { op, domain } of graph.nodes) {
    const key = `${domain}.${op}`;
    const count = (counts.get(key)?.count ?? 0) + 1;
    counts.set(key, { op, domain: domain || "ai.onnx", count, gradient: gradientSupport(op, domain) });
  }
  return [...counts.values()].sort((a, b) => b.count - a.count || a.op.localeCompare(b.op));
}

/** The graph after a rewriting, or as it was where that is not possible. */
function rewritten(graph: Graph, rewrite: (graph: Graph) => Graph): Graph {
  const result = attempt(() => rewrite(graph));
  return "error" in result ? graph : result;
}

/** What `make` makes, or the words of its error. */
function attempt<T extends object>(make: () => T): T | { readonly error: string } {
  try {
    return make();
  } catch (error) {
    if (error instanceof PerturbError) return { error: error.message };
    throw error;
  }
}
