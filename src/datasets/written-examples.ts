import { epsilonText } from "../epsilons.ts";
import { PerturbError } from "../errors.ts";
import { option } from "../option.ts";
import { ARRAY_OF, product, type Tensor, tensor } from "../tensor.ts";

/** The arrays of a .npz file, each read when asked for. */
type Arrays = ReadonlyMap<string, () => Tensor>;

/** Adversarial examples out of a file. */
export interface WrittenExamples {
  readonly images: Tensor;
  readonly classes: Tensor;
  /** What was taken. */
  readonly assumption: string;
}

/**
 * What `perturb attack` wrote: the adversarial examples at one ε, by default the largest, with the labels of the samples that they
 * were made from. Null for other arrays. @throws mismatch; usage for an ε that the file does not have
 */
export function examplesIn(arrays: Arrays, file: string, epsilon?: number): WrittenExamples | null {
  const x = arrays.get("x_adv")?.();
  const y = arrays.get("label")?.();
  const budgets = arrays.get("epsilon")?.();
  if (!x || !y || !budgets) return null;
  const epsilons = Array.from(budgets.data, Number);
  if (x.dims[0] !== epsilons.length || y.dims[0] !== epsilons.length)
    throw new PerturbError(
      "mismatch",
      `${file} holds x_adv, label and epsilon of ${x.dims[0]}, ${y.dims[0]} and ${epsilons.length} rows. Write it again with \`perturb attack\`.`,
      { data: { file } },
    );
  const all = [...new Set(epsilons)].sort((a, b) => a - b);
  const chosen = chosenOf(all, file, epsilon);
  const rows = rowsAt(epsilons, chosen);
  const others = all.length > 1 ? ` of ${all.map(epsilonText).join(", ")}` : "";
  const other = all.length > 1 && epsilon === undefined ? ` Another is chosen by ${option("dataEpsilon")}.` : "";
  const fed = [...arrays.keys()].filter((name) => name.startsWith(FED)).map((name) => decodeName(name));
  const beside =
    fed.length > 0
      ? ` It holds what was given beside these samples too: ${fed.map((name) => option("feeds", `${name}=${file}`)).join(", ")}.`
      : "";
  const how = "Samples that were not fooled, or not attacked, are among them.";
  return {
    images: rowsOf(x, rows),
    classes: rowsOf(y, rows),
    assumption: `${file} holds what perturb attack made. Its adversarial examples (x_adv) at ε = ${epsilonText(chosen)}${others} were taken, with the labels of the samples that they were made from. ${how}${other}${beside}`,
  };
}

/** The ε that is meant, of which names of folders hold six digits. @throws usage */
export function chosenOf(all: readonly number[], file: string, epsilon: number | undefined): number {
  const chosen = epsilon === undefined ? all.at(-1) : all.find((one) => sixDigits(one) === sixDigits(epsilon));
  if (chosen !== undefined) return chosen;
  throw new PerturbError(
    "usage",
    `${file} has no examples at ε = ${epsilonText(epsilon!)} (${option("dataEpsilon")}). It has those at ${all.map(epsilonText).join(", ")}.`,
    { data: { file, epsilon, known: all } },
  );
}

const sixDigits = (epsilon: number): string => epsilon.toPrecision(6);

const rowsAt = (epsilons: readonly number[], chosen: number): number[] =>
  [...epsilons.keys()].filter((i) => epsilons[i] === chosen);

const FED = "feed_";

/** The array that holds what an input was fed for each sample. Names of inputs are free, those of files are not. */
export const fedArray = (input: string): string => FED + encodeURIComponent(input);

function decodeName(array: string): string {
  try {
    return decodeURIComponent(array.slice(FED.length));
  } catch {
    return array.slice(FED.length);
  }
}

/**
 * What an input of a model is fed, out of a .npz file: of what `perturb attack` wrote, the rows of its samples; else the array of
 * the input's name, or the only one. @throws mismatch
 */
export function feedIn(arrays: Arrays, input: string, file: string): Tensor {
  const fed = arrays.get(fedArray(input))?.();
  if (!fed) {
    const read = arrays.get(input) ?? (arrays.size === 1 ? [...arrays.values()][0] : undefined);
    if (read) return read();
    throw new PerturbError(
      "mismatch",
      `${file} has no array for the input "${input}"; it holds ${[...arrays.keys()].join(", ") || "none"}. Name one of them "${input}", or save it as .npy.`,
      { data: { file, input, got: [...arrays.keys()] } },
    );
  }
  const epsilons = Array.from(arrays.get("epsilon")?.().data ?? [], Number);
  if (epsilons.length !== fed.dims[0]) return fed;
  // At each ε they are the same.
  return rowsOf(fed, rowsAt(epsilons, epsilons[0]!));
}

/** Some rows of an array. */
function rowsOf(t: Tensor, rows: readonly number[]): Tensor {
  const size = product(t.dims.slice(1));
  const data = new ARRAY_OF[t.type](rows.length * size);
  for (const [k, i] of rows.entries()) data.set(t.data.subarray(i * size, (i + 1) * size) as never, k * size);
  return tensor(t.type, [rows.length, ...t.dims.slice(1)], data as never);
}
