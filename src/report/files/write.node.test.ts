import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fixture } from "../../../test/support/report.ts";
import { fooledSample, sampleRecord } from "../../../test/support/sample-records.ts";
import { readNpz } from "../../datasets/npz.ts";
import { readReport } from "./json.ts";
import { SAMPLE_FILES, samplesIn } from "./samples.node.ts";
import { preload, REPORT_FILES, writeReport } from "./write.node.ts";

const result = fixture();
const options = {
  command: "perturb evaluate",
  samples: async (folder: string) => {
    for (const name of SAMPLE_FILES) await writeFile(join(folder, name), `of ${name}`);
  },
};
const broken = {
  ...result,
  evaluation: { ...result.evaluation, cost: { ...result.evaluation.cost, seconds: Number.NaN } },
};

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "perturb-report-"));
});
afterEach(() => rm(home, { recursive: true }));

const hashes = async (folder: string) =>
  Object.fromEntries(
    await Promise.all(
      REPORT_FILES.map(
        async (name) =>
          [
            name,
            createHash("sha256")
              .update(await readFile(join(folder, name)))
              .digest("hex"),
          ] as const,
      ),
    ),
  );

describe("writeReport", () => {
  it("writes all files, and nothing else", async () => {
    preload();
    const folder = join(home, "runs", "first");
    const told: string[] = [];
    await writeReport(result, folder, { ...options, progress: (file) => told.push(file) });
    expect((await readdir(folder)).toSorted()).toEqual([...REPORT_FILES].toSorted());
    expect(told.toSorted()).toEqual([...REPORT_FILES].toSorted());
    expect(await readdir(join(home, "runs"))).toEqual(["first"]);

    expect(await readReport(await readFile(join(folder, "report.json"), "utf8"), "report.json")).toEqual(
      result.evaluation,
    );
    expect(await sharp(join(folder, "examples.png")).metadata()).toMatchObject({
      width: 1584,
      height: 2264,
      format: "png",
    });
    const svg = await readFile(join(folder, "accuracy.svg"), "utf8");
    const [width, height] = [/width="(\d+)"/, /height="(\d+)"/].map((pattern) => 2 * Number(svg.match(pattern)?.[1]));
    expect(await sharp(join(folder, "accuracy.png")).metadata()).toMatchObject({ width, height, format: "png" });
    const html = await readFile(join(folder, "report.html"), "utf8");
    expect(html).toContain("perturb evaluate</code>");
    // Interactive where the script is built, and written all the same where it is not.
    const isBuilt = existsSync(new URL("../../../dist-web/report/report.js", import.meta.url));
    expect(html.includes('id="report-data"')).toBe(isBuilt);
  });

  it("writes the records that the result holds", async () => {
    const folder = join(home, "recorded");
    const records = [sampleRecord, fooledSample];
    await writeReport({ ...result, records }, folder);
    const read = [];
    for await (const record of samplesIn(join(folder, "samples.csv"))) read.push(record);
    expect(read).toEqual(records);
    expect((await readdir(folder)).toSorted()).toEqual([...REPORT_FILES].toSorted());
  });

  it("needs no command line, and then names none", async () => {
    const [named, bare] = [join(home, "with"), join(home, "without")];
    await writeReport(result, named, { command: "perturb evaluate" });
    await writeReport(result, bare);
    const [told, untold] = await Promise.all(
      [named, bare].map((folder) => readFile(join(folder, "report.html"), "utf8")),
    );
    expect(told).toContain("<h2>Reproduce</h2>");
    expect(untold).not.toMatch(/Reproduce|undefined/);
    expect(await readdir(bare)).toEqual(await readdir(named));
  });

  it("saves the examples as arrays", async () => {
    await writeReport(result, join(home, "r"), options);
    const arrays = readNpz(new Uint8Array(await readFile(join(home, "r", "adversarial.npz"))), "adversarial.npz");
    expect(Array.from(arrays, ([name, { dims }]) => [name, dims])).toEqual([
      ["x", [30, 1, 28, 28]],
      ["x_adv", [30, 1, 28, 28]],
      ["label", [30]],
      ["prediction", [30]],
      ["index", [30]],
      ["epsilon", [30]],
    ]);
    const example = result.evaluation.points[2]!.examples[3]!;
    const at = (name: string) => Number(arrays.get(name)?.data[13]);
    expect(["label", "prediction", "index", "epsilon"].map(at)).toEqual([
      example.label,
      example.prediction,
      example.index,
      0.15,
    ]);
    const pixels = (name: string) => (arrays.get(name)!.data as Float32Array).subarray(13 * 784, 14 * 784);
    expect(pixels("x")).toEqual(result.pictures[2]![3]!.original);
    expect(pixels("x_adv")).toEqual(result.pictures[2]![3]!.adversarial);
  });

  it("writes the same bytes for the same result", async () => {
    await writeReport(result, join(home, "a"), options);
    await writeReport(result, join(home, "b"), options);
    expect(await hashes(join(home, "a"))).toEqual(await hashes(join(home, "b")));
  });

  it("takes an empty folder, a report, and a link to one", async () => {
    const folder = join(home, "r");
    await mkdir(folder);
    await writeReport(result, folder, options);
    await symlink(folder, join(home, "link"));
    await writeReport(fixture({ modelName: "second" }), join(home, "link"), options);
    expect(await readFile(join(folder, "report.json"), "utf8")).toContain('"second"');
    expect((await readdir(home)).toSorted()).toEqual(["link", "r"]);
  });

  it.each([
    ["the state of a run", { "state.jsonl": '{"perturb state":1}\t00000000\n' }],
    ["a state beside a lock", { "state.jsonl": '{"perturb state":1', "state.lock": "{}" }],
    ["a state that was torn at once", { "state.jsonl": "" }],
    ["a lock alone", { "state.lock": "" }],
    ["a lock that was being made", { "state.jsonl": "", "state.lock.1-2-3": "" }],
  ])("takes the place of %s", async (_, files) => {
    await mkdir(join(home, "r"));
    for (const [name, text] of Object.entries(files)) await writeFile(join(home, "r", name), text);
    await writeReport(result, join(home, "r"), options);
    expect((await readdir(join(home, "r"))).toSorted()).toEqual([...REPORT_FILES].toSorted());
  });

  it("writes a result without points or examples", async () => {
    const evaluation = { ...result.evaluation, points: [], worst: [], attacks: [], linearity: null };
    const bare = { evaluation, pictures: [], notFooled: [], cleanExamples: [] };
    await writeReport(bare, join(home, "r"), options);
    const arrays = readNpz(new Uint8Array(await readFile(join(home, "r", "adversarial.npz"))), "adversarial.npz");
    expect(arrays.get("x")?.dims).toEqual([0, 1, 28, 28]);
  });

  it.each([
    ["a folder of other things", () => writeFile(join(home, "r", "thesis.tex"), "x"), "holds thesis.tex"],
    [
      "a report with other things",
      async () => {
        await rm(join(home, "r"), { recursive: true });
        await writeReport(result, join(home, "r"), options);
        await writeFile(join(home, "r", "notes.txt"), "x");
      },
      "holds notes.txt",
    ],
    [
      "another tool's state",
      () => writeFile(join(home, "r", "state.jsonl"), '{"step": 1}\n'),
      "holds no report of perturb",
    ],
    [
      "another tool's report.json",
      () => writeFile(join(home, "r", "report.json"), '{"tool": "other"}'),
      "holds no report of perturb",
    ],
    [
      "a file",
      async () => {
        await rm(join(home, "r"), { recursive: true });
        await writeFile(join(home, "r"), "x");
      },
      "Cannot write the report",
    ],
  ])("refuses %s, and leaves it as it was", async (_, prepare, message) => {
    await mkdir(join(home, "r"));
    await prepare();
    const before = await readdir(join(home, "r")).catch(() => readFile(join(home, "r"), "utf8"));
    await expect(writeReport(result, join(home, "r"), options)).rejects.toMatchObject({
      code: "usage",
      message: expect.stringContaining(message),
    });
    expect(await readdir(join(home, "r")).catch(() => readFile(join(home, "r"), "utf8"))).toEqual(before);
    expect(await readdir(home)).toEqual(["r"]);
  });

  it("leaves the old report and no other trace when it fails", async () => {
    const folder = join(home, "r");
    await writeReport(result, folder, options);
    const before = await hashes(folder);
    await expect(writeReport(broken, folder, options)).rejects.toMatchObject({ code: "internal" });
    expect(await hashes(folder)).toEqual(before);
    expect(await readdir(home)).toEqual(["r"]);
    await expect(writeReport(broken, join(home, "new"), options)).rejects.toMatchObject({ code: "internal" });
    expect(await readdir(home)).toEqual(["r"]);
  });

  it("says where it cannot write", async () => {
    await writeFile(join(home, "file"), "x");
    await expect(writeReport(result, join(home, "file", "below"), options)).rejects.toMatchObject({
      code: "usage",
      message: expect.stringContaining("below"),
    });
  });
});
