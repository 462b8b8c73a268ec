import type { Certificate, Claims } from "./certificate.ts";
import { frontiersOf, type Layer, type Layers, readBy } from "./layers.ts";
import { Proof } from "./proof.ts";

/** A box, and the label that every input of it is to be shown to have. */
export interface Question {
  readonly sample?: number;
  readonly label: number;
  readonly lower: Float32Array;
  readonly upper: Float32Array;
}

/**
 * The certificate of a question, or undefined where this way finds none: what is claimed of each value that decides on which side of a kink
 * it is, or which element of a pool is largest, is what lines backwards prove of it, rounded outwards.
 * @param above what every margin has to be above
 */
export function writeCertificate(
  network: Layers,
  { label, lower, upper, sample }: Question,
  above = 0,
): Certificate | undefined {
  const proof = new Proof(network, { lower, upper });
  const frontiers = new Set(frontiersOf(network));
  const bent = bentOf(network);
  const claims: Claims[] = [];
  for (let value = 0; value <= network.layers.length; value++) {
    if (value > 0 && !proof.next()) return undefined;
    if (!frontiers.has(value)) continue;
    const readers = network.layers.filter((layer) => layer.kind !== "affine" && layer.from === value);
    // Before the first curve, intervals through one layer are exact.
    const elements = bent[value] ? openIn(proof, value, readers) : [];
    const ends = elements.map((element) => [
      float32Below(proof.least(value, [[element, 1]])),
      -float32Below(proof.least(value, [[element, -1]])),
    ]);
    for (const [i, element] of elements.entries()) proof.narrow(value, element, ends[i]![0]!, ends[i]![1]!);
    claims.push({
      elements: Int32Array.from(elements),
      lower: Float32Array.from(ends, ([l]) => l!),
      upper: Float32Array.from(ends, ([, u]) => u!),
    });
  }
  const margins: number[] = [];
  for (let other = 0; other < network.classes; other++) {
    if (other === label) continue;
    const margin = float32Below(
      proof.least(network.output, [
        [label, 1],
        [other, -1],
      ]),
    );
    if (!(margin > above)) return undefined;
    margins.push(margin);
  }
  return { ...(sample !== undefined && { sample }), label, lower, upper, margins, claims };
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
  return [...open].sort((a, b) => a - b);
}

/** The largest float32 number that is not above a number. */
function float32Below(value: number): number {
  const near = Math.fround(value);
  if (!(near > value)) return near;
  const bits = new Int32Array(Float32Array.of(near).buffer);
  if (near === 0) return -(2 ** -149);
  bits[0]! += near > 0 ? -1 : 1;
  return new Float32Array(bits.buffer)[0]!;
}
