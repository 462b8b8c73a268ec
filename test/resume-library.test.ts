import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, it } from "vitest";
import { randomFor } from "../src/random.ts";
import { scratch } from "./support/cli.ts";

const CHILD = fileURLToPath(new URL("support/evaluation-child.js", import.meta.url));
const LENET = fileURLToPath(new URL("fixtures/pytorch/lenet_zip.pth", import.meta.url));
const KILLS = 50;

const space = scratch();
afterAll(space.remove);

/** Runs the program, killed after some milliseconds where they are given; null where it was. */
function evaluated(folder: string, killAfter?: number): Promise<string | null> {
  const child = spawn(process.execPath, [CHILD, LENET, folder], { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  const timer = killAfter === undefined ? undefined : setTimeout(() => child.kill("SIGKILL"), killAfter);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      if (signal === "SIGKILL") resolve(null);
      else if (code === 0) resolve(output);
      else reject(new Error(`The program ended with ${code}.`));
    });
  });
}
/** What a result says, but for times. */
const timeless = (json: string): unknown =>
  JSON.parse(json, (key, value: unknown) => (/^(date|seconds|samplesPerSecond)$/.test(key) ? 0 : value));

it(`an evaluation by the library ends with the same result when its process is killed, at ${KILLS} random moments`, {
  timeout: 600_000,
}, async () => {
  const began = performance.now();
  const expected = timeless((await evaluated(join(space.path, "whole")))!);
  const milliseconds = performance.now() - began;
  const random = randomFor(21, 0);
  let [kills, resumed] = [0, 0];
  for (let run = 0; kills < KILLS; run++) {
    const folder = join(space.path, `run${run}`);
    let result: string | null = null;
    while (result === null) {
      if (existsSync(join(folder, "state.jsonl"))) resumed++;
      result = await evaluated(folder, kills < KILLS ? (0.1 + 0.9 * random.uniform()) * milliseconds : undefined);
      if (result === null) kills++;
    }
    expect(timeless(result)).toEqual(expected);
  }
  expect(kills).toBe(KILLS);
  expect(resumed).toBeGreaterThan(5);
});
