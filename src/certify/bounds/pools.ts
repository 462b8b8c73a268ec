import { isTiled } from "../../autodiff/relaxations/max-pool.ts";
import type { Node } from "../../onnx/graph.ts";

/** A pool of windows that share no element, and which elements of its input decide on each. */
export interface Pool {
  /** Places of the elements of each window, in the shape of one sample. */
  readonly windows: readonly Int32Array[];
  /** Whether nothing but Relus reads it: a window that is not above 0 does not count there. */
  readonly isCut: boolean;
}

/** One end of an element, by its place in [samples, ...]: the lower one with sign 1, with -1 the upper one. */
export interface Side {
  readonly element: number;
  readonly sign: 1 | -1;
}

interface KnownEnds {
  readonly lower: Float32Array;
  readonly upper: Float32Array;
}

/** The windows of a MaxPool over [C, H, W]; undefined where they share elements, or are placed by rules. */
export function poolOf(node: Node, shape: readonly number[], isCut: boolean): Pool | undefined {
  const { attributes } = node;
  const kernel = attributes.ints("kernel_shape", []);
  const isPlain = attributes.string("auto_pad", "NOTSET") === "NOTSET" && attributes.int("ceil_mode", 0) === 0;
  if (node.op !== "MaxPool" || !isPlain || kernel.length !== 2 || !isTiled(node, shape.length + 1)) return undefined;
  const strides = attributes.ints("strides", [1, 1]);
  const dilations = attributes.ints("dilations", [1, 1]);
  const pads = attributes.ints("pads", [0, 0, 0, 0]);
  const [channels, height, width] = shape as [number, number, number];
  /** Along one axis, the places of each window that are inside. */
  const along = (axis: 0 | 1, extent: number): number[][] => {
    const reach = (kernel[axis]! - 1) * dilations[axis]! + 1;
    const count = Math.floor((extent + pads[axis]! + pads[axis + 2]! - reach) / strides[axis]!) + 1;
    return Array.from({ length: count }, (_, k) =>
      Array.from({ length: kernel[axis]! }, (__, i) => k * strides[axis]! - pads[axis]! + i * dilations[axis]!).filter(
        (place) => place >= 0 && place < extent,
      ),
    );
  };
  const [rows, columns] = [along(0, height), along(1, width)];
  const windows = Array.from({ length: channels }, (_, c) =>
    rows.flatMap((ys) =>
      columns.map((xs) => Int32Array.from(ys.flatMap((y) => xs.map((x) => (c * height + y) * width + x)))),
    ),
  ).flat();
  return { windows, isCut };
}

/**
 * What to ask about in turn, each time of the windows that are still open. In the end all is known that lines of the pool depend on: of windows
 * with one element that no other can be above, nothing more, nor of elements that another one is always above.
 */
export const STAGES: readonly ((pool: Pool, ends: KnownEnds, size: number) => Side[])[] = [
  // Of the element that is probably the largest, its lower end,
  (pool, ends, size) =>
    openWindows(pool, ends, size).map(({ places }) => ({ element: likely(places, ends), sign: 1 as const })),
  // of those that may be above it, their upper ends,
  (pool, ends, size) =>
    openWindows(pool, ends, size).flatMap(({ rivals }) => rivals.map((element) => ({ element, sign: -1 as const }))),
  // and where one of them still may, both ends of all of these.
  (pool, ends, size) =>
    openWindows(pool, ends, size).flatMap(({ leader, rivals }) => [
      { element: leader, sign: 1 as const },
      { element: leader, sign: -1 as const },
      ...rivals.map((element) => ({ element, sign: 1 as const })),
    ]),
];

interface OpenWindow {
  readonly places: readonly number[];
  /** The element whose lower end is largest. */
  readonly leader: number;
  /** Others whose upper ends are above that. */
  readonly rivals: readonly number[];
}

function openWindows({ windows, isCut }: Pool, { lower, upper }: KnownEnds, size: number): OpenWindow[] {
  const open: OpenWindow[] = [];
  for (let from = 0; from < lower.length; from += size)
    for (const window of windows) {
      const places = Array.from(window, (place) => from + place);
      const leader = places.reduce((best, at) => (lower[at]! > lower[best]! ? at : best), places[0]!);
      const rivals = places.filter((at) => at !== leader && upper[at]! > lower[leader]!);
      if (rivals.length === 0 || (isCut && places.every((at) => upper[at]! <= 0))) continue;
      open.push({ places, leader, rivals });
    }
  return open;
}

const likely = (places: readonly number[], { lower, upper }: KnownEnds): number =>
  places.reduce((best, at) => (lower[at]! + upper[at]! > lower[best]! + upper[best]! ? at : best), places[0]!);
