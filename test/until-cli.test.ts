import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { readReport } from "../src/report/files/json.ts";
import { type Outcome, perturb, scratch, start } from "./support/cli.ts";
import { until } from "./support/redis.ts";

const RUN = ["evaluate", "--attack", "fgsm", "--eps", "0.1", "--until", "±7%", "--batch", "20"];

// A worker's file is JavaScript: the built one.
type Built = typeof import("../src/index.ts") &
  typeof import("../src/node.ts") &
  typeof import("../src/exports/attacks.ts");
const built = async (): Promise<Built> => {
  const files = ["index", "node", "exports/attacks"].map((name) => new URL(`../dist/${name}.js`, import.meta.url).href);
  return Object.assign({}, ...(await Promise.all(files.map((file) => import(file)))));
};

const space = scratch();
afterAll(space.remove);
const text = (...names: string[]): string => readFileSync(join(space.path, ...names), "utf8");
/** What a report says, apart from times. */
function facts(folder: string) {
  const report = timeless(text(folder, "report.json"));
  const [titles, ...rows] = text(folder, "samples.csv").split("\n");
  const seconds = titles!.split(",").indexOf("seconds");
  return { report, samples: rows.map((row) => row.split(",").toSpliced(seconds, 1).join(",")) };
}
const timeless = (json: string): unknown =>
  JSON.parse(json, (key, value: unknown) => (/^(date|seconds|samplesPerSecond)$/.test(key) ? 0 : value));

let whole: Outcome;
beforeAll(async () => {
  whole = await perturb([...RUN, "--out", "whole"], space.path);
}, 60_000);

it("says how far it came, and names the intervals", async () => {
  expect(whole, whole.stderr).toMatchObject({ code: 0 });
  const { until: ending, data, clean } = await readReport(text("whole", "report.json"), "whole");
  expect(ending!.reached).toBeLessThanOrEqual(0.07);
  expect([ending!.available, data.total % 100, data.drawn!.shuffled]).toEqual([10_000, 0, true]);
  expect(clean.total).toBe(data.total);
  expect(text("whole", "samples.csv").trimEnd().split("\n")).toHaveLength(data.total + 1);
  expect(whole.stdout).toContain("│   95% sequence │");
  expect(whole.stdout).toContain(`${data.total} of 10,000 samples, drawn at random by seed 0\n`);
  expect(whole.stdout).toMatch(/every interval is within ±7\.00%, the longest ±6\.\d\d%, after \d+ of 10,000 samples/);
  expect(whole.stdout).toContain("95% confidence sequence");
  expect(text("whole", "report.html")).toContain("Intervals are those of a confidence sequence, 95%");
});

it("goes on after Ctrl-C, with the result of one run", { timeout: 60_000 }, async () => {
  const broken = start([...RUN, "--out", "broken"], space.path);
  const state = join(space.path, "broken", "state.jsonl");
  await until(() => (statSync(state, { throwIfNoEntry: false })?.size ?? 0) > 20_000);
  broken.child.kill("SIGINT");
  expect(await broken.ended).toMatchObject({ code: 3 });
  const resumed = await perturb(["evaluate", "--resume", "broken"], space.path);
  expect(resumed, resumed.stderr).toMatchObject({ code: 0 });
  expect(facts("broken")).toEqual(facts("whole"));
});

it("gives the same with one thread and with two", { timeout: 60_000 }, async () => {
  const { evaluate, fgsm, openDataset, openModel, threads } = await built();
  const [model, data] = [await openModel("lenet-mnist"), await openDataset("mnist")];
  for (const size of [1, 2]) {
    const options = { attacks: [fgsm], epsilons: [0.1], until: 0.07, batch: 20, place: threads({ size }) };
    const { evaluation } = await evaluate(model, data, options);
    const { warnings: _, ...found } = timeless(JSON.stringify(evaluation)) as Record<string, unknown>;
    expect(facts("whole").report).toMatchObject(found);
  }
  await model.release();
});

it("refuses what would choose other samples, in its own words", { timeout: 60_000 }, async () => {
  for (const [words, said] of [
    [["--shard", "1/2"], "--shard sees those of one part alone"],
    [["--order", "file"], "--order file keeps that of the data"],
  ] as const) {
    const { code, stderr } = await perturb([...RUN, ...words, "--out", "refused"], space.path);
    expect([code, stderr]).toEqual([2, expect.stringContaining(said)]);
  }
  const smoothed = await perturb(["certify", "--smoothing", "0.25", "--until", "1%"], space.path);
  expect([smoothed.code, smoothed.stderr]).toEqual([
    2,
    expect.stringContaining("--until has no meaning with --smoothing"),
  ]);
});
