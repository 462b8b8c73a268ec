import { MAX_CLASSES } from "../classes.ts";
import { PerturbError } from "../errors.ts";

/** One class a sample. */
export type Labels = Uint8Array | Int32Array;

/**
 * The number of classes, after checking each label against it: as given, or the largest label + 1.
 * @throws invalid-file for a negative label or one that cannot be a class; mismatch for one outside the given classes
 */
export function checkLabels(labels: Labels, file: string, classes?: number): number {
  if (classes !== undefined && !(Number.isInteger(classes) && classes >= 1 && classes <= MAX_CLASSES))
    throw new PerturbError("usage", `classes is ${classes}; it must be a whole number from 1 to ${MAX_CLASSES}.`, {
      data: { classes },
    });
  let largest = 0;
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i]!;
    if (label < 0 || label >= MAX_CLASSES)
      throw labelError("invalid-file", file, i, label, `Labels are 0 … ${MAX_CLASSES - 1}`);
    if (classes !== undefined && label >= classes)
      throw labelError("mismatch", file, i, label, `With ${classes} classes, labels are 0 … ${classes - 1}`);
    largest = Math.max(largest, label);
  }
  return classes ?? largest + 1;
}

function labelError(code: "invalid-file" | "mismatch", file: string, index: number, label: number, allowed: string) {
  return new PerturbError(
    code,
    `${file}: sample ${index} has label ${label}. ${allowed}. Check that the labels are the right file.`,
    {
      data: { file, index, label },
    },
  );
}

/** @throws mismatch */
export function checkCount(images: string, imageCount: number, labels: string, labelCount: number): void {
  if (imageCount !== labelCount)
    throw new PerturbError(
      "mismatch",
      `${images} holds ${imageCount} images and ${labels} holds ${labelCount} labels. Pass the two files of one set.`,
      { data: { images: imageCount, labels: labelCount } },
    );
}
