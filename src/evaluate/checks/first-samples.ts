import type { Dataset } from "../../dataset.ts";
import type { Warning } from "../../evaluate.ts";
import { option } from "../../option.ts";

/** So many samples for each class of a set leave hardly one out, where they are mixed. */
const ENOUGH = 10;

/** Whether the part of a set that is evaluated lacks classes, as the first samples of a sorted set do. */
export function firstSamplesWarnings({ name, size, labels, drawn }: Dataset, offset: number, total: number): Warning[] {
  if (!labels || drawn || total >= size) return [];
  const part = new Set(Array.from({ length: total }, (_, i) => labels[offset + i]!)).size;
  const all = new Set(Array.from(labels)).size;
  if (part === all || (2 * part > Math.min(all, total) && total < ENOUGH * all)) return [];
  return [
    {
      code: "few-classes",
      message: `The ${total} samples of ${name} from ${offset} on hold ${part} of its ${all} classes, so that these numbers do not stand for the whole. Draw over all classes (${option("order", "seed")}, without ${option("offset")}).`,
    },
  ];
}
