import { tensor } from "../../tensor.ts";
import type { BoundsOf } from "../bounds/bounds.ts";
import { around, middle } from "../bounds/box.ts";
import { branch } from "../bounds/branch.ts";
import type { Domain, Neuron } from "../bounds/tune.ts";
import type { Certificate, Claims, Leaf } from "./certificate.ts";
import { frontiersOf, type Layers, leakOf } from "./layers.ts";
import { marginIn, partsOf } from "./parts.ts";
import { claimedOf, marginsOf, othersOf, type Question } from "./write.ts";

export interface BranchedOptions {
  /** An input of the box, by default its middle. */
  readonly centre?: Float32Array;
  /** What every margin has to be above. */
  readonly above?: number;
  /** How many parts of the box may be bounded for each margin. */
  readonly most?: number;
  readonly late?: () => boolean;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The certificate of a question whose margins need branch and bound on the signs of neurons: the parts in which `bounds` prove each of them. Undefined
 * where these prove too little. @param bounds of the graph that the network was read from
 */
export async function branchedCertificate(
  network: Layers,
  bounds: BoundsOf,
  question: Question,
  {
    above = 0,
    most = 1000,
    late = () => false,
    signal,
    centre = question.lower.map((l, i) => middle(l, question.upper[i]!)),
  }: BranchedOptions = {},
): Promise<Certificate | undefined> {
  const { label, lower, upper } = question;
  const end = (data: Float32Array) => tensor("float32", [1, ...network.shape], data);
  const tuning = await bounds.tuning({ centre: end(centre), lower: end(lower), upper: end(upper) });
  const also = new Map<number, number[]>();
  for (const { value, element } of tuning.neurons) {
    const at = network.names.get(value);
    if (at === undefined) return undefined;
    const elements = also.get(at) ?? [];
    elements.push(element);
    also.set(at, elements);
  }
  const claimed = claimedOf(network, question, also);
  if (!claimed) return undefined;
  const margins = marginsOf(network, claimed.proof, label);
  const { neurons, of } = numbersOf(network, claimed.claims, tuning.neurons);
  const leaks = Float32Array.from(neurons, ({ value }) => leakOf(network, value));
  const usual = Float32Array.from(neurons, ({ value, element }, n) => {
    const { lower: l, upper: u } = claimed.proof.ends[value]!;
    return u[element]! > -l[element]! ? 1 : leaks[n]!;
  });
  const leaves: Leaf[][] = [];
  for (const [i, other] of othersOf(network, label).entries()) {
    leaves.push([]);
    if (margins[i]! > above) continue;
    const row = new Float32Array(network.classes);
    [row[label], row[other]] = [1, -1];
    const domains: Domain[] = [];
    const onProven = ({ domain }: { readonly domain: Domain }) => void domains.push(domain);
    const tryInputs = () => Promise.resolve(undefined);
    const found = await branch(tuning, [{ row, limit: above }], { late, signal, most, tryInputs, onProven });
    if (found.kind !== "proven") return undefined;
    leaves[i] = domains.map((domain) => leafOf(domain, of, usual, leaks));
    const parts = partsOf(leaves[i]!, neurons);
    if (!parts) return undefined;
    margins[i] = around(Math.min(...parts.map((part) => marginIn(claimed.proof, network, [label, other], part))))[0];
    if (!(margins[i]! > above)) return undefined;
  }
  return { ...question, margins, claims: claimed.claims, leaves };
}

/** The places of claimed elements in the order of their numbers, and the number of each element that branch and bound knows. */
function numbersOf(network: Layers, claims: readonly Claims[], tuned: readonly Neuron[]) {
  const frontiers = frontiersOf(network);
  const neurons = claims.flatMap(({ elements }, i) =>
    Array.from(elements, (element) => ({ value: frontiers[i]!, element })),
  );
  const numbers = new Map(neurons.map(({ value, element }, n) => [`${value}/${element}`, n]));
  return { neurons, of: tuned.map(({ value, element }) => numbers.get(`${network.names.get(value)}/${element}`)!) };
}

/** A domain as a leaf. @param of the number of each of its neurons  @param slopes of all claimed elements, where it says nothing of them */
function leafOf(
  { signs, shares, pushes }: Domain,
  of: readonly number[],
  slopes: Float32Array,
  leaks: Float32Array,
): Leaf {
  const own = slopes.slice();
  const push = new Map<number, number>();
  for (const [i, n] of of.entries()) {
    own[n] = leaks[n]! + shares[i]! * (1 - leaks[n]!);
    push.set(n, Math.max(0, -pushes[i]! * signs[i]!));
  }
  const places = (sign: number) => Int32Array.from(of.filter((_, i) => signs[i] === sign)).sort();
  const [positive, negative] = [places(1), places(-1)];
  return {
    positive,
    negative,
    pushes: Float32Array.from([...positive, ...negative], (n) => push.get(n)!),
    slopes: own,
  };
}
