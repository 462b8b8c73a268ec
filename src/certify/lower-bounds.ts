import { PerturbError } from "../errors.ts";
import type { Graph } from "../onnx/graph.ts";
import type { Runtime } from "../runtime.ts";
import { type FloatTensor, product, sampleSize } from "../tensor.ts";
import type { Rows } from "./bounds/batches.ts";
import { openBounds } from "./bounds/bounds.ts";
import type { Box } from "./bounds/box.ts";
import type { Method } from "./bounds/ends.ts";
import { asNetwork } from "./bounds/network.ts";
import { requireCpu } from "./device.ts";

export interface BoundOptions {
  /** On the CPU, or WebAssembly: bounds hold for its kernels. */
  readonly runtime: Runtime;
  /** By default "crown". */
  readonly method?: Method;
}

/**
 * Lower bounds of sums of a network's outputs over boxes: for each row, a number that Σ seed·y is not below, whatever float32 input of the box of
 * its sample the network gets, in any order of summation. NaN and -Infinity where nothing is known. An upper bound is that of the negative
 * row, negated.
 * @param graph one input and one output, read by `readOnnx`
 * @param box centre, lower and upper end, float32 [n, ...] with the elements of one input each, lower ≤ centre ≤ upper
 * @param rows `seed`, float32 [rows, outputs], and which sample of the box each row is of
 * @throws unsupported for an operator without bounds or another device, mismatch, usage for a box that is none, runtime
 */
export async function bounds(
  graph: Graph,
  box: Box,
  { seed, samples }: Rows,
  { runtime, method = "crown" }: BoundOptions,
): Promise<Float64Array> {
  requireCpu(runtime, "Bounds");
  const count = checkBox(box);
  const outputs = sampleSize(seed);
  const wrong = samples.findIndex((sample) => !(sample >= 0 && sample < count));
  if (samples.length !== seed.dims[0] || wrong >= 0)
    throw new PerturbError(
      "mismatch",
      `Each of the ${seed.dims[0]} rows needs the number of its sample, from 0 to ${count - 1}; got ${wrong >= 0 ? samples[wrong] : `${samples.length} numbers`}.`,
    );
  if (!seed.data.every(Number.isFinite))
    throw new PerturbError(
      "usage",
      "The coefficients of rows are finite numbers. Leave out what holds NaN or infinity.",
    );
  const network = asNetwork(graph, { inputs: sampleSize(box.centre), outputs });
  const shaped = ({ data }: FloatTensor): FloatTensor => ({ type: "float32", dims: [count, ...network.sample], data });
  const opened = await openBounds(network.graph, runtime);
  try {
    const ends = { centre: shaped(box.centre), lower: shaped(box.lower), upper: shaped(box.upper) };
    const boxes = box.ball ? { ...ends, ball: box.ball } : ends;
    return await opened.lower(boxes, { seed: { ...seed, dims: [samples.length, outputs] }, samples }, method);
  } finally {
    await opened.release();
  }
}

/** The number of samples. @throws mismatch, usage */
function checkBox({ centre, lower, upper, ball }: Box): number {
  const size = product(centre.dims);
  if (lower.data.length !== size || upper.data.length !== size || centre.data.length !== size)
    throw new PerturbError(
      "mismatch",
      `The ends of a box have the shape of its centre, [${centre.dims}]; got [${lower.dims}] and [${upper.dims}].`,
    );
  for (const [i, value] of centre.data.entries())
    if (!(lower.data[i]! <= value && value <= upper.data[i]!))
      throw new PerturbError(
        "usage",
        `Element ${i} of the box goes from ${lower.data[i]} to ${upper.data[i]}, around ${value}. Give ends on both sides of the centre.`,
      );
  if (ball && !(ball.radii.length === centre.dims[0] && ball.radii.every((radius) => radius >= 0)))
    throw new PerturbError(
      "mismatch",
      `The ball of a box needs a radius from 0 up for each of its ${centre.dims[0]} samples, got [${ball.radii}].`,
    );
  return centre.dims[0]!;
}
