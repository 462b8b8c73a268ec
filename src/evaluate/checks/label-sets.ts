import type { Dataset } from "../../dataset.ts";
import { PerturbError } from "../../errors.ts";
import type { Accuracy, Warning } from "../../evaluate.ts";
import type { LabelSets, Model } from "../../model.ts";
import { option } from "../../option.ts";
import type { FloatTensor } from "../../tensor.ts";

interface Goal {
  readonly target?: number | null;
  readonly surrogate?: Model | undefined;
}

/**
 * Data whose labels are sets, and a model that was opened with them, are for each other alone.
 * @throws usage, mismatch for other data, and for targets, which are classes
 */
export function checkLabelSets(model: Model, data: Dataset, { target = null, surrogate }: Goal): void {
  for (const one of [model, surrogate]) if (one) checkOne(one, data);
  if (model.head !== "multi-label") return;
  if (target !== null)
    throw new PerturbError(
      "usage",
      `${option("target", target)} is a class, and of a multi-label model it would be none of its labels. Name the labels that are to flip (${option("flip")}).`,
    );
  if (surrogate && `${surrogate.labelSets!.labels}` !== `${model.labelSets!.labels}`)
    throw new PerturbError(
      "mismatch",
      `${model.name} is to flip the labels ${model.labelSets!.labels}, and ${surrogate.name}, ${surrogate.labelSets!.labels}. Open both with the same ${option("flip")}.`,
    );
}

function checkOne({ name, head, labelSets }: Model, data: Dataset): void {
  const isMulti = head === "multi-label" && labelSets !== undefined;
  if (data.labelSets && !isMulti)
    throw new PerturbError(
      "mismatch",
      `${data.name} has several labels for a sample, and ${name} is no multi-label model of these. Open it with the labels of the data (${option("head", "multi-label")}).`,
    );
  if (head !== "multi-label") return;
  if (!data.labelSets || !isMulti)
    throw new PerturbError(
      "mismatch",
      `${name} is a multi-label model, and ${data.labelSets ? "it was not opened with the labels of the data" : `${data.name} has one class for each sample`}. Open it with the labels of the data that it is measured on.`,
    );
  if (!isSame(labelSets, data.labelSets))
    throw new PerturbError(
      "mismatch",
      `${name} was opened with other labels than those of ${data.name}. Open it anew for this data.`,
    );
}

function isSame(
  { labels, of, values }: LabelSets,
  { dims: [samples, width], data }: Dataset["labelSets"] & {},
): boolean {
  if (width !== of || samples !== values.dims[0]) return false;
  return values.data.every((v, i) => v === data[Math.floor(i / labels.length) * of + labels[i % labels.length]!]);
}

/** Whether a model is no better at whole sets of labels than always giving the commonest one. */
export function setWarnings(clean: Accuracy, { dims, data }: FloatTensor, labels: readonly number[]): Warning[] {
  const [samples, width] = dims as [number, number];
  const counts = new Map<string, number>();
  for (let i = 0; i < samples; i++) {
    const set = labels.map((label) => data[i * width + label]).join("");
    counts.set(set, (counts.get(set) ?? 0) + 1);
  }
  const commonest = Math.max(...counts.values()) / samples;
  if (clean.correct === clean.total || clean.ci95[0] > commonest || counts.size === 1) return [];
  return [
    {
      code: "chance-accuracy",
      message: `Exact match is ${percent(clean.accuracy)}, no better than always giving the commonest set of labels, which ${percent(commonest)} of the samples have. Robust accuracy says little then. Check normalization (${option("normalization.mean")}, ${option("normalization.std")}), the order of the labels and the threshold (${option("threshold")}); \`labels\` in report.json has the accuracy of each label.`,
    },
  ];
}

const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;
