import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readNpz, writeNpz } from "../src/datasets/npz.ts";
import { randomFor } from "../src/random.ts";
import { listing, type Outcome, perturb, scratch, start, until } from "./support/cli.ts";
import { withoutSeconds } from "./support/report.ts";

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const FIRST100 = at("fixtures/pytorch/first100.npz");
const lenet = ["--model", at("fixtures/pytorch/lenet_zip.pth"), "--arch", "lenet"];
const JOB = [
  ...lenet,
  "--attack",
  "pgd",
  "--set",
  "pgd.steps=5",
  "--eps",
  "0.1,0.2,0.3",
  "--limit",
  "100",
  "--batch",
  "5",
  "--quiet",
];
/** Long enough that whoever waits for its first batch finds it at work. */
const LONG = [...JOB, "--set", "pgd.steps=100"];
const KILLS = 50;

const space = scratch();
afterAll(space.remove);
const inside = (...path: string[]) => join(space.path, ...path);

/** What a run found: its JSON but for times, and the files that its pictures and tables come from. */
const found = (folder: string) => ({
  json: readFileSync(inside(folder, "report.json"), "utf8").replaceAll(
    /("(?:date|seconds|samplesPerSecond)": )[^,\n]+/g,
    "$1…",
  ),
  csv: readFileSync(inside(folder, "accuracy.csv"), "utf8"),
  examples: readFileSync(inside(folder, "adversarial.npz")).toString("base64"),
  // The last column holds seconds.
  samples: withoutSeconds(readFileSync(inside(folder, "samples.csv"), "utf8")),
});

let milliseconds: number;
beforeAll(async () => {
  const began = performance.now();
  expect(await perturb([...JOB, "--out", "whole"], space.path)).toMatchObject({ code: 0 });
  milliseconds = performance.now() - began;
});

/** Starts a run, and waits until it has saved something. */
async function begin(folder: string, job = LONG) {
  const state = inside(folder, "state.jsonl");
  const running = start([...job, "--out", folder], space.path);
  let over = false;
  void running.ended.then(() => {
    over = true;
  });
  const saved = () => existsSync(state) && readFileSync(state, "latin1").includes('\n{"tally"');
  await until(() => over || saved());
  return running;
}
const stop = async ({ child, ended }: Awaited<ReturnType<typeof begin>>, signal: NodeJS.Signals): Promise<Outcome> => {
  child.kill(signal);
  return ended;
};
const resume = (...args: string[]) => perturb(["evaluate", "--resume", ...args], space.path);

it(`ends with the same result when it is killed, at ${KILLS} random moments`, { timeout: 600_000 }, async () => {
  const random = randomFor(20, 0);
  const expected = found("whole");
  let kills = 0;
  const moments = { nothing: 0, state: 0, report: 0 };
  for (let run = 0; kills < KILLS; run++) {
    const folder = `run${run}`;
    for (;;) {
      const held = existsSync(inside(folder)) ? readdirSync(inside(folder)) : [];
      const has = held.includes("report.json") ? "report" : held.includes("state.jsonl") ? "state" : "nothing";
      // Where nothing was saved yet, there is nothing to go on with.
      const isSaved = has !== "nothing" && !/^[^\n]*$/.test(readFileSync(inside(folder, held[0]!), "latin1"));
      const args = isSaved ? ["--resume", folder, "--quiet"] : [...JOB, "--out", folder];
      const { child, ended } = start(args, space.path);
      const timer =
        kills < KILLS
          ? setTimeout(() => child.kill("SIGKILL"), (0.1 + 0.9 * random.uniform()) * milliseconds)
          : undefined;
      const { code, signal, stderr } = await ended;
      clearTimeout(timer);
      if (signal === "SIGKILL") {
        kills++;
        moments[has]++;
        continue;
      }
      expect({ code, stderr: stderr.replaceAll(/^(warning|Nothing is left).*\n/gm, "") }).toEqual({
        code: 0,
        stderr: "",
      });
      break;
    }
    expect(found(folder)).toEqual(expected);
  }
  expect(kills).toBe(KILLS);
  expect(moments.state).toBeGreaterThan(5);
  // Nothing half made is left beside the reports.
  for (const name of readdirSync(space.path)) expect(name).toMatch(/^(whole|run\d+)$/);
});

describe("a run that was ended", () => {
  it.each(["SIGINT", "SIGTERM"] as const)("by %s says how to go on, ends with 3, and does go on", async (signal) => {
    const folder = `on-${signal}`;
    const outcome = await stop(await begin(folder, JOB), signal);
    // On a quiet machine it may have been done before.
    if (outcome.code !== 0) {
      expect(outcome).toMatchObject({ code: 3, signal: null, stdout: "" });
      expect(outcome.stderr).toContain(`Stopped, and saved. Go on with: perturb evaluate --resume ${folder}\n`);
      expect(listing(inside(folder))).toEqual(["state.jsonl"]);
      expect(await resume(folder)).toMatchObject({ code: 0 });
    }
    expect(found(folder)).toEqual(found("whole"));
    expect(readFileSync(inside(folder, "report.html"), "utf8")).toContain(`--batch 5 --quiet --out ${folder}`);
  });

  it("is refused to another process until it has ended, and goes on with its own options only", async () => {
    const running = await begin("own");
    for (const args of [
      ["--resume", "own"],
      [...JOB, "--out", "own"],
    ])
      expect((await perturb(args, space.path)).stderr).toMatch(/own is in use: process \d+/);
    expect(await stop(running, "SIGINT")).toMatchObject({ code: 3 });

    const state = readFileSync(inside("own", "state.jsonl"));
    const refusals: readonly (readonly [args: string[], message: string])[] = [
      [["--eps", "0.1"], "--eps is 0.1,0.2,0.3 there, not 0.1"],
      [["--attack", "fgsm"], "--attack is pgd there, not fgsm"],
      [["--set", "pgd.steps=6"], "--set is pgd.steps=5,pgd.steps=100 there, not pgd.steps=6"],
      [["--limit", "7"], "--limit is 100 there, not 7"],
      [["--target", "7"], "--target is not given there, not 7"],
      [["--out", "elsewhere"], "--out"],
      [["--model", at("fixtures/pytorch/lenet_legacy.pth")], "SHA-256 of the model was"],
      [["--data", FIRST100], "the data was 10000 samples"],
    ];
    for (const [args, message] of refusals) {
      const { code, stderr } = await resume("own", ...args);
      expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(message) });
      expect(readFileSync(inside("own", "state.jsonl"))).toEqual(state);
    }
  });

  it("is refused with other samples under the same name", async () => {
    const data = inside("data.npz");
    const arrays = readNpz(new Uint8Array(readFileSync(FIRST100)), "first100.npz");
    const write = () => writeFileSync(data, writeNpz({ x: arrays.get("x")!, y: arrays.get("y")! }));
    write();
    const job = [...lenet, "--data", data, "--attack", "pgd", "--set", "pgd.steps=100", "--batch", "5", "--quiet"];
    expect(await stop(await begin("samples", job), "SIGKILL")).toMatchObject({ signal: "SIGKILL" });
    (arrays.get("x")!.data as Float32Array)[0]! += 0.25;
    write();
    const { code, stderr } = await resume("samples");
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining("SHA-256 of the first samples was") });
  });

  it("is replaced by a new one, which says so", async () => {
    await stop(await begin("new"), "SIGKILL");
    const outcome = await perturb([...JOB, "--out", "new"], space.path);
    expect(outcome).toMatchObject({ code: 0 });
    expect(outcome.stderr).toContain("warning: new holds a run that was not finished");
    expect(found("new")).toEqual(found("whole"));
  });

  it("beside an old report leaves that until it is done", async () => {
    expect(await perturb([...JOB, "--limit", "10", "--out", "old"], space.path)).toMatchObject({ code: 0 });
    const before = readFileSync(inside("old", "report.json"));
    await stop(await begin("old", [...JOB, "--set", "pgd.steps=20"]), "SIGKILL");
    expect(readFileSync(inside("old", "report.json"))).toEqual(before);
    const { code, stderr } = await resume("old", "--quiet", "--fail-under", "100%@0.3", "--json", "new.json");
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining("is under 1") });
    expect(readFileSync(inside("old", "report.json"))).toEqual(readFileSync(inside("new.json")));
    expect(JSON.parse(readFileSync(inside("new.json"), "utf8"))).toMatchObject({ data: { total: 100 } });
  });
});

describe("--resume", () => {
  it("of a finished run has nothing to do, and tells its result once more", async () => {
    const outcome = await resume("whole", "--json", "-", "--fail-under", "100%@0.1");
    const kept = JSON.parse(readFileSync(inside("whole", "report.json"), "utf8"));
    expect(kept.gates).toEqual([]);
    const { accuracy } = kept.worst.find(({ epsilon }: { epsilon: number }) => epsilon === 0.1);
    const gates = [{ epsilon: 0.1, atLeast: 1, accuracy, met: false }];
    expect(outcome.code).toBe(1);
    expect(JSON.parse(outcome.stdout)).toEqual({ ...kept, gates });
    expect(outcome.stderr).toContain("Nothing is left to do");
    expect(outcome.stderr).toContain("keep the verdict that they were written with");
    expect(outcome.stderr).toContain("is under 1.");
    // Without a new gate it is judged by the one that the report holds, which is judged anew.
    const report = { ...kept, gates: [{ ...gates[0], met: true }] };
    mkdirSync(inside("gated"));
    writeFileSync(inside("gated", "report.json"), `${JSON.stringify(report, null, 2)}\n`);
    const again = await resume("gated");
    expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining("is under 1.") });
    expect(await resume("whole")).toMatchObject({ code: 0 });
  });

  it("of a run that an earlier version finished is refused by name", async () => {
    const kept = readFileSync(inside("whole", "report.json"), "utf8");
    mkdirSync(inside("earlier"));
    writeFileSync(inside("earlier", "report.json"), kept.replace('"schema": 2', '"schema": 1'));
    expect(await resume("earlier")).toMatchObject({
      code: 2,
      stdout: "",
      stderr: expect.stringContaining("earlier/report.json was written by an earlier version of perturb"),
    });
  });

  it("of no run is an error that says so", async () => {
    mkdirSync(inside("empty"));
    for (const folder of ["nowhere", "empty"])
      expect(await resume(folder)).toMatchObject({
        code: 2,
        stdout: "",
        stderr: expect.stringContaining(`There is no run to resume in ${folder}`),
      });
    mkdirSync(inside("damaged"));
    writeFileSync(inside("damaged", "state.jsonl"), '{"perturb state":1}\t00000000\n');
    expect(await resume("damaged")).toMatchObject({ code: 2, stderr: expect.stringContaining("is no state") });
  });
});
