import { type GradientSupport, gradientSupport, obstacles } from "../autodiff/coverage.ts";
import { asClassifier, differentiate } from "../autodiff/differentiate.ts";
import { PerturbError } from "../errors.ts";
import { multiplyAdds } from "../onnx/flops.ts";
import { describeNode, type Graph, type GraphValue } from "../onnx/graph.ts";
import { bindInput } from "../onnx/rewrite.ts";
import { findArithmetic } from "./arithmetic.ts";
import { countParameters } from "./classifier.ts";

/** What a model file holds, and what can be done with it: numbers and names only. */
export interface Inspection {
  readonly name: string;
  readonly inputs: readonly GraphValue[];
  readonly outputs: readonly GraphValue[];
  /** Version of each operator set by domain. */
  readonly opsets: Readonly<Record<string, number>>;
  /** How the graph is used as a classifier, or why it cannot be. */
  readonly classifier:
    | { readonly classes: number; readonly head: "logits" | "softmax" | "log-softmax" }
    | { readonly error: string };
  /** Whether a loss on the logits can be differentiated, and if not, why. */
  readonly differentiable: true | { readonly error: string };
  readonly operators: readonly {
    readonly op: string;
    readonly domain: string;
    readonly count: number;
    readonly gradient: GradientSupport;
  }[];
  /** Nodes without a gradient rule on the way from input to output. */
  readonly obstacles: readonly string[];
  readonly parameters: number;
  /** Of convolutions and matrix products for one sample, by operator; a FLOP count is twice that. */
  readonly multiplyAdds: {
    readonly total: number;
    readonly operators: Readonly<Record<string, number>>;
    readonly uncounted: number;
  };
  /** Arithmetic with constants that the graph does to its input before anything else, such as "Sub 0.1307". */
  readonly preprocessing: readonly string[];
}

/** @param shape of one sample, where the graph leaves sizes open */
export function inspectGraph(name: string, original: Graph, shape?: readonly number[]): Inspection {
  const [first] = original.inputs;
  const graph = shape && first && original.inputs.length === 1 ? bindInput(original, first.name, shape) : original;
  const classifier = attempt(() => (shape ? asClassifier(graph, shape) : asClassifier(graph)));
  const gradient = "error" in classifier ? classifier : attempt(() => differentiate(classifier));
  const { total, operators, unknown } = multiplyAdds(graph);
  return {
    name,
    inputs: graph.inputs,
    outputs: graph.outputs,
    opsets: Object.fromEntries([...graph.opsets].map(([domain, version]) => [domain || "ai.onnx", version])),
    classifier: "error" in classifier ? classifier : { classes: classifier.classes, head: classifier.head },
    differentiable: "error" in gradient ? gradient : true,
    operators: operatorsOf(graph),
    obstacles: [...new Set(graph.outputs.flatMap((output) => obstacles(graph, output.name)))].map(describeNode),
    parameters: countParameters(graph),
    multiplyAdds: { total, operators, uncounted: unknown.length },
    preprocessing: findArithmetic(graph),
  };
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

/** What `make` makes, or the words of its error. */
function attempt<T extends object>(make: () => T): T | { readonly error: string } {
  try {
    return make();
  } catch (error) {
    if (error instanceof PerturbError) return { error: error.message };
    throw error;
  }
}
