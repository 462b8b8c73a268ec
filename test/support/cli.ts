import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const BIN = fileURLToPath(new URL("../../bin/perturb.js", import.meta.url));

export interface Outcome {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  /** What stderr has said so far. */
  readonly stderr: () => string;
  readonly ended: Promise<Outcome>;
}

/** Starts the program, or another installation of it, as a user would, with pipes for a terminal. */
export function start(
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>> = {},
  bin = BIN,
): Running {
  const child = spawn(process.execPath, [bin, ...args], { cwd, env: { ...process.env, ...env } });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const ended = new Promise<Outcome>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  return { child, stderr: () => stderr, ended };
}

/** Runs the program to its end. */
export const perturb = (
  args: readonly string[],
  cwd: string,
  env?: Readonly<Record<string, string>>,
): Promise<Outcome> => start(args, cwd, env).ended;

/** A new empty folder, and the way to remove it. */
export function scratch(): { readonly path: string; readonly remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), "perturb-test-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** All that lies below a folder. */
export const listing = (folder: string): string[] => (readdirSync(folder, { recursive: true }) as string[]).sort();

/** Resolves when `happened` gives true, asked every few milliseconds. */
export async function until(happened: () => boolean, limit = 30_000): Promise<void> {
  const end = Date.now() + limit;
  while (!happened()) {
    if (Date.now() > end) throw new Error(`This did not happen within ${limit} ms.`);
    await new Promise((resolve) => setTimeout(resolve, 3));
  }
}
