import { emptyGraph } from "../../onnx/builder.ts";
import type { Graph } from "../../onnx/graph.ts";
import { Ops } from "../../onnx/ops.ts";
import { freeNames, renameValues } from "../../onnx/rewrite.ts";

/** The name of what the graph behind then takes. */
export const takenBy = (stem: string): string => `x_${stem}`;

/**
 * A graph with nodes in front of its input `x`: `make` builds from the new `x` what the graph then takes. `sample` is the shape of
 * one sample of the new `x`, where it is another.
 */
export function inFront(
  graph: Graph,
  stem: string,
  make: (b: Ops, x: string) => string,
  sample?: readonly number[],
): Graph {
  const taken = takenBy(stem);
  const b = new Ops({ ...emptyGraph(stem), opsets: graph.opsets }, stem);
  const input = graph.inputs[0]!;
  const x = b.input(sample ? { ...input, dims: [input.dims![0]!, ...sample] } : input);
  b.alias(taken, make(b, x));
  const front = b.finish([taken]);
  const made = [...front.initializers.keys(), ...front.nodes.flatMap((node) => node.outputs)];
  const inner = renameValues(freeNames(graph, made), new Map([["x", taken]]));
  return {
    ...inner,
    inputs: [...front.inputs, ...graph.inputs.slice(1)],
    nodes: [...front.nodes, ...inner.nodes],
    initializers: new Map([...front.initializers, ...inner.initializers]),
  };
}
