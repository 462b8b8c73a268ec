/** How Resize reads one axis. All that ONNX Runtime computes in float32 is rounded to it here, or nearest picks differ. */
export interface Resampling {
  readonly mode: string;
  readonly coordinates: string;
  /** "" is the rule of opsets before 11: up when the image shrinks, else down. */
  readonly nearest: string;
  readonly input: number;
  readonly output: number;
  readonly scale: number;
  /** Start and end of the region in [0, 1], for tf_crop_and_resize. */
  readonly roi: readonly [number, number];
  readonly cubicCoefficient: number;
  readonly excludeOutside: boolean;
  readonly antialias: boolean;
}

const f = Math.fround;

/** The elements of the input that one of the output is made of, and how much of each. */
type Row = readonly (readonly [index: number, weight: number])[];

/**
 * The rows of the matrix [output, input] by which Resize multiplies one axis. Empty rows are outside the region, where
 * Resize puts a constant. As ONNX Runtime 1.30's upsample.cc and upsample_antialias.h compute it.
 */
export function resizeRows(axis: Resampling): Row[] {
  const weigh = axis.antialias ? antialiased : (WEIGHTS[axis.mode] ?? linear);
  const last = axis.input - 1;
  return Array.from({ length: axis.output }, (_, o) => {
    const position = originalPosition(axis, o);
    if (axis.coordinates === "tf_crop_and_resize" && (position < 0 || position > last)) return [];
    return weigh(axis, position).map(([index, weight]) => [Math.min(Math.max(index, 0), last), weight] as const);
  });
}

/** That matrix, row-major. */
export function resizeMatrix(axis: Resampling, rows: readonly Row[] = resizeRows(axis)): Float64Array {
  const matrix = new Float64Array(axis.output * axis.input);
  for (const [o, row] of rows.entries()) for (const [index, weight] of row) matrix[o * axis.input + index]! += weight;
  return matrix;
}

/** Where in the input the output's element `o` lies. */
function originalPosition({ coordinates, input, output, scale, roi: [start, end] }: Resampling, o: number): number {
  switch (coordinates) {
    case "asymmetric":
      return f(o / scale);
    case "pytorch_half_pixel":
      return output > 1 ? f(f(f(o + 0.5) / scale) - 0.5) : 0;
    case "tf_half_pixel_for_nn":
      return f(f(o + 0.5) / scale);
    case "align_corners":
      return output === 1 ? 0 : f(f(o * (input - 1)) / (output - 1));
    case "tf_crop_and_resize":
      if (output === 1) return f(0.5 * f(f(start + end) * (input - 1)));
      return f(f(start * (input - 1)) + f(f(f(o * f(end - start)) * (input - 1)) / (output - 1)));
    case "half_pixel_symmetric": {
      const adjustment = f(output / f(scale * input));
      const offset = f((input / 2) * f(1 - adjustment));
      return f(offset + (o + 0.5) / scale - 0.5);
    }
    default:
      return f(f(f(o + 0.5) / scale) - 0.5);
  }
}

type Weights = (axis: Resampling, position: number) => Row;

const nearest: Weights = ({ nearest: mode, scale }, position) => [[pick(mode, position, scale), 1]];

function pick(mode: string, position: number, scale: number): number {
  switch (mode) {
    case "floor":
      return Math.floor(position);
    case "ceil":
      return Math.ceil(position);
    case "round_prefer_ceil":
      return isHalf(position) ? Math.ceil(position) : Math.round(position);
    case "":
      return scale < 1 ? Math.ceil(position) : Math.trunc(position);
    default:
      return isHalf(position) ? Math.floor(position) : Math.round(position);
  }
}

/** ONNX Runtime takes what is this near to a half as one. */
const isHalf = (position: number): boolean => Math.abs(position - Math.floor(position) - 0.5) < 1e-6;

const linear: Weights = ({ input }, position) => {
  const inside = Math.min(Math.max(position, 0), input - 1);
  const low = Math.floor(inside);
  return [
    [low, low + 1 - inside],
    [low + 1, inside - low],
  ];
};

const cubic: Weights = ({ input, cubicCoefficient, excludeOutside }, position) => {
  const first = Math.floor(position) - 1;
  const taps = [0, 1, 2, 3].map((i) => [first + i, cubicKernel(position - first - i, cubicCoefficient)] as const);
  return excludeOutside ? normalized(taps.filter(([index]) => index >= 0 && index < input)) : taps;
};

const WEIGHTS: Readonly<Record<string, Weights>> = { nearest, linear, cubic };

/** A kernel as wide as what one output element covers, as in Pillow. */
const antialiased: Weights = ({ mode, input, scale, cubicCoefficient, excludeOutside }, position) => {
  const stretch = Math.max(f(1 / scale), 1);
  const support = f((mode === "cubic" ? 2 : 1) * stretch);
  const center = f(0.5 + position);
  const first = Math.floor(f(f(center - support) + 0.5));
  const last = Math.min(Math.floor(f(f(center + support) + 0.5)), first + 2 * Math.ceil(support) + 1);
  const kernel = mode === "cubic" ? (t: number) => cubicKernel(t, cubicCoefficient) : triangle;
  const taps = Array.from({ length: last - first }, (_, i) => {
    return [first + i, kernel((first + i - center + 0.5) / stretch)] as const;
  });
  const inside = taps.filter(([index]) => index >= 0 && index < input);
  if (inside.length === 0) return [];
  return normalized(excludeOutside ? inside : taps);
};

const triangle = (t: number): number => Math.max(0, 1 - Math.abs(t));

/** Keys 1981, https://doi.org/10.1109/TASSP.1981.1163711 */
function cubicKernel(t: number, a: number): number {
  const x = Math.abs(t);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

function normalized(taps: Row): Row {
  const total = taps.reduce((sum, [, weight]) => sum + weight, 0);
  return total === 0 ? taps : taps.map(([index, weight]) => [index, weight / total]);
}
