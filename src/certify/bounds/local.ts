import type { Program } from "../../runtime.ts";
import { type FloatTensor, product, tensor } from "../../tensor.ts";
import { boundsOf, type Ends, unitRows } from "./batches.ts";
import type { Ball, Box } from "./box.ts";
import { type Least, leastOver } from "./least.ts";
import { known, ofSamples } from "./names.ts";
import type { Side } from "./pools.ts";
import type { Frontier } from "./programs.ts";
import type { Window, Windowed } from "./windows.ts";

/** Numbers of one value in the windows that are made at a time. */
const MOST_NUMBERS = 2 ** 22;

interface Asked {
  readonly box: Box;
  readonly ends: Ends;
  /** Of elements of [samples, ...shape]. */
  readonly asked: readonly Side[];
  /** [C, H, W] */
  readonly shape: readonly number[];
  readonly frontiers: readonly Frontier[];
}

/** One position of one sample, and what is asked about its channels. */
interface Spot {
  readonly sample: number;
  readonly row: number;
  readonly column: number;
  readonly sides: { readonly channel: number; readonly side: Side }[];
}

/** Bounds elements or their negatives, each by the window that it hangs on. */
export async function refineByWindows(
  { program, input, windows, masks }: Windowed & { readonly program: Program },
  { box, ends, asked, shape, frontiers }: Asked,
  keep: (side: Side, bound: number) => void,
): Promise<void> {
  const [channels, height, width] = shape as [number, number, number];
  const inner = frontiers.filter(({ value }) => program.inputs.includes(known(value).lower));
  const sizeOf = ({ size }: Window, depth: number) => depth * size[0] * size[1];
  const largest = Math.max(
    sizeOf(input, box.centre.dims[1]!),
    ...inner.map(({ value, shape: [depth] }) => sizeOf(windows.get(value)!, depth!)),
  );
  const spots = spotsOf(asked, [channels, height, width]);
  const many = Math.max(1, Math.floor(MOST_NUMBERS / largest));
  const insides = Array.from(masks, ([name, window]) => {
    const inside = new Float32Array(product(window.extent)).fill(1);
    return { name, window, whole: tensor("float32", [1, 1, ...window.extent], inside) };
  });
  for (let at = 0; at < spots.length; at += many) {
    const taken = spots.slice(at, at + many);
    const cut = (t: FloatTensor, window: Window, outside: number) => cutOut(t, window, taken, outside);
    const samples: Record<string, FloatTensor> = {
      centre: cut(box.centre, input, 0),
      lower: cut(box.lower, input, 0),
      upper: cut(box.upper, input, 0),
    };
    const n = box.centre.dims[0]!;
    for (const { value, shape: of } of inner) {
      const { lower, upper } = ends.get(value)!;
      const window = windows.get(value)!;
      samples[known(value).lower] = cut(tensor("float32", [n, ...of], lower), window, Number.NEGATIVE_INFINITY);
      samples[known(value).upper] = cut(tensor("float32", [n, ...of], upper), window, Number.POSITIVE_INFINITY);
    }
    const rows: Record<string, FloatTensor> = { x: samples["centre"]! };
    // They are the same for every sample.
    const places = insides.length > 0 ? taken.map((spot) => ({ ...spot, sample: 0 })) : [];
    for (const { name, window, whole } of insides)
      rows[name] = samples[ofSamples(name)] = cutOut(whole, window, places, 0);
    const all = taken.flatMap(({ sides }, sample) =>
      sides.map(({ channel, side }) => ({ sample, at: channel, sign: side.sign, side })),
    );
    const { bounds } = await boundsOf(
      program,
      { samples, rows, ...(box.ball && { least: leastInWindows(box, box.ball, samples, taken) }) },
      unitRows(all, [channels, 1, 1]),
      samples["centre"]!.dims.slice(1),
    );
    for (const [i, { side }] of all.entries()) keep(side, bounds[i]!);
  }
}

/** What lines lose over windows: the rest of the input may stay as it is, so that each may take all of ε. */
function leastInWindows(
  { centre }: Box,
  { norm, radii, pixels }: Ball,
  samples: Readonly<Record<string, FloatTensor>>,
  spots: readonly Spot[],
): Least {
  const [, channels, height, width] = samples["centre"]!.dims as [number, number, number, number];
  const area = height * width;
  const perPixel = pixels?.channels ?? 1;
  // Pixels whose channels are not the first axis here count as that many elements.
  const isFirst = pixels !== null && !pixels.channelsLast && perPixel === centre.dims[1];
  const cells = isFirst
    ? { count: area, channels, at: (p: number, c: number) => c * area + p }
    : { count: channels * area, channels: 1, at: (p: number) => p };
  const times = isFirst ? 1 : perPixel;
  const own = Float64Array.from(spots, ({ sample }) => radii[sample]! * times);
  const box = { centre: samples["centre"]!, lower: samples["lower"]!, upper: samples["upper"]! };
  return leastOver(box, { norm, radii: own, pixels }, cells);
}

/** Positions that are asked about, those with most questions first: what is run together should be alike. */
function spotsOf(asked: readonly Side[], [channels, height, width]: readonly [number, number, number]): Spot[] {
  const spots = new Map<number, Spot>();
  const area = height * width;
  for (const side of asked) {
    const { element } = side;
    const [sample, place] = [Math.floor(element / (channels * area)), element % area];
    const key = sample * area + place;
    const spot = spots.get(key) ?? { sample, row: Math.floor(place / width), column: place % width, sides: [] };
    spot.sides.push({ channel: Math.floor(element / area) % channels, side });
    spots.set(key, spot);
  }
  return [...spots.values()].sort((a, b) => b.sides.length - a.sides.length);
}

/** The windows [spots, C, ...size] of a value [samples, C, H, W], with a number where they are outside of it. */
function cutOut(t: FloatTensor, { size, stride, start }: Window, spots: readonly Spot[], outside: number): FloatTensor {
  const [, depth, height, width] = t.dims as [number, number, number, number];
  const [rows, columns] = size;
  const data = new Float32Array(spots.length * depth * rows * columns).fill(outside);
  const source = t.data as Float32Array;
  let to = 0;
  for (const { sample, row, column } of spots) {
    const [top, left] = [row * stride[0] + start[0], column * stride[1] + start[1]];
    const [from, end] = [Math.max(0, left), Math.min(width, left + columns)];
    for (let c = 0; c < depth; c++)
      for (let i = 0; i < rows; i++, to += columns) {
        const y = top + i;
        if (y < 0 || y >= height || from >= end) continue;
        const line = ((sample * depth + c) * height + y) * width;
        // Rows are short: copies by `set` take longer.
        for (let x = from; x < end; x++) data[to + x - left] = source[line + x]!;
      }
  }
  return tensor("float32", [spots.length, depth, rows, columns], data);
}
