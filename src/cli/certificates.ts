import type { FileHandle } from "node:fs/promises";
import { open } from "node:fs/promises";
import { checkCertificate } from "../certify/certificate/check.ts";
import { LONGEST_LINE, readCertificate, readHeading } from "../certify/certificate/format.ts";
import { messageOf, PerturbError } from "../errors.ts";
import {
  type CertificatesAsked,
  type CertifiedModel,
  certificateLines,
  certifiedModel,
} from "../evaluate/certificates.ts";
import { openClassifier } from "../models/classifier/graph-model.ts";
import { nodeRuntime } from "../runtime/ort.node.ts";
import { EXIT } from "./exit.ts";
import { writeAtomically } from "./files.ts";
import { type ModelGiven, openGraph, openModelFile } from "./opening/model.ts";
import type { OpenedSubject } from "./opening/opened.ts";
import { withOwnConfiguration } from "./opening/preprocessing.ts";
import { complain, print } from "./output.ts";
import { progressLine, silent } from "./progress.ts";

/** Bytes of a file that are read at a time. */
const CHUNK = 2 ** 20;

/** Writes the certificates of what was proven of a model. */
export async function writeCertificates(
  path: string,
  model: CertifiedModel,
  { data }: OpenedSubject,
  { quiet, ...asked }: CertificatesAsked & { readonly quiet: boolean },
): Promise<void> {
  const { proven } = asked;
  const progress = quiet ? silent : progressLine("writing", "certificates");
  let [lines, done] = [0, -1];
  await writeAtomically(path, async (file) => {
    for await (const line of certificateLines(model, data, asked)) {
      if (line !== undefined) await file.write(`${line}\n`);
      if (line !== undefined) lines++;
      progress.update(++done, proven.length);
    }
  });
  progress.finish();
  const missing = proven.length + 1 - lines;
  if (missing > 0)
    complain(
      `warning: ${missing} of ${proven.length} proven samples have no certificate: their proofs need more than is allowed here. Give more --splits.`,
    );
}

/** Checks a file of certificates against a model; prints what became of each. Gives the exit code. */
export async function checkCertificates(path: string, asked: ModelGiven & { readonly model: string }): Promise<number> {
  const file = await open(path).catch((cause: unknown) => {
    throw new PerturbError(
      "not-found",
      `Cannot read ${path}: ${messageOf(cause)}. Give a file that --certificates wrote.`,
      { cause },
    );
  });
  try {
    return await checkLines(path, file, asked);
  } finally {
    await file.close();
  }
}

async function checkLines(
  path: string,
  file: FileHandle,
  asked: ModelGiven & { readonly model: string },
): Promise<number> {
  let model: CertifiedModel | undefined;
  let [number, held, checked] = [0, 0, 0];
  for await (const line of linesOf(file)) {
    number++;
    if (!model) {
      model = await modelOf(readHeading(line), asked);
      continue;
    }
    const certificate = readCertificate(line, number, model.network);
    const result = checkCertificate(model.network, certificate, model.above);
    checked++;
    if (result.holds) held++;
    const { sample, label, lower, upper } = certificate;
    const about = `line ${number}${sample === undefined ? "" : `, sample ${sample}`}: label ${label}, box of ±${radius(lower, upper)}`;
    print(
      `${about}: ${result.holds ? `holds, margin ${Math.min(...result.margins).toPrecision(4)}` : `NOT PROVEN: ${result.reason}`}`,
    );
  }
  if (!model || checked === 0)
    throw new PerturbError(
      "invalid-file",
      `${path} holds no certificate: nothing was proven in its run, or it is another file. Give one that --certificates wrote, of a run that proves something.`,
    );
  print(`${held} of ${checked} certificates hold for ${model.model.name}, SHA-256 ${model.heading.model}.`);
  return held === checked ? EXIT.ok : EXIT.failed;
}

/** Half the widest side of a box. */
const radius = (lower: Float32Array, upper: Float32Array): number =>
  Number(upper.reduce((most, u, i) => Math.max(most, (u - lower[i]!) / 2), 0).toPrecision(4));

/** The model, opened as the options say, if it is the one that certificates are about. @throws mismatch where it is another */
async function modelOf(
  heading: ReturnType<typeof readHeading>,
  asked: ModelGiven & { readonly model: string },
): Promise<CertifiedModel> {
  const { given } = await withOwnConfiguration(asked.model, asked);
  const opened = await openGraph(given.model, given);
  if (opened.sha256 !== heading.model)
    throw new PerturbError(
      "mismatch",
      `The certificates are about a file with the SHA-256 ${heading.model}, and that of ${opened.name} is ${opened.sha256}. Give --model the file that they were written for.`,
    );
  const file = await openModelFile(opened, heading.shape, given);
  const model = await certifiedModel(openClassifier(file, nodeRuntime(given.device, 1)), {
    norm: "linf",
    target: null,
  });
  if (model.heading.classifier !== heading.classifier || model.heading.classes !== heading.classes)
    throw new PerturbError(
      "mismatch",
      `The certificates are about ${opened.name} with other preprocessing, or they were written by another version of perturb. Give the options that they were written with, such as --mean and --std.`,
    );
  return model;
}

/** The lines of a file that are not empty. @throws invalid-file for one that is too long, or no text */
async function* linesOf(file: FileHandle): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const bytes = new Uint8Array(CHUNK);
  let rest: string[] = [];
  let length = 0;
  for (;;) {
    const { bytesRead } = await file.read(bytes, 0, CHUNK);
    const parts = decoded(decoder, bytes.subarray(0, bytesRead), bytesRead > 0).split("\n");
    for (const [i, part] of parts.entries()) {
      if (i > 0) {
        const line = rest.join("");
        if (line.trim() !== "") yield line;
        [rest, length] = [[], 0];
      }
      rest.push(part);
      length += part.length;
      if (length > LONGEST_LINE)
        throw new PerturbError("invalid-file", `A line of the certificates has more than ${LONGEST_LINE} characters.`);
    }
    if (bytesRead > 0) continue;
    const line = rest.join("");
    if (line.trim() !== "") yield line;
    return;
  }
}

function decoded(decoder: TextDecoder, bytes: Uint8Array, stream: boolean): string {
  try {
    return decoder.decode(bytes, { stream });
  } catch (cause) {
    throw new PerturbError(
      "invalid-file",
      "This is no file of certificates, which is text in UTF-8: give one that --certificates wrote.",
      { cause },
    );
  }
}
