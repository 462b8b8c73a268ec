import { PerturbError } from "../../errors.ts";
import type { Graph } from "../../onnx/graph.ts";
import { elementType } from "../../onnx/tensor-proto.ts";

/** Refuses weights that are NaN: every logit, and every measurement, would be. @throws invalid-file */
export function checkWeights(graph: Graph, model: string): void {
  for (const [name, { dataType, rawData, floatData }] of graph.initializers) {
    if (elementType(dataType) !== "float32") continue;
    const at = rawData.length > 0 ? firstNaN(rawData) : floatData.findIndex(Number.isNaN);
    if (at >= 0)
      throw new PerturbError(
        "invalid-file",
        `${model}: the weights "${name}" hold NaN, first at element ${at}. Training has diverged, or the file is damaged: export the model again.`,
        { data: { tensor: name, element: at } },
      );
  }
}

/** Bytes looked at in one piece, copied where they are not aligned. */
const PIECE = 2 ** 16;

/** The first NaN among little-endian float32 values, or -1: all bits of the exponent set, and one of the fraction. */
function firstNaN(bytes: Uint8Array): number {
  const count = Math.floor(bytes.length / 4);
  for (let start = 0; start < count; start += PIECE) {
    const bits = new Uint32Array(bytes.slice(4 * start, 4 * Math.min(count, start + PIECE)).buffer);
    for (let i = 0; i < bits.length; i++) if ((bits[i]! & 0x7fffffff) > 0x7f800000) return start + i;
  }
  return -1;
}
