import type { Dim, Node } from "./graph.ts";

/** The sliding window of a convolution or pool, with every default resolved. Lists have one entry a spatial axis. */
export interface Window {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Padding before and after; unknown (null) where SAME padding meets an unknown size. */
  readonly before: readonly Dim[];
  readonly after: readonly Dim[];
  readonly ceil: boolean;
}

/** The window of a Conv or pool node over input sizes `spatial`. */
export function resolveWindow({ attributes }: Node, kernel: readonly number[], spatial: readonly Dim[]): Window {
  const rank = kernel.length;
  const ones = new Array<number>(rank).fill(1);
  const strides = attributes.ints("strides", ones);
  const dilations = attributes.ints("dilations", ones);
  const auto = attributes.string("auto_pad", "NOTSET");
  const pads = attributes.ints("pads", undefined) ?? new Array<number>(2 * rank).fill(0);
  const ceil = attributes.int("ceil_mode", 0) === 1;
  const shared = { kernel, strides, dilations, ceil };
  if (auto === "NOTSET") return { ...shared, before: pads.slice(0, rank), after: pads.slice(rank) };
  if (auto === "VALID") return { ...shared, before: ones.map(() => 0), after: ones.map(() => 0) };
  const totals = kernel.map((k, i): Dim => {
    const size = spatial[i]!;
    if (typeof size !== "number") return strides[i] === 1 ? (k - 1) * dilations[i]! : null;
    const output = Math.ceil(size / strides[i]!);
    return Math.max(0, (output - 1) * strides[i]! + (k - 1) * dilations[i]! + 1 - size);
  });
  const small = totals.map((t): Dim => (typeof t === "number" ? Math.floor(t / 2) : null));
  const large = totals.map((t): Dim => (typeof t === "number" ? Math.ceil(t / 2) : null));
  return auto === "SAME_UPPER"
    ? { ...shared, before: small, after: large }
    : { ...shared, before: large, after: small };
}

/** The output size along spatial axis i; null where it is unknown, or where no window fits, which no runtime accepts. */
export function windowOutput(w: Window, size: Dim, i: number): Dim {
  const [before, after] = [w.before[i]!, w.after[i]!];
  if (typeof size !== "number" || typeof before !== "number" || typeof after !== "number") return null;
  const span = (w.kernel[i]! - 1) * w.dilations[i]! + 1;
  const steps = (size + before + after - span) / w.strides[i]!;
  const count = (w.ceil ? Math.ceil(steps) : Math.floor(steps)) + 1;
  // A window that would start beyond the input and its leading padding is dropped (ONNX opset 22, as torch).
  const dropped = w.ceil && (count - 1) * w.strides[i]! >= size + before ? 1 : 0;
  return count - dropped > 0 ? count - dropped : null;
}

/** The window of a transposed convolution, which slides over the output. */
export interface TransposedWindow {
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** What is cut off before the output. */
  readonly before: readonly Dim[];
  readonly output: readonly Dim[];
}

/** The window of a ConvTranspose node over input sizes `spatial`. */
export function resolveTransposed(
  { attributes }: Node,
  kernel: readonly Dim[],
  spatial: readonly Dim[],
): TransposedWindow {
  const rank = spatial.length;
  const all = (value: number) => new Array<number>(rank).fill(value);
  const strides = attributes.ints("strides", all(1));
  const dilations = attributes.ints("dilations", all(1));
  const extra = attributes.ints("output_padding", all(0));
  const auto = attributes.string("auto_pad", "NOTSET");
  const pads = auto === "NOTSET" ? attributes.ints("pads", undefined) : undefined;
  const given = attributes.ints("output_shape", undefined);
  const along = (i: number): readonly [before: Dim, output: Dim] => {
    const [size, k] = [spatial[i]!, kernel[i]!];
    if (typeof size !== "number" || typeof k !== "number") return [null, given?.[i] ?? null];
    const whole = (size - 1) * strides[i]! + (k - 1) * dilations[i]! + 1 + extra[i]!;
    const wanted = given?.[i] ?? (auto.startsWith("SAME") ? size * strides[i]! : null);
    if (wanted === null) return [pads?.[i] ?? 0, whole - (pads ? pads[i]! + pads[i + rank]! : 0)];
    // The odd one goes to the end with SAME_UPPER only, as in ONNX Runtime; the standard's text says the opposite.
    const excess = Math.max(0, whole - wanted);
    const before = auto === "SAME_UPPER" ? Math.floor(excess / 2) : Math.ceil(excess / 2);
    return [before, given ? wanted : whole - excess];
  };
  const sizes = spatial.map((_, i) => along(i));
  return { strides, dilations, before: sizes.map(([before]) => before), output: sizes.map(([, output]) => output) };
}
