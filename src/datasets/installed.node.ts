import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { bytesSource, type Dataset, type Open } from "../dataset.ts";
import { messageOf, PerturbError } from "../errors.ts";
import { ownFile } from "../own-files.node.ts";
import { folderOpen } from "./files.node.ts";
import { type KnownDataset, openKnown, type Place, type Split } from "./known.ts";

/** Where Debian's packages of data sets put their folders. */
const SYSTEM = "/usr/share/datasets";

/** The environment variable that names another folder in their place. */
export const DATASETS_VARIABLE = "PERTURB_DATASETS";

/** No known file is longer, and none is inflated further. */
const LONGEST = 2 ** 26;

/**
 * A split of a published data set from where it is installed.
 * @throws not-found, with the command that installs it; whatever `openKnown` throws
 */
export async function openInstalled(definition: KnownDataset, split: Split): Promise<Dataset> {
  const place = definition.places[split];
  try {
    return await openKnown(definition, split, inflated(folderOpen(folderOf(place))));
  } catch (cause) {
    if (!(cause instanceof PerturbError && cause.code === "not-found")) throw cause;
    throw new PerturbError("not-found", missing(definition, split, place), {
      cause,
      data: { dataset: definition.name, split, ...(place.install !== undefined && { install: place.install }) },
    });
  }
}

/** The folder of a place. A package's files are found beside its package.json; its code never runs. @throws not-found */
export function folderOf({ in: root, folder }: Place): string {
  if (root === "system") return join(process.env[DATASETS_VARIABLE] || SYSTEM, folder);
  if (root === "perturb") return ownFile(folder);
  try {
    return join(dirname(createRequire(import.meta.url).resolve(`${root.package}/package.json`)), folder);
  } catch (cause) {
    throw new PerturbError("not-found", `The package ${root.package} is not installed.`, { cause });
  }
}

function missing({ name, source }: KnownDataset, split: Split, place: Place): string {
  const images = `The ${split === "test" ? "test" : "training"} set of ${name} is not installed`;
  if (place.install === undefined) return `${images}: this package is not complete. Install perturb again.`;
  if (place.in !== "system") return `${images}. Run: ${place.install}. Or pass the folder that holds its files.`;
  return `${images}: there is no ${folderOf(place)}. Run: ${place.install}. Or get its files from ${source}, and pass their folder or set ${DATASETS_VARIABLE} to the folder above it.`;
}

/** Opens the .gz of a file where it is not there itself, inflated by Node: on another thread, and in a third of the time. */
const inflated =
  (open: Open): Open =>
  async (name) => {
    const source = await open(name);
    if (!name.endsWith(".gz")) return source;
    try {
      const content = await promisify(gunzip)(await source.read(0, source.size), { maxOutputLength: LONGEST });
      return bytesSource(name, new Uint8Array(content.buffer, content.byteOffset, content.length));
    } catch (cause) {
      throw new PerturbError(
        "invalid-file",
        `${name}: its gzip data is damaged or cut short (${messageOf(cause)}). Get the file again.`,
        { cause, data: { file: name, compressedBytes: source.size } },
      );
    }
  };
