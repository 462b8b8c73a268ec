import { dependents } from "../../autodiff/coverage.ts";
import { PerturbError } from "../../errors.ts";
import { isFloat } from "../../onnx/facts.ts";
import { describeNode, type Graph, type Node } from "../../onnx/graph.ts";
import { inferShapes } from "../../onnx/shapes.ts";
import { elementType } from "../../onnx/tensor-proto.ts";
import { type ElementType, product } from "../../tensor.ts";
import { withConstants } from "./constants.ts";
import { affineRole, CARRIERS, type ParameterRole, QUANTIZED, roleOf } from "./places.ts";

/** A tensor of a network that can be learned: an initializer, or the value of a Constant node. */
export interface Parameter {
  /** Of the initializer, or of the Constant node's output. */
  readonly name: string;
  readonly dims: readonly number[];
  /** As it is stored: learned in float32, and rounded to this. */
  readonly type: ElementType;
  readonly role: ParameterRole;
  /** The operator that takes it first. */
  readonly operator: string;
}

/**
 * The tensors of a classifier's graph that its loss changes with in the place of a weight, bias or scale, each once, in the order of the
 * nodes that take them. Some stand behind a Transpose, Reshape or Cast: then it is the stored tensor that is learned. Stored statistics
 * (BatchNormalization), sizes, bounds, exponents and arithmetic before the first weight are constants.
 * @param graph of a classifier, with the input `x`
 */
export function findParameters(graph: Graph, input = "x"): Parameter[] {
  const { initializers, nodes } = withConstants(graph);
  const facts = inferShapes({ ...graph, initializers, nodes });
  const typeOf = (name: string) => facts.get(name)?.type ?? null;
  const reached = dependents(nodes, [input], typeOf);
  const makers = new Map(nodes.flatMap((node) => node.outputs.map((output) => [output, node] as const)));
  const found = new Map<string, Parameter>();
  /** Values with a weight before them. */
  const weighted = new Set<string>();

  /** The stored tensor behind a value, if it is one that is only moved or cast on the way. */
  const storedBehind = (value: string): string | undefined => {
    if (initializers.has(value)) return value;
    const maker = makers.get(value);
    return maker && CARRIERS.has(maker.op) && maker.domain === "" ? storedBehind(maker.inputs[0]!) : undefined;
  };
  const take = (value: string, role: ParameterRole, node: Node): void => {
    const name = storedBehind(value);
    const stored = name === undefined ? undefined : initializers.get(name);
    const type = stored && elementType(stored.dataType);
    if (name === undefined || !type || !isFloat(type) || found.has(name)) return;
    found.set(name, { name, dims: stored.dims.map(Number), type, role, operator: node.op });
  };

  for (const node of nodes) {
    if (!node.outputs.some((name) => reached.has(name))) continue;
    let isWeighted = node.inputs.some((name) => weighted.has(name));
    for (const [i, value] of node.inputs.entries()) {
      if (value === "" || reached.has(value)) continue;
      const role = roleOf(node.op, node.domain, i);
      if (role) take(value, role, node);
      if (role === "weight") isWeighted = true;
      const affine = isWeighted ? affineRole(node.op, node.domain) : null;
      // One number alone is a constant of a formula, such as the 0.5 of a GELU.
      if (affine && product((facts.get(value)?.dims ?? []).map(Number)) > 1) take(value, affine, node);
    }
    if (isWeighted) for (const name of node.outputs) weighted.add(name);
  }
  return [...found.values()];
}

/** The parameters of a classifier as the file that it was made from stores them. */
export interface StoredParameters {
  /** By the names and in the types that they have in the file; `value` is what the classifier calls each. */
  readonly found: readonly { readonly parameter: Parameter; readonly value: string }[];
  /** Those that the file holds in another form, such as inside of a function, by the classifier's names. */
  readonly others: readonly string[];
}

/** Finds what a value of a classifier is in the file that it was made from, where this holds a float tensor of its shape. */
export function storedAs(classifier: Graph, stored: Graph) {
  const [own, theirs] = [withConstants(classifier).initializers, withConstants(stored).initializers];
  return (
    value: string,
    dims: readonly number[],
    place: Pick<Parameter, "role" | "operator">,
  ): Parameter | undefined => {
    for (const name of namesBefore(value)) {
      const proto = theirs.get(name);
      const type = proto && elementType(proto.dataType);
      if (!type || !isFloat(type) || String(proto.dims) !== String(dims)) continue;
      if (name === value || !own.has(name)) return { name, dims, type, ...place };
    }
    return undefined;
  };
}

/** @param stored the graph of the file that the classifier was made from */
export function storedParameters(classifier: Graph, stored: Graph): StoredParameters {
  const find = storedAs(classifier, stored);
  const found: { parameter: Parameter; value: string }[] = [];
  const others: string[] = [];
  for (const { name: value, dims, role, operator } of findParameters(classifier)) {
    const parameter = find(value, dims, { role, operator });
    if (parameter) found.push({ parameter, value });
    else others.push(value);
  }
  return { found, others };
}

/** The parameters alone. */
export const parametersOf = (classifier: Graph, stored: Graph): Parameter[] =>
  storedParameters(classifier, stored).found.map(({ parameter }) => parameter);

/** A value called as one of a classifier's own (`x`, `labels`, `loss`, …) was given strokes at its end: see `freeNames`. */
function namesBefore(name: string): string[] {
  const names = [name];
  while (names.at(-1)!.endsWith("_")) names.push(names.at(-1)!.slice(0, -1));
  return names;
}

/** @throws unsupported where the weights of a graph are whole numbers, which no gradient moves */
export function refuseQuantized(graph: Graph, model: string): void {
  const { initializers, nodes } = withConstants(graph);
  const isWhole = (name: string): boolean => {
    const stored = initializers.get(name);
    return stored !== undefined && !isFloat(elementType(stored.dataType) ?? "float32");
  };
  const node = nodes.find(
    ({ op, inputs }) => QUANTIZED.has(op) || (op === "DequantizeLinear" && isWhole(inputs[0] ?? "")),
  );
  if (!node) return;
  throw new PerturbError(
    "unsupported",
    `${model} is quantised: ${describeNode(node)} keeps its weights as whole numbers, which no gradient moves. Train the float model that it was made from, and quantise the result.`,
    { data: { op: node.op } },
  );
}
