import type { GraphProto, ModelProto, NodeProto } from "onnx-buf";
import { PerturbError } from "../errors.ts";

/** What a file may hold: several times the largest networks, and little enough to be rewritten in seconds. */
const MOST = { nodes: 2 ** 16, values: 2 ** 18 } as const;

/** Counts nodes, at any depth, and the values that they and the graphs name. @throws unsupported where there are too many */
export function checkFileCounts({ graph, functions }: ModelProto, file: string): void {
  let nodes = 0;
  let values = 0;
  const add = (list: readonly NodeProto[]): void => {
    for (const { input, output, attribute } of list) {
      nodes++;
      values += input.length + output.length;
      for (const { g, graphs } of attribute) for (const inner of g ? [g, ...graphs] : graphs) within(inner);
    }
  };
  const within = ({ node, input, output, initializer }: GraphProto): void => {
    values += input.length + output.length + initializer.length;
    add(node);
  };
  if (graph) within(graph);
  for (const { node } of functions) add(node);
  for (const [what, count] of Object.entries({ nodes, values }))
    if (count > MOST[what as keyof typeof MOST])
      throw new PerturbError(
        "unsupported",
        `${file} holds ${count} ${what}, of ${MOST[what as keyof typeof MOST]} allowed. Simplify the model, or export a part of it.`,
        { data: { [what]: count } },
      );
}
