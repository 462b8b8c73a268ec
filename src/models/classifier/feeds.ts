import { batchAxis } from "../../autodiff/batch-axis.ts";
import { PerturbError } from "../../errors.ts";
import { Attributes } from "../../onnx/attributes.ts";
import { type Dim, describeDims, type Graph, type GraphValue, type Node, type Rows } from "../../onnx/graph.ts";
import { freeNames, renameValues } from "../../onnx/rewrite.ts";
import { typeCode, writeTensor } from "../../onnx/tensor-proto.ts";
import { option } from "../../option.ts";
import { type Tensor, toFloat32 } from "../../tensor.ts";
import { rowsOf } from "./feed-rows.ts";

/** The size of the axis that holds the samples of the input perturbed; undefined where it has none. */
type Batch = Dim | undefined;

/** The graph whose other inputs hold what is given. @throws mismatch for arrays that fit neither once nor by sample */
export function feedInputs(graph: Graph, feeds: ReadonlyMap<string, Tensor>): Graph {
  const own = graph.inputs.filter((v) => !feeds.has(v.name));
  const given = graph.inputs.filter((v) => feeds.has(v.name));
  const batch = own.length === 1 ? batchOf(graph, own[0]!, given) : undefined;
  const fed = given.map((v) => feed(v, feeds.get(v.name)!, batch));
  const rows = fed.filter((v) => v.rows);
  const counts = new Map(rows.map((v) => [v.rows!.values.dims[0]!, v.name]));
  if (counts.size > 1)
    throw new PerturbError(
      "mismatch",
      `What is given has ${[...counts].map(([count, name]) => `${count} rows for "${name}"`).join(" and ")}. Give one row for all samples, or as many rows as the data has samples.`,
    );
  const constants = fed.flatMap((v) => (v.constant ? [[v.name, writeTensor(v.name, v.constant)] as const] : []));
  const inputs = [...own, ...rows];
  const result = { ...graph, inputs, initializers: new Map([...graph.initializers, ...constants]) };
  return rows.reduce<Graph>((made, { name }) => withFloatRows(made, name), result);
}

/** The graph with its rows for all samples at once: where they were no rows of samples. */
export function fedOnce(graph: Graph): Graph {
  const constants = graph.inputs.flatMap(({ name, rows }) =>
    rows && !rows.isSure ? [[name, writeTensor(name, rows.values)] as const] : [],
  );
  const inputs = graph.inputs.filter(({ rows }) => !rows || rows.isSure);
  return { ...graph, inputs, initializers: new Map([...graph.initializers, ...constants]) };
}

interface Fed extends GraphValue {
  /** The same for all samples. */
  readonly constant?: Tensor;
}

function batchOf(graph: Graph, input: GraphValue, given: readonly GraphValue[]): Batch {
  // As if all of them were given by sample: shapes that do not depend on what is given tell where the batch is.
  const inputs = [input, ...given.map((v) => ({ ...v, rows: NONE }))];
  const axis = batchAxis({ ...graph, inputs });
  return axis === "none" ? undefined : input.dims?.[axis];
}

const NONE: Rows = { name: "", values: { type: "float32", dims: [0], data: new Float32Array(0) }, isSure: true };

function feed(value: GraphValue, given: Tensor, batch: Batch): Fed {
  const { name, type } = value;
  if (type !== null && type !== given.type) throw unfit(value, given, batch);
  // Of an input without a shape, only a run tells whether it takes a row for each sample.
  const dims = value.dims ?? (batch === undefined || given.dims.length === 0 ? null : [null, ...given.dims.slice(1)]);
  if (!dims) return { ...value, constant: given };
  const t = value.dims ? asDeclared(value.dims, given) : given;
  const [first, ...rest] = dims;
  const isBatch = first !== undefined && first !== null && first === batch;
  // Exporters that name sizes by themselves give the batch of each input another name.
  const isOpen = first !== undefined && typeof first !== "number" && !isBatch && batch !== undefined;
  if ((isBatch || isOpen) && t.dims.length === rest.length && rest.every((d, i) => fits(d, t.dims[i]!)))
    return feed(value, { ...t, dims: [1, ...t.dims] }, batch);
  if (dims.length !== t.dims.length || !rest.every((d, i) => fits(d, t.dims[i + 1]!))) throw unfit(value, given, batch);
  const other = dims.findIndex((d, i) => i > 0 && typeof d === "string" && d === batch && t.dims[i]! > 1);
  if (other > 0)
    throw new PerturbError(
      "mismatch",
      `Axis ${other} of the input "${name}", ${describeDims(dims)}, holds the samples, and what is given has ${t.dims[other]} there. Only a first axis can hold a row for each sample: give 1 there, the same for all, or export the model with this axis first.`,
      { data: { input: name, axis: other } },
    );
  const count = t.dims[0];
  if (isBatch && count === 1) return { ...value, constant: typeof first === "number" ? repeated(t, first) : t };
  if ((isBatch || isOpen) && count! > 1) return { ...value, dims, rows: { name, values: t, isSure: isBatch } };
  if (first !== undefined && !fits(first, count!)) throw unfit(value, given, batch);
  return { ...value, constant: t };
}

const fits = (d: Dim, size: number): boolean => typeof d !== "number" || d === size;

/** The same elements with a first or a last axis of 1 more or less, where the shape declared leaves no doubt. */
function asDeclared(dims: readonly Dim[], t: Tensor): Tensor {
  const isShape = (sizes: readonly number[]) =>
    sizes.length === dims.length && dims.every((d, i) => fits(d, sizes[i]!));
  const seen = t.dims;
  if (isShape(seen)) return t;
  const ways = [
    ...(seen[0] === 1 && seen.length > 1 ? [seen.slice(1)] : []),
    ...(seen.at(-1) === 1 && seen.length === 2 ? [seen.slice(0, -1)] : []),
    ...(dims[0] === 1 ? [[1, ...seen]] : []),
    ...(dims.at(-1) === 1 && dims.length > 1 ? [[...seen, 1]] : []),
  ].filter(isShape);
  return new Set(ways.map(String)).size === 1 ? { ...t, dims: ways[0]! } : t;
}

function unfit({ name, type, dims }: GraphValue, t: Tensor, batch: Batch): PerturbError {
  const [first, ...rest] = dims ?? [];
  const own = typeof first === "number" && first !== batch ? (first === 1 ? rest : dims!) : undefined;
  const isEach = own?.length === t.dims.length - 1 && own.every((d, i) => fits(d, t.dims[i + 1]!));
  const said = `The input "${name}" is ${type} ${describeDims(dims)}, and what is given for it is ${t.type} [${t.dims.join(", ")}].`;
  const advice =
    own === undefined
      ? `Save an array of that type and shape: with one row, for all samples, or a row for each (${option("feeds")}).`
      : isEach
        ? `That shape is the same for all samples, whatever the batch: the model takes no row for each of them. Give one row, for all samples, or export the model with an open first axis of "${name}".`
        : `Save an array of that type and shape, which is the same for all samples (${option("feeds")}).`;
  return new PerturbError("mismatch", `${said} ${advice}`, { data: { input: name } });
}

/** One row as often as a fixed batch wants it. */
function repeated(t: Tensor, count: number): Tensor {
  const zeros = new Int32Array(count);
  return rowsOf({ name: "", values: t }, zeros);
}

/** Rows of real numbers come as float32, which the graph makes its own type of. */
function withFloatRows(graph: Graph, name: string): Graph {
  const value = graph.inputs.find((v) => v.name === name)!;
  const { type } = value.rows!.values;
  if (type !== "float16" && type !== "bfloat16" && type !== "float64") return graph;
  const inside = `${name}/rows`;
  const inner = renameValues(freeNames(graph, [inside]), new Map([[name, inside]]));
  const attributes = Attributes.from({ to: typeCode(type) });
  const cast: Node = { op: "Cast", domain: "", name: "", inputs: [name], outputs: [inside], attributes };
  const rows = { ...value.rows!, values: toFloat32(value.rows!.values) };
  const inputs = inner.inputs.map((v) => (v.name === inside ? { ...v, name, type: "float32" as const, rows } : v));
  return { ...inner, inputs, nodes: [cast, ...inner.nodes] };
}
