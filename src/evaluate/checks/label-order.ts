import type { ClassFolders } from "../../dataset.ts";
import { option } from "../../option.ts";
import { quote } from "../../quote.ts";

/** Another numbering of the classes, and the samples that are correct with it. */
export interface LabelCause {
  readonly cause: string;
  readonly correct: number;
  /** Where the numbering was found from the same samples: those that are correct with what the others say. */
  readonly confirmed: number;
}

/**
 * Numberings of the classes with which predictions may fit labels: from one lower or higher, or in another order. `folders`: those
 * that the classes come from, where they do.
 */
export function labelCauses(
  predictions: ArrayLike<number>,
  labels: ArrayLike<number>,
  folders?: ClassFolders,
): LabelCause[] {
  const rows = Array.from({ length: labels.length }, (_, i) => i);
  const say = folders ? `: say which class each folder is (${option("classFile")})` : "";
  const shifts = [-1, 1].map((shift) => {
    const correct = rows.filter((i) => predictions[i] === labels[i]! + shift).length;
    const cause = `the labels count from one ${shift > 0 ? "lower" : "higher"} than the model's${say}`;
    return { cause, correct, confirmed: correct };
  });
  const order = otherOrder(predictions, labels, folders);
  const isNews = order && shifts.every(({ correct }) => correct < order.correct);
  return isNews ? [...shifts, order] : shifts;
}

/** Samples of a class that say nothing by themselves: one alone fits any order. */
const FEW = 2;

/** The classes in the order that predictions tell, where each label has a class of its own. */
function otherOrder(
  predictions: ArrayLike<number>,
  labels: ArrayLike<number>,
  folders: ClassFolders | undefined,
): LabelCause | undefined {
  /** By label, how often each class was predicted. */
  const counts = new Map<number, Map<number, number>>();
  for (let i = 0; i < labels.length; i++) {
    const of = counts.get(labels[i]!) ?? new Map<number, number>();
    if (predictions[i]! >= 0) of.set(predictions[i]!, (of.get(predictions[i]!) ?? 0) + 1);
    counts.set(labels[i]!, of);
  }
  // A class goes to the label of which it was predicted most often.
  const pairs = [...counts].flatMap(([label, of]) => Array.from(of, ([to, count]) => ({ label, to, count })));
  pairs.sort((a, b) => b.count - a.count || a.label - b.label || a.to - b.to);
  const classOf = new Map<number, number>();
  const taken = new Set<number>();
  let [correct, confirmed] = [0, 0];
  for (const { label, to, count } of pairs) {
    if (classOf.has(label) || taken.has(to)) continue;
    classOf.set(label, to);
    taken.add(to);
    correct += count;
    // Left out, a sample is told right by the others of its class where these still agree.
    const next = Math.max(0, ...pairs.filter((one) => one.label === label && one.to !== to).map((one) => one.count));
    if (count >= FEW && count - 1 >= next) confirmed += count;
  }
  const moved = [...classOf].filter(([label, to]) => label !== to).sort(([a], [b]) => a - b);
  if (moved.length === 0) return undefined;
  const nameOf = (label: number): string => {
    const folder = folders?.folders.find((one) => one.label === label);
    return folder ? `folder ${quote(folder.name)}` : `label ${label}`;
  };
  const shown = moved.slice(0, 4).map(([label, to]) => `${nameOf(label)} as ${to}`);
  const rest = moved.length > shown.length ? ", …" : "";
  return {
    cause: `the classes are in another order than the model's (it sees ${shown.join(", ")}${rest}): ${folders ? `say which class each folder is (${option("classFile")})` : "number the labels as the model does"}`,
    correct,
    confirmed,
  };
}
