import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { messageOf, PerturbError } from "../errors.ts";
import { option } from "../option.ts";
import { removeEmpty, staged } from "../staging.node.ts";

/** Where a checkpoint lies in the folder of a training. */
export const CHECKPOINT = "checkpoint.safetensors";

/** @param what it is that lies in the folder, in a word. @param files that it may hold */
export const workFolder = (what: string, files: readonly string[]) => {
  const reporting = async (folder: string, write: () => Promise<unknown>): Promise<void> => {
    try {
      await write();
    } catch (cause) {
      throw new PerturbError(
        "usage",
        `The ${what} cannot be written to ${folder}: ${messageOf(cause)}. Give a folder that can be written (${option("folder")}).`,
        { cause, data: { folder } },
      );
    }
  };
  return {
    /**
     * Makes a new folder; gives the way to remove it again while it is empty, with the folders above it that were made for it.
     * @param others files that it may hold besides
     * @throws usage when there is one with such files already, or it cannot be made
     */
    async create(folder: string, others: readonly string[] = []): Promise<() => void> {
      for (const name of [...files, ...others])
        if (existsSync(join(folder, name)))
          throw new PerturbError(
            "usage",
            `${folder} already holds ${name}. Go on with it (${option("resume", folder)}), or choose another folder (${option("folder")}).`,
            { data: { folder, file: name } },
          );
      let first: string | undefined;
      await reporting(folder, async () => {
        first = await mkdir(folder, { recursive: true });
      });
      return () => {
        if (first !== undefined) removeEmpty(resolve(folder), resolve(first));
      };
    },
    /** The checkpoint in a folder, and the path of its file. @throws not-found */
    async open(folder: string): Promise<{ readonly bytes: Uint8Array; readonly file: string }> {
      const file = join(folder, CHECKPOINT);
      const bytes = await readFile(file).catch((cause: unknown) => {
        throw new PerturbError(
          "not-found",
          `There is no ${what} to resume in ${folder}: ${messageOf(cause)}. Give the folder of an earlier one (${option("resume")}).`,
          { cause, data: { file } },
        );
      });
      return { bytes: new Uint8Array(bytes), file };
    },
    /** Writes a file: all of it, or nothing; the one before stays whole until this one is. @throws usage when it cannot be written */
    replace: (folder: string, name: string, content: Uint8Array | string): Promise<void> =>
      reporting(folder, () => staged(join(folder, name), (staging) => writeFile(staging, content))),
  };
};
