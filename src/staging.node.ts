import { randomUUID } from "node:crypto";
import { existsSync, lstatSync, mkdirSync, readdirSync, renameSync, rmdirSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/**
 * Puts what `make` makes, a file or a folder, in the place of `target`: all of it, or nothing. It is made beside its
 * place under another name; a failure or an exit in between removes it, with the parent folders that were made for it.
 */
export async function staged(target: string, make: (staging: string) => Promise<void>): Promise<void> {
  const staging = `${target}.${randomUUID().slice(0, 8)}.partial`;
  const parent = dirname(target);
  const firstMade = mkdirSync(parent, { recursive: true });
  const cleanUp = (): void => {
    rmSync(staging, { recursive: true, force: true, maxRetries: 3 });
    if (firstMade !== undefined && !existsSync(target)) removeEmpty(parent, firstMade);
  };
  process.once("exit", cleanUp);
  try {
    await make(staging);
    replace(staging, target);
  } finally {
    process.off("exit", cleanUp);
    cleanUp();
  }
}

/** Puts right what processes left that were killed inside `staged`: a target that was moved away, and what is half made. */
export function recover(target: string): void {
  const parent = dirname(target);
  const old = new RegExp(`^\\.${quote(basename(target))}\\.[0-9a-f]{8}\\.old$`);
  const partial = new RegExp(`^${quote(basename(target))}\\.[0-9a-f]{8}\\.partial$`);
  for (const name of existsSync(parent) ? readdirSync(parent) : []) {
    if (old.test(name) && !existsSync(target)) renameSync(join(parent, name), target);
    else if (old.test(name) || partial.test(name)) rmSync(join(parent, name), { recursive: true, force: true });
  }
}

const quote = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** Puts `staging` in the place of `target`; what was there is back when that fails. In one go: no exit comes in between. */
function replace(staging: string, target: string): void {
  const old = join(dirname(target), `.${basename(target)}.${randomUUID().slice(0, 8)}.old`);
  // A file is replaced by the renaming itself.
  const moved = existsSync(target) && lstatSync(target).isDirectory();
  if (moved) renameSync(target, old);
  try {
    renameSync(staging, target);
  } catch (error) {
    if (moved) renameSync(old, target);
    throw error;
  }
  if (moved) rmSync(old, { recursive: true, force: true });
}

/** Removes `folder` and its parents up to `top`, as long as they are empty. */
export function removeEmpty(folder: string, top: string): void {
  try {
    for (let at = folder; at.length >= top.length; at = dirname(at)) rmdirSync(at);
  } catch {
    // Something else lives there by now.
  }
}
