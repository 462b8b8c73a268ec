import { PerturbError } from "../errors.ts";
import { option } from "../option.ts";
import { type FloatTensor, type Tensor, toFloat32 } from "../tensor.ts";

/** Labels of an array, and the number of columns where they were one-hot. */
export interface ArrayLabels {
  readonly labels: Int32Array;
  readonly columns?: number | undefined;
  /** What was assumed of them, in a sentence. */
  readonly assumption?: string;
}

/**
 * Labels from whole numbers [N] or [N, 1] of any type, or from one-hot rows [N, classes]. The two numbers -1 and 1 are two classes.
 * @throws invalid-file for other shapes, for numbers that are not whole, negative or too large, for rows that are not one-hot
 */
export function labelsFromTensor(t: Tensor, file: string): ArrayLabels {
  const [count = 0, columns = 1] = t.dims;
  if (t.dims.length < 1 || t.dims.length > 2)
    throw invalid(file, `they have shape [${t.dims}], not [N], [N, 1] or one-hot [N, classes]`, { shape: t.dims });
  const values = t.type === "float16" || t.type === "bfloat16" ? toFloat32(t).data : t.data;
  if (columns === 1) {
    const labels = Int32Array.from({ length: count }, (_, i) => wholeNumber(values[i]!, i, file));
    return areSigns(labels) ? { labels: labels.map((v) => Number(v > 0)), assumption: signsWords(file) } : { labels };
  }
  return { labels: Int32Array.from({ length: count }, (_, i) => hotColumn(values, i, columns, file)), columns };
}

/** Whether labels are -1 and 1, as of margin classifiers: 1 alone is the class of this number. */
const areSigns = (labels: Int32Array): boolean => labels.includes(-1) && labels.every((v) => v === -1 || v === 1);

const signsWords = (file: string): string =>
  `The labels in ${file} are -1 and 1. They were read as the classes 0 and 1: -1 as class 0.`;

function wholeNumber(value: number | bigint, index: number, file: string): number {
  const label = Number(value);
  if (label !== (label | 0)) throw invalid(file, `sample ${index} has ${value}, which is no class`, { index, value });
  return label;
}

function hotColumn(values: ArrayLike<number | bigint>, row: number, columns: number, file: string): number {
  let hot = -1;
  for (let column = 0; column < columns; column++) {
    const value = Number(values[row * columns + column]!);
    if (value !== 0 && (value !== 1 || hot !== -1)) hot = columns;
    else if (value === 1) hot = column;
  }
  if (hot === -1 || hot === columns)
    throw invalid(file, `row ${row} of [N, ${columns}] is not one-hot (a single 1, all else 0)`, {
      index: row,
      isSet: isSet(values),
    });
  return hot;
}

const isSet = (values: ArrayLike<number | bigint>): boolean =>
  Array.from(values).every((v) => Number(v) === 0 || Number(v) === 1);

/**
 * Sets of labels from a matrix [N, labels] of 0 and 1, of any type.
 * @throws invalid-file for other shapes, fewer than two labels, and other values
 */
export function labelSetsFromTensor(t: Tensor, file: string): FloatTensor {
  const [, labels = 1] = t.dims;
  const wrong = (what: string, data: object): PerturbError =>
    new PerturbError(
      "invalid-file",
      `The label sets in ${file} cannot be read: ${what}. Save a matrix [N, labels] of 0 and 1, two labels or more; or leave out ${option("head", "multi-label")}, where a sample has one class.`,
      { data: { file, ...data } },
    );
  if (t.dims.length !== 2 || labels < 2) throw wrong(`they have shape [${t.dims}]`, { shape: t.dims });
  const values = t.type === "float16" || t.type === "bfloat16" ? toFloat32(t).data : t.data;
  const data = Float32Array.from({ length: values.length }, (_, i) => {
    const value = Number(values[i]!);
    if (value !== 0 && value !== 1)
      throw wrong(`sample ${Math.floor(i / labels)} holds ${value}`, { index: Math.floor(i / labels), value });
    return value;
  });
  return { type: "float32", dims: [...t.dims], data };
}

function invalid(file: string, what: string, data: { readonly isSet?: boolean; readonly [key: string]: unknown }) {
  const several = data.isSet ? ` If a sample may have several labels, say so (${option("head", "multi-label")}).` : "";
  return new PerturbError(
    "invalid-file",
    `The labels in ${file} cannot be read: ${what}. Save them as whole numbers [N].${several}`,
    {
      data: { file, ...data },
    },
  );
}
