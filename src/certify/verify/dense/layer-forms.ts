import type { Layer } from "./layers.ts";
import { gamma, LARGEST, LOST, OWN, UNIT } from "./rounding.ts";

/** Forms of the elements of a layer, each in a row of `stride` numbers: how far each is off at most, and the sizes of all its parts together. */
export interface LayerForms {
  readonly stride: number;
  readonly numbers: Float64Array;
  readonly off: Float64Array;
  readonly size: Float64Array;
}

/** What goes on from a layer: elements with forms, and neurons of open sign, each with its place among these. */
export interface Reached {
  readonly plain: readonly number[];
  readonly bent: readonly { readonly at: number; readonly place: number }[];
}

/** What a layer is given, and how large what stands beside each part of a form can be. */
export interface Given extends Reached {
  readonly forms: LayerForms;
  /** How many numbers the forms have. */
  readonly wide: number;
  readonly caps: Float64Array;
  /** The place of the first open neuron in a form. */
  readonly first: number;
}

/** Numbers of a form that are added at a time, and so many more that a row has room for. */
const STEP = 4;

export const layerForms = (elements: number, wide: number): LayerForms => ({
  stride: wide + STEP,
  numbers: new Float64Array(elements * (wide + STEP)),
  off: new Float64Array(elements),
  size: new Float64Array(elements),
});

/** Before the form of an element is made. */
export const clear = ({ numbers, stride }: LayerForms, element: number, wide: number): void => {
  numbers.fill(0, element * stride, element * stride + wide + STEP);
};

/** Makes the form of one element of a layer, of so many numbers. Gives what the layer rounds there, which is among what the form is off by. */
export function throughLayer(
  { inputs, weights, bias }: Layer,
  j: number,
  { forms, wide: width, plain, bent, caps, first }: Given,
  made: LayerForms,
  wide: number,
): number {
  const [row, own] = [j * made.stride, j * inputs];
  clear(made, j, wide);
  let [off, size, lost] = [0, Math.abs(bias[j]!), 1];
  for (const k of plain) {
    const a = Math.abs(weights[own + k]!);
    off += a * forms.off[k]!;
    size += a * forms.size[k]!;
    lost += a + forms.size[k]!;
  }
  addProduct({ weights, own, plain }, forms, width, made.numbers, row);
  for (const { at, place } of bent) {
    const w = weights[own + at]!;
    const cap = caps[first + place]!;
    made.numbers[row + first + place] = w;
    size += Math.abs(w) * cap;
    lost += Math.abs(w) + cap;
  }
  made.numbers[row]! += bias[j]!;
  const all = size + off;
  const share = gamma(inputs + 2, UNIT) + gamma(inputs + 6, OWN);
  const rounded = all < LARGEST ? share * all + LOST * lost : Number.POSITIVE_INFINITY;
  made.off[j] = (off + rounded) * (1 + gamma(inputs + 6, OWN));
  let parts = 0;
  for (let c = 0; c < wide; c++) parts += Math.abs(made.numbers[row + c]!) * caps[c]!;
  made.size[j] = parts * (1 + gamma(wide + 2, OWN));
  return rounded;
}

/** Adds one row of weights, times the forms that it is given, to a form. The sums of a few numbers at a time stay in registers. */
function addProduct(
  { weights, own, plain }: { weights: Float64Array; own: number; plain: readonly number[] },
  { numbers: given, stride }: LayerForms,
  wide: number,
  made: Float64Array,
  at: number,
): void {
  const n = plain.length;
  for (let c = 0; c < wide; c += STEP) {
    let [s0, s1, s2, s3] = [0, 0, 0, 0];
    for (let i = 0; i < n; i++) {
      const k = plain[i]!;
      const w = weights[own + k]!;
      const from = k * stride + c;
      s0 += w * given[from]!;
      s1 += w * given[from + 1]!;
      s2 += w * given[from + 2]!;
      s3 += w * given[from + 3]!;
    }
    made[at + c]! += s0;
    made[at + c + 1]! += s1;
    made[at + c + 2]! += s2;
    made[at + c + 3]! += s3;
  }
}
