import type { FileHandle } from "node:fs/promises";
import type { ArraySpec, ByteSink } from "../datasets/npz-stream.ts";
import type { AdversarialBatch } from "../evaluate/adversarial.ts";
import type { Model } from "../model.ts";
import { type FloatTensor, type Tensor, takeRows } from "../tensor.ts";
import { readFeed } from "./opening/model.ts";

/** What inputs beside the samples hold for each of them, as it was given. */
export async function fedBySample(model: Model, feeds: readonly string[]): Promise<[input: string, values: Tensor][]> {
  const { isGraphModel } = await import("../models/classifier/graph-model.ts");
  const names = isGraphModel(model) ? (model.file.rows ?? []).map(({ name }) => name) : [];
  return (await Promise.all(feeds.map(readFeed))).filter(([input]) => names.includes(input));
}

interface Beside {
  readonly sets: FloatTensor | undefined;
  readonly fed: readonly (readonly [input: string, values: Tensor])[];
}

/** A file as a place for bytes. */
export const sinkOf = (handle: FileHandle): ByteSink => ({
  async write(position, bytes) {
    for (let at = 0; at < bytes.length; )
      at += (await handle.write(bytes, at, bytes.length - at, position + at)).bytesWritten;
  },
  async read(start, end) {
    const { buffer, bytesRead } = await handle.read(new Uint8Array(end - start), 0, end - start, start);
    return buffer.subarray(0, bytesRead);
  },
});

/** The rows of the .npz, n in all. */
export async function openRows(handle: FileHandle, n: number, shape: readonly number[], { sets, fed }: Beside) {
  const [{ createNpz }, { fedArray }, { rowsOf }] = await Promise.all([
    import("../datasets/npz-stream.ts"),
    import("../datasets/written-examples.ts"),
    import("../models/classifier/feed-rows.ts"),
  ]);
  const pixels = { type: "float32", dims: [n, ...shape] } as const;
  const list = <T extends "int32" | "uint8" | "float64">(type: T) => ({ type, dims: [n] });
  const arrays = {
    x: pixels,
    x_adv: pixels,
    label: sets ? ({ type: "float32", dims: [n, sets.dims[1]!] } as const) : list("int32"),
    prediction: list("int32"),
    success: list("uint8"),
    distance: list("float64"),
    index: list("int32"),
    epsilon: list("float64"),
    ...Object.fromEntries(
      fed.map(([input, { type, dims }]): [string, ArraySpec] => [
        fedArray(input),
        { type, dims: [n, ...dims.slice(1)] },
      ]),
    ),
  };
  const npz = createNpz<string>(arrays, sinkOf(handle));
  return {
    async write(
      row: number,
      { batch, adversarial, predictions, success, distances, epsilon }: AdversarialBatch,
    ): Promise<void> {
      const dims = [batch.labels.length];
      await npz.write("x", row, batch.x);
      await npz.write("x_adv", row, adversarial);
      await npz.write("label", row, sets ? takeRows(sets, batch.indices) : { type: "int32", dims, data: batch.labels });
      await npz.write("prediction", row, { type: "int32", dims, data: predictions });
      await npz.write("success", row, { type: "uint8", dims, data: success });
      await npz.write("distance", row, { type: "float64", dims, data: distances });
      await npz.write("index", row, { type: "int32", dims, data: batch.indices });
      await npz.write("epsilon", row, { type: "float64", dims, data: new Float64Array(dims[0]!).fill(epsilon) });
      for (const [name, values] of fed) await npz.write(fedArray(name), row, rowsOf({ name, values }, batch.indices));
    },
    finish: () => npz.finish(),
  };
}
