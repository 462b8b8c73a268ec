import type { ShapeRule } from "../facts.ts";

/** Y for every step, and each state after the last one; layout 1 puts the batch first. */
const recurrent: ShapeRule = ({ node, input }) => {
  const { type, dims } = input(0);
  const hidden = input(2).dims?.[2] ?? node.attributes.int("hidden_size", undefined) ?? null;
  const directions = node.attributes.string("direction", "forward") === "bidirectional" ? 2 : 1;
  const batchFirst = node.attributes.int("layout", 0) === 1;
  const [outer, inner] = dims?.length === 3 ? [dims[0]!, dims[1]!] : [null, null];
  const [steps, batch] = batchFirst ? [inner, outer] : [outer, inner];
  const state = { type, dims: batchFirst ? [batch, directions, hidden] : [directions, batch, hidden] };
  const y = { type, dims: batchFirst ? [batch, steps, directions, hidden] : [steps, directions, batch, hidden] };
  return [y, state, state];
};

/** Recurrent layers. */
export const recurrentShapes: Readonly<Record<string, ShapeRule>> = {
  GRU: recurrent,
  LSTM: recurrent,
  RNN: recurrent,
};
