import type { Leaf } from "./certificate.ts";
import type { Layers } from "./layers.ts";
import type { Assumed, Proof } from "./proof.ts";
import type { SlopesOf } from "./steps.ts";

/** An element that is claimed something of: where it stands, and the slope of the line above its curve, where that is given. */
export interface Neuron {
  readonly value: number;
  readonly element: number;
  readonly upper?: number | undefined;
}

/** Signs of a leaf, by the numbers of neurons. */
type Signs = ReadonlyMap<number, 1 | -1>;

/** What a bound of logit[label] - logit[other] is in a part of the box, or in all of it. */
export const marginIn = (
  proof: Proof,
  { output }: Layers,
  [label, other]: readonly [number, number],
  part?: Assumed,
): number =>
  proof.least(
    output,
    [
      [label, 1],
      [other, -1],
    ],
    part,
  );

/** The parts of the box that leaves are, or undefined unless each input of the box is in one of them. */
export function partsOf(leaves: readonly Leaf[], neurons: readonly Neuron[]): Assumed[] | undefined {
  const all: Signs[] = [];
  for (const { positive, negative, pushes, slopes } of leaves) {
    const signs = new Map<number, 1 | -1>([
      ...Array.from(positive, (n) => [n, 1] as const),
      ...Array.from(negative, (n) => [n, -1] as const),
    ]);
    const isWhole = signs.size === positive.length + negative.length && pushes.length === signs.size;
    if (!isWhole || slopes.length !== neurons.length || [...signs.keys()].some((n) => !neurons[n])) return undefined;
    all.push(signs);
  }
  if (!covers(all)) return undefined;
  return leaves.map((leaf, i) => assumedIn(leaf, all[i]!, neurons));
}

/** Whether every choice of signs is one of some leaf: neurons that all leaves have are decided, one after the other. */
function covers(leaves: readonly Signs[]): boolean {
  const open: (readonly { readonly signs: Signs; readonly left: ReadonlySet<number> }[])[] = [
    leaves.map((signs) => ({ signs, left: new Set(signs.keys()) })),
  ];
  for (let group = open.pop(); group; group = open.pop()) {
    if (group.some(({ left }) => left.size === 0)) continue;
    const neuron = [...(group[0]?.left ?? [])].find((n) => group!.every(({ left }) => left.has(n)));
    if (neuron === undefined) return false;
    const rest = group.map(({ signs, left }) => ({ signs, left: new Set([...left].filter((n) => n !== neuron)) }));
    for (const sign of [1, -1]) open.push(rest.filter(({ signs }) => signs.get(neuron) === sign));
  }
  return true;
}

function assumedIn({ pushes, slopes }: Leaf, signs: Signs, neurons: readonly Neuron[]): Assumed {
  const lines = new Map<number, Map<number, readonly [number, number?]>>();
  for (const [n, { value, element, upper }] of neurons.entries()) {
    const own = lines.get(value) ?? new Map<number, readonly [number, number?]>();
    lines.set(value, own.set(element, upper === undefined ? [slopes[n]!] : [slopes[n]!, upper]));
  }
  return {
    signs: [...signs].map(([n, sign], i) => ({
      value: neurons[n]!.value,
      element: neurons[n]!.element,
      sign,
      push: pushes[i]!,
    })),
    slopes: new Map([...lines].map(([value, own]): [number, SlopesOf] => [value, (element) => own.get(element)])),
  };
}
