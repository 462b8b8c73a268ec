import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { messageOf, PerturbError } from "../errors.ts";
import type { SmoothingResult } from "../evaluate/smoothing.ts";
import type { SmoothingDocument } from "../report/files/smoothing.ts";
import { EXIT } from "./exit.ts";
import { writeAtomically } from "./files.ts";
import { warningWords } from "./option-words.ts";
import type { FailUnder } from "./options/values.ts";
import { columns, complain, folded, print, printJson, tell } from "./output.ts";

/** The files in the folder of a result. */
export const RESULT = "smoothing.json";
export const SAMPLES = "samples.csv";

/** Where results go, and what is asked of them. */
export interface SmoothingOutputs {
  readonly json?: string | undefined;
  readonly failUnder?: FailUnder | undefined;
}

/** What is shown of a result. */
type Shown = Pick<SmoothingResult, "figures" | "samples" | "smoothing"> & {
  readonly model: { readonly name: string };
  readonly data: { readonly name: string };
};

/** A table to stdout, or JSON; files in the folder, and where --json says. */
export async function present(
  result: SmoothingResult,
  folder: string | undefined,
  { json }: SmoothingOutputs,
): Promise<void> {
  const { smoothingCsv, smoothingDocument, meaningOf } = await import("../report/files/smoothing.ts");
  const document = smoothingDocument({ ...result, warnings: warningWords(result.warnings) });
  const text = `${JSON.stringify(document, null, 2)}\n`;
  if (json === "-") printJson(document);
  else {
    await printTable(result, meaningOf(result.smoothing.alpha));
  }
  const files = [
    ...(json === undefined || json === "-" ? [] : [[json, text] as const]),
    ...(folder === undefined
      ? []
      : [[join(folder, RESULT), text] as const, [join(folder, SAMPLES), smoothingCsv(result)] as const]),
  ];
  for (const [path, content] of files) await writeAtomically(path, (file) => file.writeFile(content));
  if (folder !== undefined && json !== "-") print("", `Result: ${join(folder, RESULT)}, ${join(folder, SAMPLES)}`);
}

/** --fail-under, of the certified accuracy at a radius. */
export async function verdict(result: Shown, { failUnder }: SmoothingOutputs): Promise<number> {
  if (!failUnder) return EXIT.ok;
  const { smoothingFigures } = await import("../certify/smoothing/figures.ts");
  const { accuracy } = smoothingFigures(result.samples, [failUnder.epsilon]).certified[0]!;
  if (accuracy >= failUnder.accuracy) return EXIT.ok;
  const { formatPercent } = await import("../report/format.ts");
  complain(
    `perturb: certified accuracy within ${failUnder.epsilon} is ${formatPercent(accuracy)}, and --fail-under asks for ${formatPercent(failUnder.accuracy)}.`,
  );
  return EXIT.failed;
}

/** Says of a run that is to go on that it is done, and shows its result. Gives the exit code. @throws invalid-file */
export async function presentFinished(folder: string, given: SmoothingOutputs): Promise<number> {
  const path = join(folder, RESULT);
  const text = await readFile(path, "utf8");
  const document = await readResult(text, path);
  if (given.json === "-") printJson(document);
  else await printTable(document, document.meaning);
  if (given.json !== undefined && given.json !== "-") await writeAtomically(given.json, (file) => file.writeFile(text));
  tell(`Nothing is left to do: ${folder} holds the result of a finished run.`);
  return verdict(document, given);
}

/** @throws invalid-file */
async function readResult(text: string, path: string): Promise<SmoothingDocument> {
  const { smoothingSchema } = await import("../report/files/smoothing-schema.ts");
  try {
    return smoothingSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new PerturbError(
      "invalid-file",
      `${path} is no result of --smoothing: ${messageOf(cause)}. Start a new run without --resume.`,
      { cause },
    );
  }
}

async function printTable(result: Shown, meaning: string): Promise<void> {
  const { smoothingRows, smoothingSummary } = await import("../report/terminal/smoothing.ts");
  const { model, data, smoothing } = result;
  print(
    `${model.name} smoothed with σ = ${Number(smoothing.sigma.toPrecision(7))} on ${data.name}`,
    ...columns(smoothingRows(result), "right"),
    ...smoothingSummary(result).flatMap(folded),
    ...folded(meaning),
  );
}
