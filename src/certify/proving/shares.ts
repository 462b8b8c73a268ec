/** What a bound loses of a margin: bound = margin - linear - rounding - Σ layers. */
export interface Lost {
  readonly margin: number;
  readonly linear: number;
  readonly rounding: number;
  readonly bound: number;
  readonly layers: readonly { readonly op: string; readonly node: string | null; readonly loss: number }[];
}

/** One cause, such as "Relu /conv1/Relu" or "the linear part", with its share of all that is lost. */
export interface Share {
  readonly name: string;
  readonly loss: number;
  readonly share: number;
}

/** The causes, the largest first. */
export function sharesOf({ margin, linear, rounding, bound, layers }: Lost): Share[] {
  const all = [
    { name: "the linear part", loss: linear },
    ...layers.map(({ op, node, loss }, k) => ({ name: `${op} ${node ?? placeOf(layers, k)}`, loss })),
    { name: "rounding", loss: rounding },
  ];
  return all.map((one) => ({ ...one, share: one.loss / (margin - bound) })).sort((a, b) => b.loss - a.loss);
}

/** Which of the layers of its operator one is, from 1. */
const placeOf = (layers: Lost["layers"], k: number): number =>
  layers.slice(0, k + 1).filter(({ op }) => op === layers[k]!.op).length;

/** "54 % to the linear part, 30 % to Relu /conv1/Relu", of the largest ones. */
export const sharesInWords = (lost: Lost, most: number): string =>
  sharesOf(lost)
    .slice(0, most)
    .filter(({ share }) => share >= 0.005)
    .map(({ name, share }) => `${(100 * share).toFixed(0)} % to ${name}`)
    .join(", ");
