import { type Layer, type Step, unroll } from "./recurrent.ts";
import { canScan, scanned } from "./recurrent-scan.ts";

/** From here on the steps of all directions are a Scan: ONNX Runtime takes longer for each node the more there are. */
const LONG = 32;

/**
 * Runs the steps of every direction, and gives Y, then the last value of each state.
 * @param bias of the input products, [directions, gates·hidden]
 * @param initial the inputs of the node that hold the first value of each state
 * @param cell the step of a direction, in the graph of the layer that it is given
 */
export const runLayer = (
  layer: Layer,
  bias: string | null,
  initial: readonly number[],
  cell: (direction: number, layer: Layer) => Step,
): string[] =>
  (layer.steps * layer.directions >= LONG && canScan(layer) ? scanned : unroll)(layer, bias, initial, cell);
