import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { failure, survives } from "../../../test/support/datasets.ts";
import { EXTENT, run } from "../../../test/support/journal.ts";
import type { SampleRecord } from "../../evaluate.ts";
import { addTally, EXAMPLES, type Tally } from "../results/tally.ts";
import { checkFacts, headingText, readHeading, STATE } from "./heading.node.ts";
import { newJournal, resumedJournal } from "./journal.node.ts";
import { lineOf, readLines } from "./lines.node.ts";
import { LOCK } from "./lock.node.ts";

const home = mkdtempSync(join(tmpdir(), "perturb-journal-"));
afterAll(() => rmSync(home, { recursive: true }));
let folder: string;
let number = 0;
beforeEach(() => {
  folder = join(home, String(number++));
});
const state = () => join(folder, STATE);
const heading = { words: ["--eps", "0.1"], facts: [["--eps", "0.1"]] as const };

const sum = (tallies: readonly Tally[]): Tally => {
  const [first, ...rest] = structuredClone(tallies as Tally[]);
  for (const next of rest) addTally(first!, next);
  return first!;
};
/** Some tallies with all that random ones seldom have. */
const tallies = fc.sample(run, { seed: 1, numRuns: 1 })[0]!;

const warnings: string[] = [];
const options = { extent: EXTENT, warn: (message: string) => void warnings.push(message) };

async function keep(all: readonly Tally[]): Promise<void> {
  const journal = newJournal(folder, () => heading, options);
  for (const tally of all) await journal.keep(structuredClone(tally));
  await journal.close();
  journal.release();
}

/** What is kept; then the rest is kept too. */
async function resume(all: readonly Tally[] = []): Promise<Tally[]> {
  const journal = await resumedJournal(folder, (await readHeading(folder))!, options);
  try {
    const found: Tally[] = [];
    for await (const tally of journal.done()) found.push(tally);
    for (const tally of all.slice(found.length)) await journal.keep(structuredClone(tally));
    return found;
  } finally {
    await journal.close();
    journal.release();
  }
}

describe("a journal", () => {
  it("gives back what it was given, whatever that is and wherever it was cut", async () => {
    await fc.assert(
      fc.asyncProperty(run, fc.nat(5), async (all, cut) => {
        const first = all.slice(0, Math.max(1, cut));
        await keep(first);
        const before = await resume(all);
        expect(before).toHaveLength(first.length);
        expect(sum([...before, ...all.slice(before.length)])).toEqual(sum(all));
        expect(sum(await resume())).toEqual(sum(all));
      }),
      { numRuns: 20 },
    );
  });

  it("holds no more pictures than a report shows", async () => {
    const example = tallies.flatMap(({ points }) => points.flatMap(({ examples }) => examples))[0]!;
    const three = [example, example, example];
    const points = (tally: Tally) => tally.points.map((point) => ({ ...point, examples: three }));
    const all = tallies.map((tally) => ({ ...tally, cleanExamples: three, points: points(tally) }));
    await keep(all);
    expect(readFileSync(state(), "utf8").match(/"original"/g)).toHaveLength((EXTENT.points + 1) * EXAMPLES);
    expect(sum(await resume())).toEqual(sum(all));
  });

  it("says when the run began, and how long it has worked", async () => {
    await keep(tallies.slice(0, 1));
    const read = (await readHeading(folder))!;
    expect(read).toMatchObject(heading);
    const journal = await resumedJournal(folder, read, options);
    expect(journal.began.toISOString()).toBe(read.began);
    for await (const _ of journal.done());
    expect(journal).toMatchObject({ saved: true, resumed: EXTENT.batch });
    expect(journal.seconds).toBeGreaterThan(0);
    expect(journal.seconds).toBeLessThan(60);
    await journal.close();
    journal.release();
  });

  it("makes nothing before the first batch, and leaves nothing when that cannot be kept", async () => {
    const journal = newJournal(join(folder, "deep"), () => heading, options);
    expect(journal.saved).toBe(false);
    await journal.close();
    journal.release();
    expect(existsSync(folder)).toBe(false);

    const failing = newJournal(join(folder, "deep"), () => heading, options);
    await expect(failing.keep({ ...tallies[0]!, points: null as never })).rejects.toThrow();
    await failing.close();
    failing.release();
    expect(existsSync(folder)).toBe(false);

    writeFileSync(folder, "a file");
    await failure("usage", () => newJournal(folder, () => heading, options).keep(tallies[0]!));
    rmSync(folder);
  });

  it("keeps nothing of what comes in after its end", async () => {
    const journal = newJournal(folder, () => heading, options);
    await journal.keep(structuredClone(tallies[0]!));
    await Promise.all([journal.close(), journal.keep(tallies[1]!), journal.close()]);
    journal.release();
    expect(await resume()).toHaveLength(1);
  });
});

describe("lines", () => {
  const texts = ['{"a":1}', '["é",2]', "{}"];
  let crc = 0;
  const lines = texts.map((text) => {
    const line = lineOf(text, crc);
    crc = line.crc;
    return line.bytes;
  });
  const bytes = Buffer.concat(lines);
  const read = async (content: Uint8Array, longest = 100): Promise<string[]> => {
    mkdirSync(folder, { recursive: true });
    writeFileSync(state(), content);
    const file = await open(state());
    try {
      const found: string[] = [];
      for await (const { text, end } of readLines(file, { crc: 0, end: 0 }, longest)) {
        found.push(text);
        expect(content[end - 1]).toBe(10);
      }
      return found;
    } finally {
      await file.close();
    }
  };
  /** How many lines lie before a byte. */
  const linesBefore = (at: number) => lines.filter((_, i) => Buffer.concat(lines.slice(0, i + 1)).length <= at).length;

  it("are read up to where the file was torn, at any byte", async () => {
    for (let at = 0; at <= bytes.length; at++)
      expect(await read(bytes.subarray(0, at))).toEqual(texts.slice(0, linesBefore(at)));
  });

  it("are read up to where the file was changed, at any bit", async () => {
    for (let bit = 0; bit < 8 * bytes.length; bit++) {
      const changed = Uint8Array.from(bytes);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      expect(await read(changed)).toEqual(texts.slice(0, linesBefore(bit >> 3)));
    }
  });

  it("are not read where one is missing, comes twice, or in another place", async () => {
    for (const order of [[1], [0, 2], [0, 0, 1, 2], [1, 0, 2]])
      expect((await read(Buffer.concat(order.map((i) => lines[i]!)))).length).toBe(order[0] === 0 ? 1 : 0);
  });

  it("may be as long as is allowed, over many reads", async () => {
    const long = lineOf(JSON.stringify("x".repeat(2 ** 20)), 0).bytes;
    expect(await read(long, 2 ** 21)).toHaveLength(1);
    expect(await read(long, 2 ** 19)).toEqual([]);
    expect(await read(new Uint8Array(2 ** 20), 2 ** 19)).toEqual([]);
  });
});

describe("a state that was torn", () => {
  it("goes on from the last batch that is whole, and so does one of which a byte was changed", async () => {
    const all = tallies.slice(0, 2);
    await keep(all);
    const bytes = readFileSync(state());
    const headEnd = bytes.indexOf(10) + 1;
    const firstEnd = bytes.indexOf(10, bytes.indexOf('{"tally"')) + 1;
    const places = [
      0,
      1,
      20,
      headEnd - 1,
      headEnd,
      headEnd + 1,
      firstEnd - 1,
      firstEnd,
      firstEnd + 1,
      bytes.length - 1,
    ];
    for (let i = 1; i < 20; i++) places.push(Math.floor((i / 20) * bytes.length));
    for (const at of places) {
      const whole = at < headEnd ? 0 : at < firstEnd ? headEnd : firstEnd;
      const kept = at < firstEnd ? 0 : 1;
      writeFileSync(state(), bytes.subarray(0, at));
      warnings.length = 0;
      if (whole === 0) expect(await readHeading(folder)).toBeNull();
      else {
        expect(await resume()).toHaveLength(kept);
        expect(readFileSync(state())).toEqual(bytes.subarray(0, whole));
        expect(warnings).toHaveLength(Number(at > whole));
      }

      const changed = Uint8Array.from(bytes);
      changed[at]! ^= 1;
      writeFileSync(state(), changed);
      if (whole === 0) await failure("invalid-file", () => readHeading(folder));
      else expect(sum([...(await resume(all)), ...all.slice(kept)])).toEqual(sum(all));
    }
    expect(sum(await resume())).toEqual(sum(all));
  });

  it("by two that wrote to it holds no batch twice", async () => {
    await keep(tallies.slice(0, 2));
    const bytes = readFileSync(state());
    writeFileSync(state(), Buffer.concat([bytes, bytes.subarray(bytes.indexOf(10) + 1)]));
    expect(await resume()).toHaveLength(2);
  });
});

describe("a state that was made up", () => {
  const text = headingText({ ...heading, began: "2026-01-01T00:00:00.000Z" });
  const write = (...lines: readonly string[]): void => {
    mkdirSync(folder, { recursive: true });
    let crc = 0;
    const written = lines.map((line) => {
      const made = lineOf(line, crc);
      crc = made.crc;
      return made.bytes;
    });
    writeFileSync(state(), Buffer.concat(written));
  };

  it.each([
    ["no JSON", "{"],
    ["no object", "[]"],
    ["prototypes", text.replace('"words"', '"__proto__":{},"words"')],
    ["other words", text.replace('["--eps","0.1"]', "[1]")],
    ["no date", text.replace("2026-01-01T00:00:00.000Z", "soon")],
  ])("has a heading that is refused: %s", async (_, line) => {
    write(line);
    await failure("invalid-file", () => readHeading(folder));
  });

  it.each([1, 2, 4])("of layout %i, of another version, is refused as such", async (layout) => {
    // No more than the number is understood of it.
    write(text.replace('"perturb state":3', `"perturb state":${layout},"more":[]`));
    expect((await failure("unsupported", () => readHeading(folder))).message).toContain(`has layout ${layout}`);
  });

  it("has lines that are refused", async () => {
    await keep(tallies.slice(0, 1));
    const lines = readFileSync(state(), "utf8")
      .split("\n")
      .slice(0, -1)
      .map((line) => line.slice(0, -9));
    const tally = lines.at(-1)!;
    const pictures = lines.slice(1, -1);
    const broken: readonly (readonly string[])[] = [
      [text, "null"],
      [text, ...pictures, tally.replace(/"total":\d+/, '"total":6')],
      [text, ...pictures, tally.replace(/"confusion":\[[^\]]*\]/, '"confusion":[1000000000,1]')],
      [text, ...pictures, tally.replace(/"confusion":\[[^\]]*\]/, '"confusion":[1]')],
      [text, ...pictures, tally.replace('"records":', '"__proto__":{"x":1},"records":')],
      [text, ...pictures, tally.replace(/"worst":\[/, '"worst":[null,')],
      [text, ...pictures.slice(1), tally],
      [text, pictures[0]!, ...pictures, tally],
      [text, ...new Array<string>(100).fill(pictures[0]!)],
      [text, '{"original":"AAAA","adversarial":"AAAA"}'],
      [text, pictures[0]!.replace(/"original":"..../, '"original":"!!!!')],
      [
        text,
        ...pictures,
        tally.replace(/"linearity":.*"invalid"/, `"linearity":{"samples":0,"points":[],"dimensions":[]},"invalid"`),
      ],
      [text, ...new Array<string[]>(6).fill([...pictures, tally]).flat()],
    ];
    for (const content of broken) {
      write(...content);
      const error = await failure("invalid-file", () => resume());
      expect(error.message).toContain(STATE);
    }
    write(text, ...pictures, tally);
    expect(await resume()).toHaveLength(1);
  });

  it("has sums that its records contradict, or records of another run", async () => {
    const isRight = ({ label, prediction }: SampleRecord) => label === prediction;
    const isFooled = ({ outcome }: SampleRecord) => outcome === "fooled";
    const found = fc
      .sample(run, { seed: 1, numRuns: 50 })
      .map(([first]) => first!)
      .find(({ records }) => records.some(isRight) && !records.every(isRight) && records.some(isFooled))!;
    const tally = { ...found, linearity: null };
    const fooled = tally.records.findIndex(isFooled);
    const record = (at: number, change: object) => ({
      ...tally,
      records: tally.records.map((one, i) => (i === at ? { ...one, ...change } : one)),
    });
    const cases: readonly (readonly [object, string])[] = [
      [{ ...tally, correct: tally.correct === 0 ? 1 : 0 }, "by their records"],
      [{ ...tally, records: tally.records.slice(1) }, "4 records of 5 samples"],
      [{ ...tally, worst: tally.worst.map((at) => ({ ...at, correct: 5 })) }, "are correct at ε 0.1"],
      [{ ...tally, confusion: new Map([[0, 1]]) }, "table of labels and predictions"],
      [record(0, { index: 100_000 }), "record of sample 100000"],
      [record(1, { index: 0 }), "two records of sample 0"],
      [record(fooled, { attack: "<img onerror>" }), "which is not of this run"],
      [record(fooled, { epsilon: 0.15 }), "at another ε, 0.15"],
      [record(fooled, { outcome: "not-fooled" }), "is not-fooled at ε"],
    ];
    const written = (value: unknown): string =>
      JSON.stringify({ tally: value, seconds: 1 }, (_key, part: unknown) =>
        part instanceof Map
          ? [...(part as Tally["confusion"])].flat()
          : typeof part === "number" && (!Number.isFinite(part) || Object.is(part, -0))
            ? Object.is(part, -0)
              ? "-0"
              : String(part)
            : part,
      );
    const bare = { ...tally, cleanExamples: [], points: tally.points.map((point) => ({ ...point, examples: [] })) };
    write(text, written(bare));
    expect(await resume()).toHaveLength(1);
    for (const [change, words] of cases) {
      const { cleanExamples: _c, points: _p, ...changed } = change as typeof tally;
      write(text, written({ ...bare, ...changed }));
      expect((await failure("invalid-file", () => resume())).message).toContain(words);
    }
  });

  it("is a folder", async () => {
    mkdirSync(state(), { recursive: true });
    expect((await failure("invalid-file", () => readHeading(folder))).message).toContain("is no state");
  });

  it("never does worse than an error", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(fc.json(), fc.constant(text)), { maxLength: 4 }), async (lines) => {
        write(...lines);
        await survives(async () => ((await readHeading(folder)) === null ? undefined : resume()));
      }),
      { numRuns: 50 },
    );
  });
});

describe("facts", () => {
  it("that differ are named, with both values", () => {
    const was = [
      ["the model", "a.onnx"],
      ["--seed", "0"],
      ["pgd.steps", "5"],
    ] as const;
    checkFacts("runs/a", was, [...was].reverse());
    let message = "";
    try {
      checkFacts("runs/a", was, [was[0], ["--seed", "1"], ["fgsm.x", "2"]]);
    } catch (error) {
      message = (error as Error).message;
    }
    expect(message).toContain("runs/a");
    expect(message).toContain("--seed was 0, and is 1; pgd.steps was 5, and is none; fgsm.x was none, and is 2");
    expect(message).not.toContain("a.onnx");
  });
});

describe("a folder", () => {
  it("is this process's own until it is given back", async () => {
    const journal = newJournal(folder, () => heading, options);
    await journal.keep(structuredClone(tallies[0]!));
    expect(readdirSync(folder).sort()).toEqual([STATE, LOCK]);
    await failure("usage", () => newJournal(folder, () => heading, options).keep(tallies[0]!));
    await journal.close();
    journal.release();
    expect(readdirSync(folder)).toEqual([STATE]);
  });

  it("that another process has taken over is written to no more", async () => {
    const journal = newJournal(folder, () => heading, options);
    await journal.keep(structuredClone(tallies[0]!));
    rmSync(join(folder, LOCK), { recursive: true });
    const before = readFileSync(join(folder, STATE));
    expect((await failure("usage", () => journal.keep(tallies[1]!))).message).toContain("taken over");
    expect(readFileSync(join(folder, STATE))).toEqual(before);
    await journal.close();
    journal.release();
  });
});
