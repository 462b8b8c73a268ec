import type { SampleRecord } from "../../evaluate.ts";
import type { Tally } from "../results/tally.ts";
import type { Extent } from "./extent.ts";

/**
 * In what the sums of a tally contradict its records, or these the run; null where they agree. Whoever changes a state and its
 * checksums must change both. @param seen the indices of the samples before, to which these are added
 */
export function contradiction(tally: Tally, seen: Set<number>, extent: Extent): string | null {
  const { total, records, correct, worst } = tally;
  if (records.length !== total) return `there are ${records.length} records of ${total} samples`;
  const names = new Set([...extent.names, ...(tally.certified?.methods ?? []).map(({ method }) => method)]);
  for (const { index, attack, epsilon, outcome } of records) {
    if (seen.has(index)) return `there are two records of sample ${index}`;
    if (index >= extent.size) return `there is a record of sample ${index}, of ${extent.size} samples`;
    seen.add(index);
    if ((outcome === "fooled") !== (epsilon !== null && attack !== null))
      return `sample ${index} is ${outcome} ${epsilon === null ? "without an ε" : `at ε ${epsilon}`}`;
    if (epsilon !== null && !extent.epsilons.includes(epsilon))
      return `sample ${index} is fooled at another ε, ${epsilon}`;
    if (attack !== null && !names.has(attack))
      return `sample ${index} is fooled by ${attack}, which is not of this run`;
  }
  const right = records.filter(({ label, prediction }) => label === prediction);
  if (correct !== right.length) return `${correct} samples are correct, and ${right.length} by their records`;
  const counted = confusionOf(records, extent.classes);
  if ([...counted, ...tally.confusion].some(([place]) => counted.get(place) !== tally.confusion.get(place)))
    return "the table of labels and predictions has other samples than the records";
  for (const [k, at] of worst.entries()) {
    const epsilon = extent.epsilons[k]!;
    const most = right.filter((record) => !(record.outcome === "fooled" && record.epsilon! <= epsilon)).length;
    // Of a sample whose logits held NaN, the record does not say at which ε.
    if (at.correct > most || at.correct + at.errors < most)
      return `${at.correct} samples are correct at ε ${epsilon}, and ${most} by their records`;
  }
  return null;
}

function confusionOf(records: readonly SampleRecord[], classes: number): Map<number, number> {
  const counts = new Map<number, number>();
  for (const { label, prediction } of records) {
    const place = label * classes + prediction;
    if (prediction >= 0) counts.set(place, (counts.get(place) ?? 0) + 1);
  }
  return counts;
}
