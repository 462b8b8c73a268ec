import { type Node, valuesRead } from "../onnx/graph.ts";
import { readNode, writeNode } from "../onnx/node-proto.ts";
import type { Ops } from "../onnx/ops.ts";
import { altered, renameNode } from "../onnx/subgraphs.ts";

/**
 * Appends those of the nodes once more that change with other values in the place of some; what does not is shared. Gives the new name of each
 * value that has one.
 */
export function copied(b: Ops, nodes: readonly Node[], instead: ReadonlyMap<string, string>): Map<string, string> {
  const names = new Map(instead);
  const own = (name: string): string => b.fresh(name);
  for (const node of nodes) {
    if (!valuesRead(node).some((name) => names.has(name))) continue;
    const value = (name: string): string => names.get(name) ?? name;
    for (const name of node.outputs) if (name !== "") names.set(name, own(name));
    const copy = renameNode(writeNode(node), { value, own });
    b.append(readNode(altered(copy, { name: own(node.name || node.op) })));
  }
  return names;
}
