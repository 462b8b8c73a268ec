import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { certifySmoothing, type SmoothedSample } from "../src/certify/smoothing/certify.ts";
import { openDataset } from "../src/datasets/locate.node.ts";
import { openModel } from "../src/models/open.node.ts";
import { smoothingSchema } from "../src/report/files/smoothing-schema.ts";
import { listing, perturb, scratch, start, until } from "./support/cli.ts";
import { serveFile } from "./support/endpoint.ts";

const FIRST100 = fileURLToPath(new URL("fixtures/pytorch/first100.npz", import.meta.url));
const space = scratch();
afterAll(space.remove);

const run = (...args: string[]) => perturb(["certify", "--smoothing", "0.25", "--data", FIRST100, ...args], space.path);
const samplesIn = (folder: string) =>
  smoothingSchema
    .parse(JSON.parse(readFileSync(join(space.path, folder, "smoothing.json"), "utf8")))
    .samples.map((sample) => ({ ...sample, seconds: 0 }));

let expected: SmoothedSample[];
beforeAll(async () => {
  expected = [];
  const [model, data] = [await openModel("lenet-mnist"), await openDataset(FIRST100)];
  for await (const sample of certifySmoothing(model, data, { sigma: 0.25, draws: 300, limit: 6 }))
    expected.push({ ...sample, seconds: 0 });
  await model.release();
});

describe("perturb certify --smoothing", () => {
  it("says what can be reached, and writes what the library gives, whatever the batch", async () => {
    const { code, stdout, stderr } = await run(
      "--n",
      "300",
      "--limit",
      "6",
      "--order",
      "file",
      "--batch",
      "64",
      "--out",
      "six",
    );
    expect(code).toBe(0);
    expect(stderr).toMatch(/^perturb: 300 draws at α = 0\.001 can certify a radius of at most 0\.49\d+ in L2/m);
    expect(stdout).toMatch(/radius \(L2\) +certified +accuracy\n +0 +6 of 6 +100\.00%/);
    expect(stdout).toContain("This says nothing of the model without noise.");
    expect(samplesIn("six")).toEqual(expected.map((sample) => ({ ...sample, correct: sample.class === sample.label })));
    expect(listing(join(space.path, "six"))).toEqual(["samples.csv", "smoothing.json"]);
  });

  it("goes on with a run that was stopped, to the same result", async () => {
    const args = ["--n", "6000", "--limit", "8", "--order", "file", "--out", "stopped"];
    const { child, ended } = start(["certify", "--smoothing", "0.25", "--data", FIRST100, ...args], space.path);
    const file = join(space.path, "stopped", "smoothing.state");
    await until(() => existsSync(file) && readFileSync(file, "utf8").split("\n").length > 2);
    child.kill("SIGINT");
    const stopped = await ended;
    expect(stopped).toMatchObject({ code: 3 });
    expect(stopped.stderr).toContain("Go on with: perturb certify --resume stopped");
    const state = readFileSync(file, "utf8").split("\n");
    // Half a line, as a power cut leaves it.
    writeFileSync(file, state.join("\n") + state.at(-2)!.slice(0, 50));
    expect(await perturb(["certify", "--resume", "stopped"], space.path)).toMatchObject({ code: 0 });
    const samples = samplesIn("stopped");
    expect(samples.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    const kept = JSON.parse(state[1]!.slice(9)) as SmoothedSample;
    expect(samples[0]).toMatchObject({ index: kept.index, count: kept.count, radius: kept.radius });
    const again = await perturb(["certify", "--resume", "stopped"], space.path);
    expect([again.code, again.stderr]).toEqual([
      0,
      "Nothing is left to do: stopped holds the result of a finished run.\n",
    ]);
    expect(again.stdout).toMatch(/radius \(L2\) +certified +accuracy\n/);
    const asked = ["certify", "--resume", "stopped", "--fail-under", "100%@100", "--json", "-"];
    const failing = await perturb(asked, space.path);
    const told = JSON.parse(failing.stdout) as { readonly samples: readonly SmoothedSample[] };
    expect([failing.code, told.samples.map((sample) => ({ ...sample, seconds: 0 }))]).toEqual([1, samples]);
  });

  it("certifies a model on a server as the file behind it", async () => {
    const server = await serveFile("lenet-mnist");
    const args = ["--n", "300", "--limit", "2", "--order", "file", "--model", server.url, "--out", "server"];
    try {
      expect(await run(...args, "--header", "Authorization: secret")).toMatchObject({ code: 0 });
    } finally {
      await server.close();
    }
    expect(samplesIn("server")).toEqual(samplesIn("six").slice(0, 2));
  });

  it("takes the radii of --eps, and a verdict on one", async () => {
    const args = ["--n", "100", "--limit", "3", "--order", "file", "--eps", "0.1,0.2", "--json", "-", "--quiet"];
    const { code, stdout, stderr } = await run(...args, "--fail-under", "100%@0.4");
    expect(code).toBe(1);
    expect(stderr).toContain("certified accuracy within 0.4 is 0.00%, and --fail-under asks for 100.00%.");
    const { figures } = smoothingSchema.parse(JSON.parse(stdout));
    expect(figures.certified.map(({ radius }) => radius)).toEqual([0.1, 0.2]);
  });

  it.each([
    [["--norm", "linf"], /--norm linf was given\. Leave --norm out\..*square root of the number of inputs/],
    [["--attack", "pgd"], /--attack has no meaning with --smoothing/],
    [["--n", "9"], /With --n 9 and --alpha 0\.001 nothing can be certified/],
    [["--out", "full"], /full holds other\.txt, which is no result of --smoothing/],
  ])("refuses %j", async (args, message) => {
    mkdirSync(join(space.path, "full"), { recursive: true });
    writeFileSync(join(space.path, "full", "other.txt"), "");
    const { code, stderr } = await run("--limit", "2", ...args);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  });

  it("refuses draws without smoothing", async () => {
    const { code, stderr } = await perturb(["certify", "--n", "10"], space.path);
    expect({ code, stderr }).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("--n is for --smoothing SIGMA"),
    });
  });
});
