import { type Graph, type Node, valuesRead } from "../../onnx/graph.ts";
import type { Enclosed, Relaxed } from "./enclose.ts";

/** The nodes that are not linear and read a value. */
export const readersOf = (value: string, { relaxed }: Enclosed): Relaxed[] =>
  [...relaxed.values()].filter(({ node }) => node.inputs.includes(value));

/** Whether all of them are linear on both sides of 0. */
export const bendsAtZero = (readers: readonly Relaxed[]): boolean =>
  readers.every(({ relaxation }) => relaxation.bendsAtZero === true);

/** Whether Relus alone read the output of a node. */
export function isCut(nodes: readonly Node[], { outputs }: Graph, { outputs: [made] }: Node): boolean {
  const readers = nodes.filter((node) => valuesRead(node).includes(made!));
  return (
    !outputs.some(({ name }) => name === made) && readers.every(({ op, domain }) => op === "Relu" && domain === "")
  );
}

/** Whether a node that is not linear is on a way to a value. */
export function relaxedBefore(nodes: readonly Node[], value: string, { relaxed }: Enclosed): boolean {
  const wanted = new Set([value]);
  for (const node of nodes.toReversed()) {
    if (!node.outputs.some((name) => wanted.has(name))) continue;
    if (relaxed.has(node.outputs[0]!)) return true;
    for (const name of node.inputs) wanted.add(name);
  }
  return false;
}
