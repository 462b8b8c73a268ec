/** A matrix by its rows: row j has the terms `starts[j]` to `starts[j + 1]`, each a column and a weight. */
export interface Sparse {
  readonly starts: Int32Array;
  readonly columns: Int32Array;
  readonly weights: Float64Array;
}

/** What a layer reads: the value of an earlier layer, by its place; 0 is the input. */
export interface Part {
  readonly from: number;
  readonly matrix: Sparse;
}

/** y = Σ W·x + b over its parts. */
export interface Affine {
  readonly kind: "affine";
  readonly parts: readonly Part[];
  readonly bias: Float64Array;
  /** The sum of the sizes of what each bias is made of, where that is not its own size. */
  readonly biasSize?: Float64Array;
  /** Whether float32 rounds; not where elements are only moved. */
  readonly rounds: boolean;
}

/** The same function of each element: straight pieces between kinks. */
export interface Curve {
  readonly kind: "curve";
  readonly from: number;
  readonly f: (z: number) => number;
  readonly kinks: readonly number[];
  /** The slope below 0 of a function that bends up at 0 and has slope 1 above: its line below can be either piece. */
  readonly leak?: number;
  /** How far float32 can be off, as a share of the result. */
  readonly relative: number;
}

/** The largest element of each window: the columns of its row. */
export interface Largest {
  readonly kind: "largest";
  readonly from: number;
  readonly windows: Sparse;
}

/** How a value is made of earlier ones; `name` is that of the ONNX value. */
export type Layer = (Affine | Curve | Largest) & { readonly name: string; readonly size: number };

/** A network of one sample: its input is value 0, and layer i makes value i + 1. Value `output` is the logits. */
export interface Layers {
  /** Shape of one sample, and its size. */
  readonly shape: readonly number[];
  readonly inputs: number;
  readonly layers: readonly Layer[];
  readonly output: number;
  readonly classes: number;
  /** The value that each name of the graph stands for. */
  readonly names: ReadonlyMap<string, number>;
}

/** The earlier values that a layer reads. */
export const readBy = (layer: Layer): readonly number[] =>
  layer.kind === "affine" ? layer.parts.map(({ from }) => from) : [layer.from];

/** The values that curves and pools read, in order: the closer their ends, the closer the bounds. */
export function frontiersOf({ layers }: Layers): number[] {
  const read = layers.flatMap((layer) => (layer.kind === "affine" ? [] : [layer.from]));
  return [...new Set(read)].sort((a, b) => a - b);
}

/** The slope below 0 of the curve that reads a value; 0 of any other. */
export const leakOf = ({ layers }: Layers, value: number): number =>
  layers.flatMap((layer) => (layer.kind === "curve" && layer.from === value ? [layer.leak ?? 0] : []))[0] ?? 0;
