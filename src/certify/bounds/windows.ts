import { Attributes } from "../../onnx/attributes.ts";
import { type Graph, type Node, valuesRead } from "../../onnx/graph.ts";
import { Ops } from "../../onnx/ops.ts";

type Pair = readonly [number, number];

/** The part of a value [C, ...extent] that one position of another one hangs on: `size` elements from position·stride + start, along both axes. */
export interface Window {
  readonly size: Pair;
  readonly stride: Pair;
  readonly start: Pair;
  readonly extent: Pair;
}

/** A value [C, H, W] whose every position [C] is the same function of a window of the input. */
export interface Windowed {
  /** That function: `x` [N, C, ...size], and masks, to the value [N, C, 1, 1]. */
  readonly graph: Graph;
  readonly input: Window;
  /** The window of each value before a nonlinear node, or behind one. */
  readonly windows: ReadonlyMap<string, Window>;
  /** Inputs [N, 1, ...size] that are 0 where the window of a value is outside of it, for a convolution has zeros there, and else 1. */
  readonly masks: ReadonlyMap<string, Window>;
}

/** Operators that do the same to each element, or to each channel, at every position. */
const POINTWISE: ReadonlySet<string> = new Set([
  "Relu",
  "LeakyRelu",
  "Abs",
  "HardSigmoid",
  "Sigmoid",
  "Tanh",
  "Neg",
  "Identity",
  "Dropout",
  "BatchNormalization",
]);
/** The same, with a constant that is the same at every position. */
const WITH_CONSTANT: ReadonlySet<string> = new Set(["Add", "Sub", "Mul", "Div"]);
const SLIDING: ReadonlySet<string> = new Set(["Conv", "MaxPool", "AveragePool"]);
/** Windows of nearly the whole input are no gain. */
const MOST_OF_IT = 0.5;

interface Slide {
  readonly kernel: Pair;
  readonly stride: Pair;
  readonly dilation: Pair;
  readonly pad: Pair;
  readonly isPadded: boolean;
}

/**
 * How a value depends on windows of the input: through convolutions, pools and what works at each position by itself, one after
 * the other. Undefined where it does not, or where windows are about as large as the input.
 */
export function windowed(graph: Graph, value: string): Windowed | undefined {
  const b = new Ops(graph);
  const x = graph.inputs[0]!.name;
  const chain = chainTo(graph, x, value);
  const extentOf = (name: string): Pair | undefined => {
    const dims = b.dims(name).slice(2);
    return b.dims(name).length === 4 && dims.every((d) => typeof d === "number")
      ? (dims as unknown as Pair)
      : undefined;
  };
  const extent = extentOf(value);
  if (!chain || !extent) return undefined;
  let window: Window = { size: [1, 1], stride: [1, 1], start: [0, 0], extent };
  const windows = new Map([[value, window]]);
  const masked = new Set<string>();
  for (const node of chain.toReversed()) {
    const input = node.inputs[0] === undefined ? "" : dataInput(node, chain, x);
    const before = extentOf(input);
    if (!before) return undefined;
    if (SLIDING.has(node.op)) {
      const slide = slideOf(b, node);
      if (!slide || (slide.isPadded && node.op !== "Conv")) return undefined;
      if (slide.isPadded && input !== x) masked.add(input);
      window = { ...through(window, slide), extent: before };
    } else if (!isPointwise(b, node, input)) return undefined;
    windows.set(input, window);
  }
  const whole = window.extent[0] * window.extent[1];
  if (window.size[0] * window.size[1] > MOST_OF_IT * whole) return undefined;
  const masks = new Map(Array.from(masked, (name) => [`${name}/mask`, windows.get(name)!]));
  return { graph: windowGraph(graph, chain, { value, masked, windows }), input: window, windows, masks };
}

/** The nodes between two values, where each has one of the others before it, and one behind it that counts. */
function chainTo(graph: Graph, x: string, value: string): Node[] | undefined {
  const producers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node])));
  const moving = new Set([x]);
  for (const node of graph.nodes)
    if (valuesRead(node).some((name) => moving.has(name))) for (const name of node.outputs) moving.add(name);
  const isWritten = (name: string) =>
    name === "" || graph.initializers.has(name) || producers.get(name)?.op === "Constant";
  const chain: Node[] = [];
  for (let at = value; at !== x; ) {
    const node = producers.get(at);
    const inputs = node ? valuesRead(node).filter((name) => moving.has(name)) : [];
    if (!node || inputs.length !== 1 || node.outputs[0] !== at || node.domain !== "") return undefined;
    if (!node.inputs.every((name) => moving.has(name) || isWritten(name))) return undefined;
    chain.unshift(node);
    at = inputs[0]!;
  }
  return chain;
}

function dataInput(node: Node, chain: readonly Node[], x: string): string {
  const made = new Set([x, ...chain.flatMap(({ outputs }) => outputs)]);
  return node.inputs.find((name) => made.has(name))!;
}

function isPointwise(b: Ops, node: Node, input: string): boolean {
  if (POINTWISE.has(node.op)) return node.attributes.int("training_mode", 0) === 0;
  if (!WITH_CONSTANT.has(node.op)) return false;
  const other = node.inputs.find((name) => name !== input);
  const dims = other === undefined ? undefined : b.dims(other);
  return dims !== undefined && dims.length <= 4 && dims.every((d, i) => d === 1 || i === dims.length - 3);
}

function slideOf(b: Ops, { op, inputs, attributes }: Node): Slide | undefined {
  const pair = (name: string, fallback: readonly number[]) => attributes.ints(name, fallback) as Pair;
  const weights = op === "Conv" ? (b.dims(inputs[1]!).slice(2) as number[]) : [];
  const pads = attributes.ints("pads", [0, 0, 0, 0]);
  const kernel = pair("kernel_shape", weights);
  const isPlain = attributes.string("auto_pad", "NOTSET") === "NOTSET" && attributes.int("ceil_mode", 0) === 0;
  if (!isPlain || kernel.length !== 2 || !kernel.every((k) => typeof k === "number")) return undefined;
  const isPadded = pads.some((p) => p !== 0);
  return {
    kernel,
    stride: pair("strides", [1, 1]),
    dilation: pair("dilations", [1, 1]),
    pad: [pads[0]!, pads[1]!],
    isPadded,
  };
}

/** The window that a window of the output hangs on. */
function through({ size, stride, start }: Window, slide: Slide): Omit<Window, "extent"> {
  const along = (of: (axis: 0 | 1) => number): Pair => [of(0), of(1)];
  return {
    size: along((i) => (size[i] - 1) * slide.stride[i] + (slide.kernel[i] - 1) * slide.dilation[i] + 1),
    stride: along((i) => stride[i] * slide.stride[i]),
    start: along((i) => start[i] * slide.stride[i] - slide.pad[i]),
  };
}

/** The chain for one window: without pads, and with masks where they were. */
function windowGraph(
  graph: Graph,
  chain: readonly Node[],
  { value, masked, windows }: { value: string; masked: ReadonlySet<string>; windows: ReadonlyMap<string, Window> },
): Graph {
  const [x] = graph.inputs;
  const [batch, channels] = x!.dims!;
  const read = new Set(chain.flatMap(valuesRead));
  const constants = graph.nodes.filter(({ op, outputs }) => op === "Constant" && read.has(outputs[0]!));
  const b = new Ops({
    ...graph,
    inputs: [{ ...x!, dims: [batch!, channels!, ...windows.get(x!.name)!.size] }],
    outputs: [],
    nodes: constants,
    initializers: new Map([...graph.initializers].filter(([name]) => read.has(name))),
  });
  const masks = new Map<string, string>();
  for (const node of chain) {
    const attributes = new Attributes(node.attributes.protos.filter(({ name }) => name !== "pads"));
    const isPadded = node.op === "Conv" && slideOf(b, node)?.isPadded === true;
    const inputs = node.inputs.map((name) => (isPadded && masked.has(name) ? (masks.get(name) ?? name) : name));
    const [output] = node.outputs;
    if (isProduct(b, node, windows.get(output!)!)) b.alias(output!, asProduct(b, inputs));
    else b.append({ op: node.op, domain: "", name: node.name, inputs, outputs: node.outputs, attributes });
    if (!masked.has(output!)) continue;
    const mask = b.input({ name: `${output}/mask`, type: "float32", dims: [batch!, 1, ...windows.get(output!)!.size] });
    masks.set(output!, b.mul(output!, mask));
  }
  return b.finish([value]);
}

/** Whether a convolution has but one position, of which it takes all. */
const isProduct = (b: Ops, { op, inputs, attributes }: Node, { size }: Window): boolean =>
  op === "Conv" &&
  size.every((n) => n === 1) &&
  attributes.int("group", 1) === 1 &&
  attributes.ints("dilations", [1, 1]).every((n) => n === 1) &&
  b.sizes(inputs[1]!).length === 4;

/** It as a product of matrices, which is quicker: [N, C, ...kernel] to [N, M, 1, 1]. */
function asProduct(b: Ops, [x, weights, bias]: readonly string[]): string {
  const flat = b.add("Flatten", [x!], { axis: 1 });
  const [channels, ...rest] = b.sizes(weights!) as [number, ...number[]];
  const product = b.matmul(flat, b.swap(b.reshape(weights!, [channels, rest.reduce((n, d) => n * d, 1)])));
  return b.reshape(bias === undefined || bias === "" ? product : b.plus(product, bias), [0, channels, 1, 1]);
}
