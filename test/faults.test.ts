import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, it } from "vitest";
import { crc32 } from "../src/crc32.ts";
import { perturb, scratch, start, until } from "./support/cli.ts";

// Kills at random moments are in resume.test.ts, states that are torn or swapped in src/evaluate/state/journal.node.test.ts,
// and starts at one moment in src/evaluate/state/lock.node.test.ts.
const LOCK = fileURLToPath(new URL("../dist/evaluate/state/lock.node.js", import.meta.url));
const JOB = ["--model", "lenet-mnist", "--attack", "pgd", "--eps", "0.1", "--limit", "20", "--batch", "10", "--quiet"];

const space = scratch();
afterAll(space.remove);
const folder = (name: string) => mkdtempSync(join(space.path, `${name}-`));

it("a clock that jumps by years changes nothing but dates", { timeout: 120_000 }, async () => {
  const jump = "const now=Date.now;let n=0;Date.now=()=>now()+(n++%2?3e11:-3e11)";
  const env = { NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(jump)}` };
  const [calm, jumping] = await Promise.all(
    [{}, env].map((given) =>
      perturb([...JOB, "--json", "-", "--out", `clock${Object.keys(given).length}`], space.path, given),
    ),
  );
  const found = ({ stdout }: { readonly stdout: string }) => {
    const { clean, worst, points, cost } = JSON.parse(stdout);
    expect(cost.seconds).toBeGreaterThan(0);
    return { clean, worst, points };
  };
  expect([calm!.code, jumping!.code]).toEqual([0, 0]);
  expect(found(jumping!)).toEqual(found(calm!));
});

it("a state whose sums were changed, or that is a folder, is refused, and nothing says to go on with it", {
  timeout: 120_000,
}, async () => {
  const { child, ended } = start([...JOB, "--set", "pgd.steps=200", "--out", "state"], space.path);
  const path = join(space.path, "state", "state.jsonl");
  const text = () => {
    try {
      return readFileSync(path, "utf8");
    } catch {
      return "";
    }
  };
  await until(() => text().includes('\n{"tally"'), 60_000);
  child.kill("SIGKILL");
  expect(await ended).toMatchObject({ signal: "SIGKILL" });

  const lines = text()
    .split("\n")
    .slice(0, -1)
    .map((line) => line.slice(0, -9));
  const at = lines.findIndex((line) => line.startsWith('{"tally"'));
  const changed = lines.slice(0, at + 1).with(at, lines[at]!.replace(/"correct":\d+/, '"correct":3'));
  let crc = 0;
  const sealed = changed.map((line) => {
    crc = crc32(new TextEncoder().encode(line), crc);
    return `${line}\t${crc.toString(16).padStart(8, "0")}\n`;
  });
  writeFileSync(path, sealed.join(""));
  const outcome = await perturb(["evaluate", "--resume", "state"], space.path);
  expect(outcome).toMatchObject({ code: 2, stdout: "" });
  expect(outcome.stderr).toMatch(
    /is no state of an evaluation: after 0 samples, 3 samples are correct, and \d+ by their records/,
  );
  expect(outcome.stderr).not.toMatch(/Go on with|is saved/);

  mkdirSync(join(space.path, "folder", "state.jsonl"), { recursive: true });
  const other = await perturb(["evaluate", "--resume", "folder"], space.path);
  expect(other).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining("is no state of an evaluation") });
});

const UNSHARE = ["--pid", "--fork", "--mount-proc", "--kill-child"];
const isolates = spawnSync("unshare", [...UNSHARE, "true"]).status === 0;

it.skipIf(!isolates)("a process in another container is seen by its signs of life (needs unshare)", async () => {
  const shared = folder("shared");
  const hold = `const { lock } = await import(${JSON.stringify(LOCK)}); await lock(${JSON.stringify(shared)}); console.log("held"); setInterval(() => {}, 1000);`;
  const other = spawn("unshare", [...UNSHARE, process.execPath, "--input-type=module", "--eval", hold]);
  try {
    await new Promise((resolve) => other.stdout.once("data", resolve));
    const { lock } = (await import(LOCK)) as typeof import("../src/evaluate/state/lock.node.ts");
    await expect(lock(shared)).rejects.toMatchObject({ code: "usage", message: expect.stringContaining("in use") });
  } finally {
    other.kill("SIGKILL");
  }
});
