import { PerturbError } from "../../errors.ts";
import { emptyGraph } from "../../onnx/builder.ts";
import type { Graph } from "../../onnx/graph.ts";
import { Ops } from "../../onnx/ops.ts";
import { freeNames, renameValues } from "../../onnx/rewrite.ts";
import { option } from "../../option.ts";
import { tensor } from "../../tensor.ts";

/** What stands between pixels in [0, 1] and the network: (x - mean) / std, one value each, or one a channel. */
export interface Normalization {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/**
 * The classifier graph (input `x`) with its preprocessing in front, so that ε and bounds stay in pixel space.
 * @throws usage when the numbers do not fit the channels, are not finite, or std is not positive
 */
export function normalizeInput(graph: Graph, { mean, std }: Normalization): Graph {
  const input = graph.inputs[0]!;
  const dims = input.dims!;
  const channels = dims[1];
  for (const [name, values] of Object.entries({ mean, std }) as ["mean" | "std", readonly number[]][])
    if (values.length !== 1 && values.length !== channels)
      throw new PerturbError(
        "usage",
        `${option(`normalization.${name}`)} has ${values.length} values, and the model has ${channels} channels. Give one value, or one a channel.`,
      );
  // As float32, which is what the graph holds.
  if ([...mean, ...std].some((v) => !Number.isFinite(Math.fround(v))) || std.some((s) => !(Math.fround(s) > 0)))
    throw new PerturbError(
      "usage",
      `${option("normalization.std")} takes positive numbers and ${option("normalization.mean")} any, all finite in float32; got mean ${mean.join(",")} and std ${std.join(",")}.`,
    );
  const b = new Ops({ ...emptyGraph("preprocess"), opsets: graph.opsets }, "preprocess");
  const spread = (values: readonly number[]) =>
    b.constant(tensor("float32", [values.length, ...dims.slice(2).map(() => 1)], Float32Array.from(values)));
  const x = b.input(input);
  b.alias("x_normalized", b.div(b.sub(x, spread(mean)), spread(std)));
  const front = b.finish(["x_normalized"]);
  const made = [...front.initializers.keys(), ...front.nodes.flatMap((node) => node.outputs)];
  const inner = renameValues(freeNames(graph, made), new Map([["x", "x_normalized"]]));
  return {
    ...inner,
    inputs: [...front.inputs, ...graph.inputs.slice(1)],
    nodes: [...front.nodes, ...inner.nodes],
    initializers: new Map([...front.initializers, ...inner.initializers]),
  };
}
