import { around } from "../bounds/box.ts";
import type { Certificate, Claims } from "./certificate.ts";
import { frontiersOf, type Layer, type Layers, readBy } from "./layers.ts";
import { marginIn } from "./parts.ts";
import { Proof } from "./proof.ts";

/** A box, and the label that every input of it is to be shown to have. */
export interface Question {
  readonly sample?: number;
  readonly label: number;
  readonly lower: Float32Array;
  readonly upper: Float32Array;
}

/** What lines backwards prove of the values of a network, and the claims that say so. */
export interface Claimed {
  readonly proof: Proof;
  readonly claims: readonly Claims[];
}

/**
 * The certificate of a question, or undefined where this way finds none: what is claimed of each value that decides on which side of a kink
 * it is, or which element of a pool is largest, is what lines backwards prove of it, rounded outwards.
 * @param above what every margin has to be above
 */
export function writeCertificate(network: Layers, question: Question, above = 0): Certificate | undefined {
  const claimed = claimedOf(network, question);
  const margins = claimed && marginsOf(network, claimed.proof, question.label);
  return margins?.every((margin) => margin > above) ? { ...question, margins, claims: claimed!.claims } : undefined;
}

/** What logit[label] is above each other one by at least, as float32 numbers. */
export const marginsOf = (network: Layers, proof: Proof, label: number): number[] =>
  othersOf(network, label).map((other) => around(marginIn(proof, network, [label, other]))[0]);

/** The classes but the label. */
export const othersOf = ({ classes }: Layers, label: number): number[] =>
  Array.from({ length: classes }, (_, k) => k).filter((k) => k !== label);

/**
 * Bounds all values of a network; undefined where they may leave the range of float32. @param also elements of values that are to be claimed
 * beside those for which closer ends help
 */
export function claimedOf(
  network: Layers,
  { lower, upper }: Question,
  also: ReadonlyMap<number, readonly number[]> = new Map(),
): Claimed | undefined {
  const proof = new Proof(network, { lower, upper });
  const frontiers = new Set(frontiersOf(network));
  const bent = bentOf(network);
  const claims: Claims[] = [];
  for (let value = 0; value <= network.layers.length; value++) {
    if (value > 0 && !proof.next()) return undefined;
    if (!frontiers.has(value)) continue;
    const readers = network.layers.filter((layer) => layer.kind !== "affine" && layer.from === value);
    // Before the first curve, intervals through one layer are exact.
    const open = bent[value] ? openIn(proof, value, readers) : [];
    const least = open.map((e) => [proof.least(value, [[e, 1]]), -proof.least(value, [[e, -1]])] as const);
    for (const [i, element] of open.entries())
      proof.narrow(value, element, around(least[i]![0])[0], around(least[i]![1])[1]);
    const ends = proof.ends[value]!;
    const elements = Int32Array.from(new Set([...open, ...(also.get(value) ?? [])])).sort();
    claims.push({
      elements,
      lower: Float32Array.from(elements, (e) => around(ends.lower[e]!)[0]),
      upper: Float32Array.from(elements, (e) => around(ends.upper[e]!)[1]),
    });
  }
  return { proof, claims };
}

/** Whether each value comes from a curve or pool somewhere. */
function bentOf({ layers }: Layers): boolean[] {
  const bent = [false];
  for (const layer of layers) bent.push(layer.kind !== "affine" || readBy(layer).some((from) => bent[from]));
  return bent;
}

/** The elements of a value that closer ends could help. */
function openIn(proof: Proof, value: number, readers: readonly Layer[]): number[] {
  const { lower, upper } = proof.ends[value]!;
  const open = new Set<number>();
  for (const reader of readers) {
    if (reader.kind === "curve") {
      for (let e = 0; e < lower.length; e++)
        if (reader.kinks.some((kink) => lower[e]! < kink && kink < upper[e]!)) open.add(e);
    } else if (reader.kind === "largest") {
      const { starts, columns } = reader.windows;
      for (let j = 0; j < reader.size; j++) {
        const own = columns.subarray(starts[j]!, starts[j + 1]!);
        const least = own.reduce((most, e) => Math.max(most, lower[e]!), Number.NEGATIVE_INFINITY);
        const candidates = own.filter((e) => upper[e]! > least);
        if (candidates.length > 1) for (const e of candidates) open.add(e);
      }
    }
  }
  return [...open];
}
