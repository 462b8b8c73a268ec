import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { ROOT, run } from "./documents.ts";

const modules = join(ROOT, "node_modules");

/**
 * A project of somebody who has installed the package: it holds what `npm pack` packs, and links to the packages that it depends
 * on, as `npm install` would bring them, and to `more`. Nothing is fetched. Gives its folder.
 */
export async function installPacked(more: readonly string[] = []): Promise<string> {
  const project = await mkdtemp(join(tmpdir(), "perturb-installed-"));
  const packed = join(project, "packed");
  await mkdir(packed);
  const [npm, before] = process.platform === "win32" ? ["cmd", ["/c", "npm"]] : ["npm", []];
  await run(npm!, [...before!, "pack", "--ignore-scripts", "--silent", "--pack-destination", packed], { cwd: ROOT });
  const own = join(project, "node_modules", "perturb");
  await mkdir(own, { recursive: true });
  const [tarball] = await readdir(packed);
  await run("tar", ["-xzf", join(packed, tarball!), "-C", own, "--strip-components=1"]);
  const { dependencies } = JSON.parse(await readFile(join(own, "package.json"), "utf8")) as {
    dependencies: Record<string, string>;
  };
  for (const name of new Set([...Object.keys(dependencies), ...more])) await linkPackage(project, name);
  await rm(packed, { recursive: true });
  return project;
}

/** What `npm install NAME` does in such a project. */
export async function linkPackage(project: string, name: string): Promise<void> {
  const place = join(project, "node_modules", name);
  await mkdir(dirname(place), { recursive: true });
  await symlink(join(modules, name), place, "junction");
}

/** Deno: DENO_PATH, which `npm test` sets in CI, or the one in PATH. */
export async function findDeno(): Promise<string | undefined> {
  const path = process.env["DENO_PATH"];
  if (path && existsSync(path)) return path;
  return run("deno", ["--version"]).then(
    () => "deno",
    () => undefined,
  );
}

/** Why the test of Deno is skipped. @throws where CI is set, which must not skip it */
export function withoutDeno(): string {
  if (process.env["CI"]) throw new Error("There is no Deno, which CI must have. Give its path in DENO_PATH.");
  return " (skipped: no Deno; install it, or give its path in DENO_PATH)";
}
