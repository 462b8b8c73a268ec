import { quote } from "../../quote.ts";
import type { Certificate, Claims } from "./certificate.ts";
import { frontiersOf, type Layers } from "./layers.ts";
import { marginIn, partsOf } from "./parts.ts";
import { Proof } from "./proof.ts";
import type { SlopesOf } from "./steps.ts";

/** `holds`: the certificate is true of the network, with what was found for its margins. Else the reason. */
export type Checked =
  | { readonly holds: true; readonly margins: readonly number[] }
  | { readonly holds: false; readonly reason: string };

const no = (reason: string): Checked => ({ holds: false, reason });

/**
 * Checks a certificate against a network: trusts nothing in it. Every claim has to follow, in float64 and with room for all that float32
 * rounds, from the box, the claims of the values before it, and lines of the slopes given.
 * @param above what every margin has to be above: more than 0 where a head behind the logits may round them together
 */
export function checkCertificate(network: Layers, certificate: Certificate, above = 0): Checked {
  const { label, lower, upper, margins, claims } = certificate;
  const frontiers = frontiersOf(network);
  const misfit = misfitOf(network, certificate, frontiers.length);
  if (misfit !== undefined) return no(misfit);
  const proof = new Proof(network, { lower, upper });
  const slopes = new Map(frontiers.map((value, i) => [value, slopesOf(claims[i]!)]));
  for (let value = 0; value <= network.layers.length; value++) {
    const layer = network.layers[value - 1];
    const given = layer && layer.kind === "curve" ? slopes.get(layer.from) : undefined;
    if (layer && !proof.next(given)) return no(`values of ${quote(layer.name)} may leave the range of float32`);
    const at = frontiers.indexOf(value);
    const name = layer ? quote(layer.name) : "the input";
    const open = at < 0 ? undefined : unproven(proof, value, claims[at]!);
    if (open !== undefined) return no(`the ends claimed of element ${open} of ${name} do not follow`);
  }
  const neurons = claims.flatMap(({ elements, slopes: given }, i) =>
    Array.from(elements, (element, k) => ({ value: frontiers[i]!, element, upper: given?.upper[k] })),
  );
  const found: number[] = [];
  for (let other = 0; other < network.classes; other++) {
    if (other === label) continue;
    const leaves = certificate.leaves?.[found.length] ?? [];
    const parts = leaves.length > 0 ? partsOf(leaves, neurons) : [undefined];
    if (!parts) return no(`the parts of the box that exclude class ${other} are not all of it`);
    const margin = Math.min(...parts.map((part) => marginIn(proof, network, [label, other], part)));
    const claimed = margins[found.length]!;
    if (!(margin > above)) return no(`class ${other} is not excluded: its margin is only shown to be above ${margin}`);
    if (!(margin >= claimed))
      return no(`the margin ${claimed} claimed to class ${other} does not follow: ${margin} does`);
    found.push(margin);
  }
  return { holds: true, margins: found };
}

/** What of a certificate does not fit the network, or is no number. */
function misfitOf(network: Layers, { label, lower, upper, margins, claims, leaves }: Certificate, frontiers: number) {
  if (!Number.isInteger(label) || label < 0 || label >= network.classes)
    return `label ${label} is none of the ${network.classes} classes`;
  if (network.classes < 2) return "a network with one class has no margin";
  if (lower.length !== network.inputs || upper.length !== network.inputs)
    return `the box has ${lower.length} and ${upper.length} elements, and the input ${network.inputs}`;
  if (!lower.every((l, i) => Number.isFinite(l) && l <= upper[i]! && Number.isFinite(upper[i])))
    return "the box is empty, or no box of finite numbers";
  if (margins.length !== network.classes - 1 || !margins.every((m) => m > 0 && Number.isFinite(m)))
    return `${network.classes - 1} margins above 0 are expected`;
  if (leaves && leaves.length !== margins.length) return "parts of the box are expected for each margin";
  if (claims.length !== frontiers) return `claims of ${frontiers} values are expected, got ${claims.length}`;
  return undefined;
}

/** Takes over the claims that follow; gives the first element whose do not. */
function unproven(proof: Proof, value: number, { elements, lower, upper }: Claims): number | undefined {
  const ends = proof.ends[value]!;
  for (const [i, element] of elements.entries()) {
    const [l, u] = [lower[i]!, upper[i]!];
    const isInside = Number.isInteger(element) && element >= 0 && element < ends.lower.length && l <= u;
    const follows =
      isInside &&
      (ends.lower[element]! >= l || proof.least(value, [[element, 1]]) >= l) &&
      (ends.upper[element]! <= u || -proof.least(value, [[element, -1]]) <= u);
    if (!follows) return element;
    proof.narrow(value, element, l, u);
  }
  return undefined;
}

/** The slopes that are given for some elements. */
function slopesOf({ elements, slopes }: Claims): SlopesOf | undefined {
  if (!slopes) return undefined;
  const at = new Map(Array.from(elements, (element, i) => [element, i]));
  return (element) => {
    const i = at.get(element);
    return i === undefined ? undefined : [slopes.lower[i]!, slopes.upper[i]!];
  };
}
