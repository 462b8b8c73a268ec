import { PerturbError } from "../../errors.ts";
import type { SampleRecord, Warning } from "../../evaluate.ts";
import type { NormName } from "../../norm.ts";

/** The radius, in the norm of the evaluation, within which a sample is certified not to change its class, by its index. */
export type Certified = ReadonlyMap<number, number>;

/** Follows the records of an evaluation, and finds samples that were fooled inside their certified radius. */
export function certificates(certified: Certified, norm: NormName) {
  const fooled: { index: number; distance: number; radius: number }[] = [];
  return {
    hear(records: readonly SampleRecord[]): void {
      if (norm === "spatial") return;
      for (const record of records) {
        const radius = certified.get(record.index);
        const distance = record[norm];
        if (radius === undefined || distance === null || distance >= radius) continue;
        fooled.push({ index: record.index, distance, radius });
      }
    },
    warning(): Warning | null {
      const [first] = fooled;
      if (!first) return null;
      const few = (v: number) => String(Number(v.toPrecision(4)));
      return {
        code: "certified-fooled",
        message: `${fooled.length} samples were fooled inside their certified radius. The first is sample ${first.index}, fooled at ${few(first.distance)} and certified up to ${few(first.radius)}. Both cannot be true. Check that certificate and evaluation mean the same model, preprocessing and norm.`,
      };
    },
  };
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
