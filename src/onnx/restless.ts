import type { Graph, Node } from "./graph.ts";
import { readTensor } from "./tensor-proto.ts";

const RANDOM: ReadonlySet<string> = new Set([
  "RandomNormal",
  "RandomNormalLike",
  "RandomUniform",
  "RandomUniformLike",
  "Bernoulli",
  "Multinomial",
]);

/**
 * Whether a node gives something else each time, or what depends on the other samples of a batch. Where the stored tensors are not given, a
 * Dropout that is told whether it trains is taken for one that does.
 */
export const isRestless = ({ op, attributes, inputs }: Node, stored?: Graph["initializers"]): boolean =>
  RANDOM.has(op) ||
  (op === "Dropout" && inputs[2] !== undefined && inputs[2] !== "" && !isFalse(stored?.get(inputs[2]))) ||
  (op === "BatchNormalization" && attributes.int("training_mode", 0) !== 0);

const isFalse = (proto: Parameters<typeof readTensor>[0] | undefined): boolean =>
  proto !== undefined && !readTensor(proto).data[0];
