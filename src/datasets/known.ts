import type { ByteSource, Dataset, Open } from "../dataset.ts";
import { PerturbError } from "../errors.ts";
import { openIdx } from "./idx.ts";

export type Split = "test" | "train";

/** A published file: its name (as it is, or with .gz) and the SHA-256 of its content, decompressed. */
export interface KnownFile {
  readonly file: string;
  readonly sha256: string;
}

/** A published set of images in IDX files. */
export interface KnownDataset {
  readonly name: string;
  readonly classNames: readonly string[];
  readonly splits: Readonly<Record<Split, { readonly images: KnownFile; readonly labels: KnownFile }>>;
  /** Where it was published. */
  readonly source: string;
  /** SPDX identifier. */
  readonly licence: string;
  /** Where Node finds the files of each split. */
  readonly places: Readonly<Record<Split, Place>>;
}

/** A folder: inside this package, inside another one, or inside the folder in which a system keeps data sets. */
export interface Place {
  readonly in: "perturb" | { readonly package: string } | "system";
  readonly folder: string;
  /** The command that puts the files there; undefined for those that come with this package. */
  readonly install?: string;
}

/** Checks a definition's type and keeps its literals. */
export const defineDataset = <const T extends KnownDataset>(definition: T): T => definition;

/**
 * A split of a published data set, in memory, its bytes verified.
 * @throws not-found where `open` has neither a file nor its .gz; checksum; whatever `openIdx` throws
 */
export async function openKnown(definition: KnownDataset, split: Split, open: Open): Promise<Dataset> {
  const { name, classNames, splits } = definition;
  const { images, labels } = splits[split];
  return openIdx({
    name,
    images: await openMaybeGzip(open, images.file),
    labels: await openMaybeGzip(open, labels.file),
    classNames,
    sha256: { images: images.sha256, labels: labels.sha256 },
  });
}

async function openMaybeGzip(open: Open, file: string): Promise<ByteSource> {
  try {
    return await open(file);
  } catch (error) {
    if (!(error instanceof PerturbError && error.code === "not-found")) throw error;
    return await open(`${file}.gz`);
  }
}
