import { Attributes } from "../onnx/attributes.ts";
import { type Dim, type Graph, type GraphValue, type Node, ownInputs } from "../onnx/graph.ts";
import { freeNames, renameValues } from "../onnx/rewrite.ts";
import { inferShapes } from "../onnx/shapes.ts";
import { writeTensor } from "../onnx/tensor-proto.ts";
import { tensor } from "../tensor.ts";

/** Where a graph's first input, which is the one perturbed, holds its samples: an axis, or none, where the whole input is one sample. */
export type BatchAxis = number | "none";

/**
 * The axis that holds the samples, as far as the shapes tell it: the one that the output has as many rows of. What they leave
 * open is the first, which a run is to prove.
 * @param shape of one sample, where it is known: one of the input's own rank is the whole input
 */
export function batchAxis(graph: Graph, shape: readonly number[] | null = null): BatchAxis {
  const dims = graph.inputs[0]?.dims;
  const scores = scoresOf(graph);
  return dims && scores ? axisOf(dims, scores, shape) : 0;
}

function axisOf(dims: readonly Dim[], scores: readonly Dim[], shape: readonly number[] | null): BatchAxis {
  const [first] = dims;
  // A score without any axis is that of one sample.
  const rows = scores.length === 0 ? 1 : scores[0]!;
  if (dims.length === 0 || rows === null || (rows === first && scores.length > 0)) return 0;
  // Of one sample there may be no row.
  const noRow = scores.length < 2 && typeof rows !== "string";
  const isImage = first === 1 && dims.length === 3 && noRow;
  const whole = typeof first === "number" ? first > 1 || isImage : shape?.length === dims.length;
  if (noRow || rows === 1) return whole ? "none" : 0;
  const others = dims.flatMap((size, i) => (i > 0 && size === rows ? [i] : []));
  return others.length === 1 ? others[0]! : 0;
}

/**
 * The graph whose input and output begin with the batch. Where the whole input is one sample, the batch is 1: a sample then has
 * the shape of the input.
 */
export function batchFirst(graph: Graph, shape: readonly number[] | null = null): Graph {
  const dims = graph.inputs[0]?.dims;
  const scores = scoresOf(graph);
  if (!dims || !scores) return graph;
  const axis = axisOf(dims, scores, shape);
  const moved = axis === 0 ? graph : withFront(graph, axis);
  // Scores without a row are those of one sample; as many as there are samples are one for each, which is for the head to read.
  const isRow = scores.length === 0 || (scores.length === 1 && typeof scores[0] === "number");
  const isEach = axis === 0 && scores.length === 1 && scores[0] === dims[0];
  if (isRow && !isEach) return withRow(moved, scores);
  // [classes, batch], as of weights that columns are multiplied by.
  const areColumns =
    scores.length === 2 && typeof scores[1] === "string" && scores[1] === dims[axis === "none" ? 0 : axis];
  return areColumns && scores[0] !== scores[1] ? withColumns(moved, scores) : moved;
}

/**
 * Graphs whose samples lie on another axis than the first: one for each open axis, where the shapes tell nothing, and one for each
 * axis of the size of a fixed batch. Which of them is right, only a run tells.
 */
export function otherBatches(graph: Graph): (() => Graph)[] {
  const dims = graph.inputs[0]?.dims ?? [];
  const rows = scoresOf(graph)?.[0] ?? null;
  const [first] = dims;
  if (typeof first === "number" && first > 1 && first === rows)
    return dims.flatMap((size, axis) => (axis > 0 && size === first ? [() => withFront(graph, axis)] : []));
  if (typeof rows === "number" || (rows !== null && dims.includes(rows)) || typeof first === "number") return [];
  return dims.flatMap((size, axis) => (axis > 0 && typeof size !== "number" ? [() => withFront(graph, axis)] : []));
}

/** The dims of the only output, where they can be those of class scores: the sizes of all axes behind the first but one are 1. */
function scoresOf(graph: Graph): readonly Dim[] | null {
  const [output, ...others] = graph.outputs;
  if (ownInputs(graph).length !== 1 || !output || others.length > 0) return null;
  const told = inferShapes(graph).get(output.name)?.dims ?? output.dims;
  if (!told || told.slice(1).filter((size) => size !== 1).length > 1) return null;
  // [time, 1, classes] is no [rows, classes, 1]: it is to be pooled.
  if (told.length === 3 && told[1] === 1 && told[0] !== 1) return null;
  return told.map((size, i) => (size === null && output.dims?.length === told.length ? output.dims[i]! : size));
}

/** Samples come first, and are put where the graph wants them. */
function withFront(graph: Graph, axis: number | "none"): Graph {
  const { name, type, dims } = graph.inputs[0]!;
  const others = axis === "none" ? dims! : dims!.filter((_, i) => i !== axis);
  const input: GraphValue = { name, type, dims: [axis === "none" ? 1 : dims![axis]!, ...others] };
  const inside = `${name}/sample`;
  const free = freeNames(graph, [inside, `${name}/Squeeze`]);
  const inner = renameValues(free, new Map([[name, inside]]));
  const front =
    axis === "none"
      ? axesNode(graph, "Squeeze", name, inside, [0])
      : // Where each axis of the graph's own lies behind a batch that comes first.
        {
          node: nodeOf("Transpose", [name], inside, {
            perm: dims!.map((_, i) => (i === axis ? 0 : i < axis ? i + 1 : i)),
          }),
        };
  return withNodes(
    { ...inner, inputs: [input, ...inner.inputs.slice(1)] },
    { before: [front.node], constants: front.constants ?? [] },
  );
}

/** Squeeze or Unsqueeze, whose axes are an input since opset 13. */
function axesNode(graph: Graph, op: string, from: string, to: string, axes: readonly number[]) {
  if ((graph.opsets.get("") ?? 0) < 13) return { node: nodeOf(op, [from], to, { axes }) };
  const name = `${graph.inputs[0]!.name}/${op}`;
  const values = tensor("int64", [axes.length], BigInt64Array.from(axes, BigInt));
  return { node: nodeOf(op, [from, name], to), constants: [[name, writeTensor(name, values)] as const] };
}

/** Scores without a row become those of one sample. */
function withRow(graph: Graph, scores: readonly Dim[]): Graph {
  const { name, type } = graph.outputs[0]!;
  const inside = `${name}/scores`;
  const own = graph.inputs[0]!;
  const free = freeNames(graph, [inside, `${own.name}/Unsqueeze`]);
  const inner = renameValues(free, new Map([[name, inside]]));
  const [first, ...others] = inner.inputs as [GraphValue, ...GraphValue[]];
  const back = axesNode(graph, "Unsqueeze", inside, name, scores.length === 0 ? [0, 1] : [0]);
  return withNodes(
    {
      ...inner,
      inputs: [{ ...first, dims: [1, ...first.dims!.slice(1)] }, ...others],
      outputs: [{ name, type, dims: scores.length === 0 ? [1, 1] : [1, ...scores] }],
    },
    { after: [back.node], constants: back.constants ?? [] },
  );
}

/** Scores whose columns are samples become rows. */
function withColumns(graph: Graph, [classes, batch]: readonly Dim[]): Graph {
  const { name, type } = graph.outputs[0]!;
  const inside = `${name}/columns`;
  const inner = renameValues(freeNames(graph, [inside]), new Map([[name, inside]]));
  const rows = nodeOf("Transpose", [inside], name, { perm: [1, 0] });
  return withNodes({ ...inner, outputs: [{ name, type, dims: [batch!, classes!] }] }, { after: [rows], constants: [] });
}

interface Added {
  readonly before?: readonly Node[];
  readonly after?: readonly Node[];
  readonly constants: readonly (readonly [string, ReturnType<typeof writeTensor>])[];
}

const withNodes = (graph: Graph, { before = [], after = [], constants }: Added): Graph => ({
  ...graph,
  nodes: [...before, ...graph.nodes, ...after],
  initializers: new Map([...graph.initializers, ...constants]),
});

const nodeOf = (op: string, inputs: readonly string[], output: string, attributes = {}): Node => ({
  op,
  domain: "",
  name: "",
  inputs,
  outputs: [output],
  attributes: Attributes.from(attributes),
});
