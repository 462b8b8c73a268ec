import { PerturbError } from "../../errors.ts";
import type { Program } from "../../runtime.ts";
import { type FloatTensor, product, sampleSize, type Tensor } from "../../tensor.ts";
import type { ClassifierFile } from "./classifier.ts";

/** What the graphs of a classifier answer. */
export type Answer = "logits" | "loss" | "gradient";

type Asked = Pick<ClassifierFile, "name" | "inputShape" | "classes" | "batch">;

/**
 * Runs a program over a batch; in pieces, the last one filled up with its first sample, where the graph fixes the batch.
 * @throws mismatch where an answer has another shape than was asked for
 */
export async function runBatches<A extends Answer>(
  program: Program,
  feeds: Readonly<Record<string, Tensor>>,
  file: Asked,
  fetches: readonly A[],
): Promise<Record<A, FloatTensor>> {
  const n = Object.values(feeds)[0]!.dims[0]!;
  const size = file.batch ?? n;
  if (size === n) return answerOf(await program.run(feeds, fetches), file, fetches, n);
  const parts: Record<A, FloatTensor>[] = [];
  for (let start = 0; start < n; start += size) {
    const piece = Object.fromEntries(Object.entries(feeds).map(([name, t]) => [name, cutPiece(t, start, size)]));
    parts.push(answerOf(await program.run(piece, fetches), file, fetches, size));
  }
  const joined = (name: A): FloatTensor =>
    joinPieces(
      parts.map((part) => part[name]),
      [n, ...shapeOf(name, file)],
    );
  return Object.fromEntries(fetches.map((name) => [name, joined(name)])) as Record<A, FloatTensor>;
}

/** Of what is answered for one sample. */
function shapeOf(name: Answer, { inputShape, classes }: Asked): readonly number[] {
  if (name === "loss") return [];
  return name === "logits" ? [classes] : inputShape;
}

/** The answers for n samples. @throws mismatch: missing rows would be taken for zeros, and others for those of other samples */
function answerOf<A extends Answer>(
  results: Readonly<Record<string, Tensor>>,
  file: Asked,
  fetches: readonly A[],
  n: number,
): Record<A, FloatTensor> {
  for (const name of fetches) {
    const wanted = [n, ...shapeOf(name, file)];
    const { type, dims, data } = results[name]!;
    if (type === "float32" && String(dims) === String(wanted) && data.length === product(wanted)) continue;
    throw new PerturbError(
      "mismatch",
      `${file.name} answers ${type} [${dims.join(", ")}] for the ${name} of ${n} sample${n === 1 ? "" : "s"}, where [${wanted.join(", ")}] was asked: its first axis does not hold the samples. Export it with the batch as the first axis of input and output.`,
      { data: { answer: name, got: dims, wanted } },
    );
  }
  return results as Record<A, FloatTensor>;
}

function cutPiece(t: Tensor, start: number, count: number): Tensor {
  const size = sampleSize(t);
  const data = t.data.slice(start * size, (start + count) * size) as FloatTensor["data"];
  if (data.length === count * size) return { ...t, dims: [count, ...t.dims.slice(1)], data };
  const filled = new (data.constructor as Float32ArrayConstructor)(count * size);
  for (let i = 0; i < count; i++)
    filled.set(i * size < data.length ? data.subarray(i * size, (i + 1) * size) : data.subarray(0, size), i * size);
  return { ...t, dims: [count, ...t.dims.slice(1)], data: filled };
}

function joinPieces(parts: readonly FloatTensor[], dims: readonly number[]): FloatTensor {
  const data = new Float32Array(product(dims));
  let at = 0;
  for (const part of parts) {
    const rest = part.data.subarray(0, Math.min(part.data.length, data.length - at));
    data.set(rest, at);
    at += rest.length;
  }
  return { type: "float32", dims, data };
}
