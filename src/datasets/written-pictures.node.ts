import { readdir } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import type { Dataset } from "../dataset.ts";
import { epsilonOfName } from "../epsilons.ts";
import { PerturbError } from "../errors.ts";
import { option } from "../option.ts";
import { chosenOf } from "./written-examples.ts";

/** What the folders of `perturb attack` begin with, each of one ε, and what its pictures are named: number, label and answer. */
const FOLDER = "eps-";
const PICTURE = /^\d{6,}-\d+-to--?\d+-eps-.*\.png$/;
/** Its arrays, of samples of several sizes one of each. */
const ARRAYS = /^adversarial(-\d+x\d+)?\.npz$/;

/** The ε of a folder; NaN where it is none of `perturb attack`. */
const epsilonOf = (folder: string): number =>
  folder.startsWith(FOLDER) ? epsilonOfName(folder.slice(FOLDER.length)) : Number.NaN;

const isBudget = (folder: string): boolean => Number.isFinite(epsilonOf(folder));

/** Whether these are all the folders of what `perturb attack` wrote. */
export const areBudgets = (folders: readonly string[]): boolean => folders.every(isBudget);

/** The folder of the ε that is chosen, or the only one. @throws usage for several */
export async function chosenBudget(
  folder: string,
  budgets: readonly string[],
  epsilon: number | undefined,
): Promise<string> {
  if (epsilon !== undefined) {
    const known = new Map(budgets.map((name) => [epsilonOf(name), name]));
    const ordered = [...known.keys()].sort((a, b) => a - b);
    return join(folder, known.get(chosenOf(ordered, folder, epsilon))!);
  }
  const [only, ...others] = budgets.map((name) => join(folder, name)).sort();
  if (others.length > 0)
    throw new PerturbError(
      "usage",
      `${folder} holds the pictures that perturb attack wrote at ${budgets.length} ε. Choose one (${option("dataEpsilon")}), or give its folder, such as ${only}.${await allSamples(folder)}`,
      { data: { folder, budgets } },
    );
  return only!;
}

/** A folder of pictures, with what it holds where `perturb attack` wrote all of them. @throws usage for another ε than theirs */
export async function withOrigin(dataset: Dataset, folder: string, epsilon: number | undefined): Promise<Dataset> {
  const budget = basename(resolve(folder));
  const files = Array.from({ length: dataset.size }, (_, i) => basename(dataset.sourceOf?.(i) ?? ""));
  if (!isBudget(budget) || !files.every((file) => PICTURE.test(file))) return dataset;
  if (epsilon !== undefined) chosenOf([epsilonOf(budget)], folder, epsilon);
  return {
    ...dataset,
    adversarial: true,
    assumptions: [
      `${folder} holds only the examples that fooled the model that they were made for: that model is right on none of them.${await allSamples(dirname(folder))}`,
      ...(dataset.assumptions ?? []),
    ],
  };
}

/** Where all samples are, if they still lie beside the pictures. */
async function allSamples(folder: string): Promise<string> {
  const arrays = (await readdir(folder).catch(() => [])).filter((name) => ARRAYS.test(name)).sort();
  if (arrays.length === 0) return "";
  const one = join(folder, arrays[0]!);
  return arrays.length === 1
    ? ` ${one} has all samples.`
    : ` All samples are in ${arrays.length} files, one for each size, such as ${one}.`;
}
