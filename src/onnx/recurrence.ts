import type { ValueInfoProto } from "onnx-buf";
import type { ShapeRule } from "./facts.ts";
import type { Dim, Node, ValueType } from "./graph.ts";
import { elementType } from "./tensor-proto.ts";

/** The end of the names of Scans that perturb wrote itself: they stay Scans, and their bodies say the shapes of their outputs. */
const MARK = " (recurrence)";

export const recurrenceName = (name: string): string => `${name}${MARK}`;
export const isRecurrence = ({ op, domain, name }: Node): boolean =>
  op === "Scan" && domain === "" && name.endsWith(MARK);

function declared({ type }: ValueInfoProto): ValueType {
  if (type?.value.case !== "tensorType") return { type: null, dims: null };
  const { elemType, shape } = type.value.value;
  const dims = shape?.dim.map(
    ({ value }): Dim => (value.case === "dimValue" ? Number(value.value) : (value.value ?? null)),
  );
  return { type: elementType(elemType) ?? null, dims: dims ?? null };
}

/** States as they begin; what is scanned out, once a step. */
const scan: ShapeRule = ({ node, input }) => {
  const outputs = node.attributes.graph("body")?.output ?? [];
  if (!isRecurrence(node)) return node.outputs.map(() => ({ type: null, dims: null }));
  const states = node.inputs.length - node.attributes.int("num_scan_inputs", 0);
  const steps = input(states).dims?.[0] ?? null;
  return outputs.map((output, i) => {
    const { type, dims } = declared(output);
    return i < states ? { type, dims } : { type, dims: dims && [steps, ...dims] };
  });
};

export const recurrenceShapes: Readonly<Record<string, ShapeRule>> = { Scan: scan };
