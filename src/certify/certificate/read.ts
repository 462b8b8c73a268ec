import { PerturbError } from "../../errors.ts";
import type { Fact } from "../../onnx/facts.ts";
import { type Graph, type Node, ownInputs } from "../../onnx/graph.ts";
import { inferShapes } from "../../onnx/shapes.ts";
import { readTensor } from "../../onnx/tensor-proto.ts";
import { product, type Tensor } from "../../tensor.ts";
import { curveOperators } from "./curves.ts";
import type { Layer, Layers } from "./layers.ts";
import { linearOperators } from "./linear.ts";
import { indices, place } from "./matrix.ts";
import { moveOperators } from "./moves.ts";
import { type Constant, type Made, notChecked, type Operator, type OperatorContext, operand } from "./operator.ts";
import { windowOperators } from "./windows.ts";

/** Elements of all values together: more would be off by more than the bounds allow for. */
const MOST_ELEMENTS = 2 ** 22;

/** The same elements in the same order, in a shape that the graph itself tells. */
const same: Operator = (context) => {
  const { node } = context;
  if (node.op === "Dropout" && node.inputs[2]) throw notChecked(node, "it in training");
  return { kind: "same", dims: context.outputDims(), from: operand(context, 0) };
};

const SAME = ["Identity", "Flatten", "Reshape", "Squeeze", "Unsqueeze", "Dropout"] as const;

const operators: Readonly<Record<string, Operator>> = {
  ...linearOperators,
  ...windowOperators,
  ...moveOperators,
  ...curveOperators,
  ...Object.fromEntries(SAME.map((op) => [op, same])),
};

/**
 * The layers of a classifier's graph, `x` [n, ...] to `logits` [n, classes], for one sample at a time, as a certificate is checked with
 * them: written apart from the engine that makes bounds. It shares with it how a file is read and how shapes are inferred.
 * @throws unsupported for an operator, a type or a shape that the checker does not know
 */
export function readLayers(graph: Graph): Layers {
  const [input, ...others] = graph.inputs;
  if (!input?.dims || others.length > 0 || ownInputs(graph).length !== 1 || graph.outputs.length !== 1)
    throw new PerturbError("unsupported", "Certificates are for a classifier with one input and one output.");
  const [batch, ...shape] = input.dims;
  if ((typeof batch === "number" && batch !== 1) || !shape.every((d): d is number => typeof d === "number"))
    throw new PerturbError("unsupported", `Certificates are for one sample of a fixed shape, not [${input.dims}].`);
  if (input.type !== "float32") throw new PerturbError("unsupported", "Certificates are for an input of float32.");
  const facts = inferShapes({ ...graph, inputs: [{ ...input, dims: [1, ...shape] }] });
  const layers: Layer[] = [];
  const values = new Map<string, { readonly at: number; readonly dims: readonly number[] }>([
    [input.name, { at: 0, dims: [1, ...shape] }],
  ]);
  const constants = constantsOf(graph, facts);
  for (const node of graph.nodes) {
    if (node.op === "Shape" || node.op === "Size" || !node.inputs.some((name) => values.has(name))) continue;
    const operator = node.domain === "" && Object.hasOwn(operators, node.op) ? operators[node.op] : undefined;
    if (!operator) throw notChecked(node, "this operator");
    const made = operator({
      node,
      dims: (i) => values.get(node.inputs[i]!)?.dims ?? constants(node, node.inputs[i]!).dims,
      outputDims: () => knownDims(node, facts.get(node.outputs[0]!)),
      value: (i) => values.get(node.inputs[i] ?? "")?.at,
      constant: (i) => constants(node, node.inputs[i]!),
      integers: (i) => wholeNumbers(node, facts.get(node.inputs[i]!)),
    } satisfies OperatorContext);
    values.set(node.outputs[0]!, { at: append(layers, node, made, product(shape)), dims: made.dims });
  }
  const last = values.get(graph.outputs[0]!.name);
  if (last?.dims[0] !== 1 || last.dims.length !== 2)
    throw new PerturbError("unsupported", "The output of the graph is no row of logits for each sample.");
  if (layers.reduce((n, { size }) => n + size, product(shape)) > MOST_ELEMENTS)
    throw new PerturbError(
      "unsupported",
      `The network has more than ${MOST_ELEMENTS} neurons: too many for a certificate.`,
    );
  const names = new Map([...values].map(([name, { at }]) => [name, at]));
  return { shape, inputs: product(shape), layers, output: last.at, classes: last.dims[1]!, names };
}

/** The place of the value that a node makes. */
function append(layers: Layer[], node: Node, made: Made, inputs: number): number {
  const size = product(made.dims);
  const sizeOf = (at: number) => (at === 0 ? inputs : layers[at - 1]!.size);
  if (made.dims[0] !== 1) throw notChecked(node, `an output of shape [${made.dims}] for one sample`);
  if (made.kind === "same") {
    if (sizeOf(made.from) !== size) throw notChecked(node, `how ${sizeOf(made.from)} elements become [${made.dims}]`);
    return made.from;
  }
  if (node.outputs.slice(1).some((name) => name !== "")) throw notChecked(node, "its other outputs");
  const { dims: _, ...layer } = made;
  layers.push({ ...layer, name: node.outputs[0]!, size });
  return layers.length;
}

function knownDims(node: Node, fact: Fact | undefined): readonly number[] {
  const dims = fact?.dims;
  if (!dims?.every((d): d is number => typeof d === "number")) throw notChecked(node, "the shape of its output");
  return dims;
}

function wholeNumbers(node: Node, fact: Fact | undefined): readonly number[] {
  const values = fact?.values;
  if (!values?.every((d): d is number => typeof d === "number")) throw notChecked(node, "its inputs");
  return values;
}

/** Reads constants of the file, also those that only change their shape. */
function constantsOf(graph: Graph, facts: ReadonlyMap<string, Fact>): (node: Node, name: string) => Constant {
  const made = new Map<string, Node>(graph.nodes.map((node) => [node.outputs[0]!, node]));
  const read = new Map<string, Constant>();
  const float = (node: Node, t: Tensor): Constant => {
    if (t.type !== "float32") throw notChecked(node, `constants of ${t.type}`);
    return { dims: t.dims, data: t.data as Float32Array };
  };
  const constant = (node: Node, name: string): Constant => {
    const ready = read.get(name);
    if (ready) return ready;
    const proto = graph.initializers.get(name);
    const source = made.get(name);
    const value = source?.op === "Constant" ? source.attributes.tensor("value") : undefined;
    const found = proto
      ? float(node, readTensor(proto))
      : value
        ? float(node, value)
        : source && source.domain === ""
          ? reshaped(source)
          : undefined;
    if (!found) throw notChecked(node, `"${name}", which it reads: all but one operand must be stored in the file`);
    read.set(name, found);
    return found;
  };
  const reshaped = (node: Node): Constant | undefined => {
    const isSame = SAME.some((op) => op === node.op) && node.op !== "Dropout";
    if (!isSame && node.op !== "Transpose") return undefined;
    const x = constant(node, node.inputs[0]!);
    if (isSame) {
      const dims = knownDims(node, facts.get(node.outputs[0]!));
      return product(dims) === x.data.length ? { dims, data: x.data } : undefined;
    }
    const order = node.attributes.ints(
      "perm",
      x.dims.map((_, d) => x.dims.length - 1 - d),
    );
    const dims = order.map((d) => x.dims[d]!);
    const at = (j: number) => {
      const index = indices(dims, j);
      return place(
        x.dims,
        x.dims.map((_, d) => index[order.indexOf(d)]!),
      );
    };
    return { dims, data: Float64Array.from({ length: x.data.length }, (_, j) => x.data[at(j)]!) };
  };
  return constant;
}
