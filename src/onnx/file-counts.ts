import type { GraphProto, ModelProto, NodeProto } from "onnx-buf";
import { PerturbError } from "../errors.ts";
import { graphsIn } from "./attributes.ts";
import { describeNode } from "./graph.ts";
import { readNode } from "./node-proto.ts";

/** What a file may hold: several times the largest networks, and little enough to be rewritten in seconds. */
const MOST = { nodes: 2 ** 16, values: 2 ** 18 } as const;

/** Inputs and outputs of a node: runtimes grow slow with their square. */
const MOST_OF_A_NODE = 2 ** 14;

/** Counts nodes, at any depth, and the values that they and the graphs name. @throws unsupported where there are too many */
export function checkFileCounts({ graph, functions }: ModelProto, file: string): void {
  let nodes = 0;
  let values = 0;
  const add = (list: readonly NodeProto[]): void => {
    for (const proto of list) {
      const { input, output, attribute } = proto;
      nodes++;
      const own = input.length + output.length;
      if (own > MOST_OF_A_NODE)
        throw tooMany(`${file}: ${describeNode(readNode(proto))} has ${own} inputs and outputs`, MOST_OF_A_NODE, {
          own,
        });
      values += own;
      for (const one of attribute) for (const inner of graphsIn(one)) within(inner);
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
      throw tooMany(`${file} holds ${count} ${what}`, MOST[what as keyof typeof MOST], { [what]: count });
}

const tooMany = (what: string, most: number, data: Readonly<Record<string, number>>): PerturbError =>
  new PerturbError("unsupported", `${what}, of ${most} allowed. Simplify the model, or export a part of it.`, { data });
