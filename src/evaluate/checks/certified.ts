import { NAMES } from "../../certify/proving/method.ts";
import { PerturbError } from "../../errors.ts";
import type { SampleRecord, Warning } from "../../evaluate.ts";
import type { NormName } from "../../norm.ts";

/** The radius, in the norm of the evaluation, within which a sample is certified not to change its class, by its index. */
export type Certified = ReadonlyMap<number, number>;

/** Follows the records of an evaluation, and finds samples that were fooled inside their certified radius, or inside what was proven here. */
export function certificates(certified: Certified, norm: NormName) {
  const fooled: Contradiction[] = [];
  const broken: Contradiction[] = [];
  const missed: number[] = [];
  return {
    hear(records: readonly SampleRecord[]): void {
      if (norm === "spatial") return;
      for (const record of records) {
        if (record.attack !== null && (NAMES as readonly string[]).includes(record.attack)) missed.push(record.index);
        const distance = record[norm];
        if (distance === null) continue;
        const { index, certifiedEpsilon: own, epsilon } = record;
        // The ball of a proof of ours is closed, and holds what attacks propose at that ε: by rounding, a little more than ε.
        if (own != null && (distance <= own || epsilon! <= own)) broken.push({ index, distance, radius: own });
        const radius = certified.get(index);
        if (radius !== undefined && distance < radius) fooled.push({ index, distance, radius });
      }
    },
    warnings(): Warning[] {
      return [
        ...(missed.length > 0 ? [missedBy(missed)] : []),
        ...contradiction(broken, {
          code: "proof-contradicted",
          inside: "inside the ε that was proven of them",
          advice: "perturb is wrong in one of the two: trust no number of this run, and please report it.",
        }),
        ...contradiction(fooled, {
          code: "certified-fooled",
          inside: "inside their certified radius",
          advice: "Check that certificate and evaluation mean the same model, preprocessing and norm.",
        }),
      ];
    },
  };
}

const missedBy = (indices: readonly number[]): Warning => ({
  code: "attacks-missed",
  message: `Proofs found inputs of another class for ${indices.length} samples at an ε at which no attack fooled them; the first is sample ${indices[0]}. They count as fooled. Where nothing is proven, these attacks give too high a robust accuracy: add a stronger one, such as autoattack.`,
});

interface Contradiction {
  readonly index: number;
  readonly distance: number;
  readonly radius: number;
}

function contradiction(
  found: readonly Contradiction[],
  { code, inside, advice }: { readonly code: string; readonly inside: string; readonly advice: string },
): Warning[] {
  const [first] = found;
  if (!first) return [];
  const few = (v: number) => String(Number(v.toPrecision(4)));
  const message = `${found.length} samples were fooled ${inside}. The first is sample ${first.index}, fooled at ${few(first.distance)} and certified up to ${few(first.radius)}. Both cannot be true. ${advice}`;
  return [{ code, message }];
}

/**
 * Reads lines of "index,radius", with or without a line of titles. `name` says in errors which file it was.
 * @throws invalid-file
 */
export function readCertified(text: string, name: string): Certified {
  const radii = new Map<number, number>();
  for (const [at, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === "" || (at === 0 && /^\s*"?index"?\s*,/i.test(line))) continue;
    const [index, radius, ...rest] = line.split(",").map((cell) => (/^\s*$/.test(cell) ? Number.NaN : Number(cell)));
    if (
      rest.length > 0 ||
      !Number.isSafeInteger(index) ||
      index! < 0 ||
      !(radius! >= 0 && radius! < Number.POSITIVE_INFINITY)
    )
      throw new PerturbError(
        "invalid-file",
        `${name}, line ${at + 1}, is not INDEX,RADIUS with a whole number and a number of at least 0: "${line.slice(0, 80)}".`,
        { data: { name, line: at + 1 } },
      );
    radii.set(index!, radius!);
  }
  return radii;
}
