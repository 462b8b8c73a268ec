import type { Graph, Node } from "../../../onnx/graph.ts";
import { Ops } from "../../../onnx/ops.ts";
import { readTensor } from "../../../onnx/tensor-proto.ts";
import { type FloatTensor, product, type Tensor } from "../../../tensor.ts";

/** y = W·x + b, and then Relu or nothing. The numbers are those of the file. */
export interface Layer {
  readonly inputs: number;
  readonly outputs: number;
  /** [outputs, inputs] */
  readonly weights: Float64Array;
  readonly bias: Float64Array;
  readonly isRelu: boolean;
}

interface Open extends Layer {
  readonly hasBias: boolean;
}

/** One node of a chain, with the shape of what it reads for one sample. */
interface Link {
  readonly node: Node;
  /** The value of the chain that it reads. */
  readonly at: string;
  readonly sample: readonly number[];
  readonly constant: (name: string | undefined) => FloatTensor | undefined;
}

/** What keeps the order of all elements. */
const SHAPES: ReadonlySet<string> = new Set(["Flatten", "Reshape", "Squeeze", "Unsqueeze", "Identity"]);

/** Elements of all layers: with more, forms take much memory, and graphs are quicker. */
const MOST = 1024;

/** The layers of a network, `x` [N, ...] to `y` [N, outputs], that is a chain of dense layers and Relus; undefined of any other. */
export function denseLayers(graph: Graph): readonly Layer[] | undefined {
  const b = new Ops(graph);
  const constants = new Map<string, Tensor>();
  for (const { op, domain, outputs, attributes } of graph.nodes) {
    const value = op === "Constant" && domain === "" ? attributes.tensor("value") : undefined;
    if (value) constants.set(outputs[0]!, value);
  }
  const constant = (name = ""): FloatTensor | undefined => {
    const stored = graph.initializers.get(name);
    const value = constants.get(name) ?? (stored && readTensor(stored));
    return value?.type === "float32" ? (value as FloatTensor) : undefined;
  };
  let layers: readonly Open[] | undefined = [];
  let at = graph.inputs[0]!.name;
  for (const node of graph.nodes) {
    if (constants.has(node.outputs[0]!)) continue;
    const [output, ...others] = node.outputs;
    if (node.domain !== "" || output === undefined || others.length > 0 || node.inputs[0] !== at) return undefined;
    const [before, after] = [b.fact(at).dims, b.fact(output).dims];
    // Samples must stay apart, along the first axis.
    if (before?.[0] !== "N" || after?.[0] !== "N") return undefined;
    const sample = before.slice(1);
    if (!sample.every((d): d is number => typeof d === "number")) return undefined;
    layers = appended(layers, { node, at, sample, constant });
    if (!layers) return undefined;
    at = output;
  }
  const last = layers.at(-1);
  if (at !== graph.outputs[0]!.name || !last || layers.reduce((n, { outputs }) => n + outputs, 0) > MOST)
    return undefined;
  // The outputs themselves are linear in what the last neurons give.
  return last.isRelu ? [...layers, shifted(new Float64Array(last.outputs))] : layers;
}

/** y = x + b */
const shifted = (bias: Float64Array): Open => {
  const size = bias.length;
  const weights = Float64Array.from({ length: size * size }, (_, i) => (i % (size + 1) === 0 ? 1 : 0));
  return { inputs: size, outputs: size, weights, bias, isRelu: false, hasBias: true };
};

function appended(layers: readonly Open[], link: Link): readonly Open[] | undefined {
  const { node, sample } = link;
  if (SHAPES.has(node.op)) return layers;
  const last = layers.at(-1);
  switch (node.op) {
    case "Relu":
      return last && !last.isRelu ? [...layers.slice(0, -1), { ...last, isRelu: true }] : undefined;
    case "MatMul":
    case "Gemm": {
      const made = node.op === "Gemm" ? gemm(link) : matmul(link);
      return made && [...layers, made];
    }
    case "Add":
    case "Sub": {
      const added = node.inputs.length === 2 ? spread(link.constant(node.inputs[1]), sample) : undefined;
      if (!added) return undefined;
      const bias = node.op === "Add" ? added : added.map((v) => -v);
      if (bias.every((v) => v === 0)) return layers;
      if (last && !last.isRelu && !last.hasBias) return [...layers.slice(0, -1), { ...last, bias, hasBias: true }];
      return [...layers, shifted(bias)];
    }
    default:
      return undefined;
  }
}

function matmul({ node, sample, constant }: Link): Open | undefined {
  const matrix = constant(node.inputs[1]);
  const [inputs, outputs, ...others] = matrix?.dims ?? [];
  if (!matrix || inputs === undefined || outputs === undefined || others.length > 0) return undefined;
  if (sample.at(-1) !== inputs || product(sample) !== inputs) return undefined;
  const weights = transposed(matrix.data, inputs, outputs);
  return { inputs, outputs, weights, bias: new Float64Array(outputs), isRelu: false, hasBias: false };
}

function gemm({ node, sample, constant }: Link): Open | undefined {
  const { attributes, inputs: names } = node;
  const isPlain =
    attributes.int("transA", 0) === 0 &&
    [1, attributes.float("alpha", 1), attributes.float("beta", 1)].every((v) => v === 1);
  const matrix = constant(names[1]);
  if (!isPlain || matrix?.dims.length !== 2 || sample.length !== 1) return undefined;
  const isTransposed = attributes.int("transB", 0) !== 0;
  const [outputs, inputs] = isTransposed ? (matrix.dims as [number, number]) : [matrix.dims[1]!, matrix.dims[0]!];
  if (inputs !== sample[0]) return undefined;
  const weights = isTransposed ? Float64Array.from(matrix.data) : transposed(matrix.data, inputs, outputs);
  const bias = names[2] ? spread(constant(names[2]), [outputs]) : new Float64Array(outputs);
  return bias && { inputs, outputs, weights, bias, isRelu: false, hasBias: true };
}

/** [rows, columns] as [columns, rows]. */
const transposed = (data: Float32Array, rows: number, columns: number): Float64Array =>
  Float64Array.from({ length: rows * columns }, (_, i) => data[(i % rows) * columns + Math.floor(i / rows)]!);

/** A constant in the shape of a sample: one number, or one for each element. */
function spread(of: FloatTensor | undefined, sample: readonly number[]): Float64Array | undefined {
  if (!of) return undefined;
  if (of.data.length === 1 && of.dims.length <= sample.length + 1)
    return new Float64Array(product(sample)).fill(of.data[0]!);
  const trimmed = (dims: readonly number[]) => dims.slice(dims.findIndex((d) => d !== 1)).join();
  const isSame = of.data.length === product(sample) && trimmed(of.dims) === trimmed(sample);
  return isSame && of.dims.length <= sample.length + 1 ? Float64Array.from(of.data) : undefined;
}
