import { PerturbError } from "../../errors.ts";
import { layoutOf, transposed } from "../../layout.ts";
import { readOnnx, writeOnnx } from "../../onnx/file.ts";
import { option } from "../../option.ts";
import type { ClassifierFile } from "./classifier.ts";
import { inFront } from "./front.ts";

/**
 * The classifier for samples of this shape: where that is its own with the channels at the other end, they are transposed in front
 * of its graph. Of any other shape it stays what it is. @throws unsupported where each element has bounds of its own
 */
export function inLayout(file: ClassifierFile, shape: readonly number[]): ClassifierFile {
  if (transposed(shape, file.inputShape) === null) return file;
  if (file.elements)
    throw new PerturbError(
      "unsupported",
      `${file.name} takes samples of shape [${file.inputShape}], not [${shape}], and bounds for each element (${option("bounds")}) cannot be those of both. Give one pair of bounds, or a model of the same layout.`,
    );
  const perm = layoutOf(shape) === "channels-first" ? [0, 2, 3, 1] : [0, 3, 1, 2];
  const graph = inFront(readOnnx(file.onnx, file.name), "layout", (b, x) => b.transpose(x, perm), shape);
  const { gradients: _, once, ...rest } = file;
  return { ...rest, onnx: writeOnnx(graph), inputShape: [...shape], ...(once && { once: inLayout(once, shape) }) };
}
