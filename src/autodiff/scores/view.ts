import { MAX_CLASSES } from "../../classes.ts";
import { PerturbError } from "../../errors.ts";
import { normalizeAxis } from "../../onnx/dims.ts";
import { type Dim, describeDims } from "../../onnx/graph.ts";
import type { Ops } from "../../onnx/ops.ts";
import { option } from "../../option.ts";
import type { Pool } from "../reading.ts";

/** Where the classes lie in an output. */
export interface View {
  readonly classes: number;
  /** The axis of the output that is pooled. */
  readonly pooled: number | undefined;
  /** A value in the shape of the output, brought to [n, classes] in float32. */
  readonly flat: (value: string) => string;
  /** Whether pooling can be done behind a head that keeps the order: of a maximum, in the same shape. */
  readonly poolsBehind: (value: string) => boolean;
}

export function viewOf(b: Ops, output: string, declared: readonly Dim[] | null, pool: Pool | undefined): View {
  const inferred = b.fact(output).dims;
  const given = (inferred ?? declared ?? b.dims(output)).map((d, i) =>
    typeof d === "number" ? d : (declared?.[i] ?? d),
  );
  const batch = b.fact("x").dims?.[0];
  const dims = pool ? without(given, pool, batch) : given;
  if (batch === 1 && typeof given[0] === "number" && given[0] > 1 && given.length === 2 && !pool)
    throw rowsOfOne(given);
  const isRows = dims.length === 1 && sameRows(dims[0]!, batch);
  const wide = dims.flatMap((d, i) => (i > 0 && d !== 1 ? [i] : []));
  const axis = wide[0] ?? 1;
  const classes = isRows ? 1 : dims[axis];
  if (typeof classes !== "number" || wide.length > 1) throw noClassifier(given, batch);
  if (classes > MAX_CLASSES)
    throw new PerturbError(
      "unsupported",
      `The model's output is ${describeDims(dims)}: ${classes} classes, of ${MAX_CLASSES} allowed. Check that its sizes are in the order [batch, classes].`,
    );
  return {
    classes,
    pooled: pool && normalizeAxis(pool.axis, given.length),
    flat(value) {
      const real = b.fact(value).type === "float32" ? value : b.cast(value, "float32");
      const one = pool ? pooled(b, real, pool, given.length) : real;
      const known = b.fact(one).dims;
      if (known?.length === 1) return b.unsqueeze(one, [classes === 1 ? 1 : 0]);
      const extra = (known ?? [null]).flatMap((d, i) => (i > 0 && d === 1 && !(classes === 1 && i === 1) ? [i] : []));
      if (known?.length !== 2 + extra.length) return b.reshape(one, [-1, classes]);
      const flat = extra.length === 0 ? one : b.squeeze(one, extra);
      return b.fact(flat).dims?.[1] === classes ? flat : b.reshape(flat, [-1, classes]);
    },
    poolsBehind: (value) => pool === undefined || (pool.how === "max" && b.fact(value).dims?.length === given.length),
  };
}

/** Whether a size may be that of the batch. */
const sameRows = (size: Dim, batch: Dim | undefined): boolean =>
  typeof size !== "number" || typeof batch !== "number" ? typeof size !== "number" : size === batch;

/** @param batch the size of the input's batch: where it is 1, an output may have no axis for it */
function without(dims: readonly Dim[], { how, axis }: Pool, batch: Dim | undefined): readonly Dim[] {
  const isAxis = Number.isInteger(axis) && axis >= -dims.length && axis < dims.length;
  const ofOne = isAxis && batch === 1 && dims.length === 2 && normalizeAxis(axis, 2) === 0;
  if (ofOne) return [1, dims[1]!];
  if (!isAxis || dims.length < 3)
    throw new PerturbError(
      "usage",
      `${option("pool", `${how}:${axis}`)} does not fit an output of ${describeDims(dims)}. Give the axis, counted from 0, of an output with three axes or more, so that batch and classes are left; or leave it out.`,
    );
  return dims.toSpliced(normalizeAxis(axis, dims.length), 1);
}

function pooled(b: Ops, value: string, { how, axis }: Pool, rank: number): string {
  const axes = [normalizeAxis(axis, rank)];
  return how === "mean" ? b.reduceMean(value, axes, false) : b.reduceMax(value, axes, false);
}

/** Of one sample, several rows. */
const rowsOfOne = (dims: readonly Dim[]): PerturbError =>
  new PerturbError(
    "unsupported",
    `The model's output is ${describeDims(dims)} for one sample, and a classifier gives [batch, classes]. Where its first axis is time, anchors or the like, bring it to one value (${option("pool", "mean:0")}); else export the model with one row of scores for a sample.`,
  );

/** @param batch the size of the input's batch, by which that of an output can be told */
function noClassifier(dims: readonly Dim[], batch: Dim | undefined): PerturbError {
  const isTimeMajor = typeof batch === "string" && dims.indexOf(batch) === 1;
  const where = isTimeMajor ? "such as mean:0" : "mean:AXIS or max:AXIS, counted from 0";
  return new PerturbError(
    "unsupported",
    `The model's output is ${describeDims(dims)}, and a classifier gives [batch, classes]. ${
      dims.length > 2
        ? `Choose another output (${option("output")}), or bring an axis such as time or anchors to one value (${option("pool")}, ${where}).`
        : `Choose the output with the class scores (${option("output")}), or export the model with a row of them for each sample.`
    }`,
  );
}
