import { mkdirSync } from "node:fs";
import { open, readdir, readFile, realpath, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { writeNpz } from "../../datasets/npz.ts";
import { messageOf, PerturbError } from "../../errors.ts";
import { beginsAsState, STATE } from "../../evaluate/state/heading.node.ts";
import { isLock } from "../../evaluate/state/lock.node.ts";
import type { EvaluationResult } from "../../evaluate.ts";
import { ownFile } from "../../own-files.node.ts";
import { staged } from "../../staging.node.ts";
import { toHtml } from "../page/html.ts";
import { type PageScript, pageScript } from "../page/script.ts";
import { examplesSvg } from "../pictures/examples.ts";
import { loadSharp, svgToPng } from "../pictures/png.node.ts";
import { type Plots, plotsOf } from "../plots/plots.ts";
import { type Drawing, draw, loadVega } from "../plots/vega.ts";
import { toCsv } from "./csv.ts";
import { toJson } from "./json.ts";
import { exampleArrays } from "./npz.ts";
import { type SampleTable, tabulate } from "./sample-table.ts";
import { openSamples, SAMPLE_FILES } from "./samples.node.ts";

/** The files of a report. */
export const REPORT_FILES = [
  "report.json",
  "accuracy.csv",
  "accuracy.svg",
  "accuracy.png",
  "examples.png",
  "adversarial.npz",
  "report.html",
  ...SAMPLE_FILES,
] as const;
export type ReportFile = (typeof REPORT_FILES)[number];

export interface WriteOptions {
  /** The command line that gives the same result; without one, the report names none. */
  readonly command?: string;
  /** Puts the files with a record of each sample into a folder; by default those that the result holds. */
  readonly samples?: (folder: string) => Promise<void>;
  /** Their records, for report.html: those of `SampleSpool.table`, or those that the result holds. */
  readonly table?: SampleTable;
  /** Told of each file once it is written. */
  readonly progress?: (file: ReportFile) => void;
}

/** Begins to load what draws, so that `writeReport` need not wait for it. */
export function preload(): void {
  // Whoever draws meets the error.
  Promise.all([loadSharp(), loadVega()]).catch(() => {});
}

/**
 * Writes the report of a result into `folder`: all of it, or nothing. A folder that is there already is replaced when it
 * is empty or holds a report, or what a run has kept to go on with, and nothing else.
 * @throws usage when the folder holds other things, or cannot be written
 */
export async function writeReport(result: EvaluationResult, folder: string, options: WriteOptions = {}): Promise<void> {
  await checkReplaceable(folder);
  const target = await placeOf(folder);
  try {
    await staged(target, async (staging) => {
      // Made here and now, so that an exit finds it or prevents it.
      mkdirSync(staging);
      await writeFiles(result, staging, options);
    });
  } catch (cause) {
    if (cause instanceof PerturbError || !(cause instanceof Error && "syscall" in cause)) throw cause;
    const advice = "Give a folder whose parent can be written and that is no mount point.";
    throw new PerturbError("usage", `Cannot write the report to ${folder}: ${messageOf(cause)}. ${advice}`, {
      data: { folder },
      cause,
    });
  }
}

async function writeFiles(result: EvaluationResult, folder: string, given: WriteOptions): Promise<void> {
  const { command, samples, table, progress } = { ...recorded(result), ...given };
  const write = async (name: ReportFile, make: () => string | Uint8Array | Promise<Uint8Array>) => {
    await writeFile(join(folder, name), await make());
    progress?.(name);
  };
  const writeSamples = async (): Promise<void> => {
    if (!samples) return;
    await samples(folder);
    for (const name of SAMPLE_FILES) progress?.(name);
  };
  const { evaluation } = result;
  const loading = loadVega();
  // sharp draws on its own threads while Vega loads and draws on this one.
  const written = [
    writeSamples(),
    write("examples.png", () => svgToPng(examplesSvg(result), 2)),
    write("report.json", () => toJson(evaluation)),
    write("accuracy.csv", () => toCsv(evaluation)),
    write("adversarial.npz", () => writeNpz(exampleArrays(result))),
    loading.then(async () => {
      const [{ svgs, narrow }, page] = await Promise.all([drawAll(plotsOf(evaluation)), builtScript()]);
      await Promise.all([
        write("accuracy.svg", () => svgs.accuracy),
        write("accuracy.png", () => svgToPng(svgs.accuracy, 2)),
        write("report.html", () => toHtml(result, { svgs, narrow, command, samples: table, page })),
      ]);
    }),
  ];
  // All have ended before the folder may be removed.
  const outcomes = await Promise.allSettled(written);
  for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
}

/** What is written of each sample, where the result holds it. */
function recorded({ records }: EvaluationResult): Pick<WriteOptions, "samples" | "table"> {
  if (!records) return {};
  const { add, table } = tabulate();
  add(records);
  return {
    table: table(),
    async samples(folder) {
      const { write, finish } = await openSamples(folder);
      await write(records);
      await finish();
    },
  };
}

/** The script of report.html; undefined in a checkout where it is not built. */
async function builtScript(): Promise<PageScript | undefined> {
  const read = (name: string) => readFile(ownFile(`dist-web/report/${name}`), "utf8");
  const texts = await Promise.all([read("report.js"), read("report.css")]).catch(() => undefined);
  return texts && pageScript(...texts);
}

/** Each plot as it is, and as it is for narrow windows. */
async function drawAll(plots: Plots): Promise<{ svgs: Plots<string>; narrow: Plots<string> }> {
  const drawn = new Map<string, Required<Drawing>>();
  for (const [name, plot] of Object.entries(plots)) drawn.set(name, await draw(plot));
  const all = (kind: keyof Drawing) =>
    Object.fromEntries([...drawn].map(([name, drawing]) => [name, drawing[kind]])) as unknown as Plots<string>;
  return { svgs: all("wide"), narrow: all("narrow") };
}

/** @throws usage when a report in this folder would replace something else than a report */
export async function checkReplaceable(folder: string): Promise<void> {
  const target = await placeOf(folder);
  let names: string[];
  try {
    names = await readdir(target);
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return;
    throw new PerturbError("usage", `Cannot write the report to ${folder}: ${messageOf(cause)}. Give a folder.`, {
      data: { folder },
      cause,
    });
  }
  if (names.length === 0) return;
  const known: ReadonlySet<string> = new Set([...REPORT_FILES, STATE]);
  const other = names.find((name) => !known.has(name) && !isLock(name));
  if (other === undefined && (await isOurs(target, names))) return;
  throw new PerturbError(
    "usage",
    `${folder} is not empty and ${other === undefined ? "holds no report of perturb" : `holds ${other}, which is no part of a report`}: nothing was written. Give a new or empty folder.`,
    { data: { folder, ...(other !== undefined && { other }) } },
  );
}

/** Where a folder really lies. */
export const placeOf = (folder: string): Promise<string> => realpath(folder).catch(() => resolve(folder));

/** Whether a folder of files that are named so is a report, or what a run has kept. */
async function isOurs(folder: string, names: readonly string[]): Promise<boolean> {
  if (names.every(isLock)) return true;
  const state = names.includes(STATE) ? await headOf(join(folder, STATE)) : new Uint8Array();
  if (!state || !beginsAsState(state)) return false;
  return names.every((name) => name === STATE || isLock(name)) || holdsReport(folder);
}

/** Whether a folder holds a report: a report.json that begins as `toJson` writes it. */
export async function holdsReport(folder: string): Promise<boolean> {
  const head = await headOf(join(folder, "report.json"));
  return /^\{\s*"schema":\s*\d+,\s*"tool":\s*\{\s*"name":\s*"perturb"/.test(
    new TextDecoder().decode(head ?? undefined),
  );
}

/** The first bytes of a file; null where it cannot be read. */
async function headOf(path: string): Promise<Uint8Array | null> {
  const file = await open(path).catch(() => null);
  try {
    const { buffer, bytesRead } = (await file?.read(new Uint8Array(256), 0, 256, 0)) ?? {};
    return buffer?.subarray(0, bytesRead) ?? null;
  } catch {
    return null;
  } finally {
    await file?.close();
  }
}
