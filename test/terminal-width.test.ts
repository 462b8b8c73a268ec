import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { perturb, scratch } from "./support/cli.ts";

const place = scratch();
afterAll(place.remove);

const EVALUATE = "evaluate --attack fgsm,uniform-noise --set draws=2 --eps 8/255,0.1,0.3 --limit 20 --quiet".split(" ");
const WIDTHS = ["40", "80", "120"] as const;
const widest = (text: string): number => Math.max(...text.split("\n").map((line) => line.length));
/** The numbers of a text, in order of their digits. */
const numbers = (text: string): string[] => (text.match(/\d[\d.,]*%?/g) ?? []).sort();

describe.each(WIDTHS)("in a terminal of %s columns", (COLUMNS) => {
  it.each(["attacks", "datasets", "models", "operators"])("list %s fits, and loses no word", async (what) => {
    const { stdout } = await perturb(["list", what], place.path, { COLUMNS });
    const { stdout: json } = await perturb(["list", what, "--json"], place.path, { COLUMNS });
    expect(widest(stdout)).toBeLessThanOrEqual(Number(COLUMNS));
    const all = stdout.replaceAll(/\s+/g, "");
    const words: string[] = [];
    JSON.parse(json, (key, value: unknown) => {
      // How an attack aims, and what it needs, is told by its family; an ensemble's options stand with its members.
      const isElsewhere = key === "aim" || key === "needs" || /^[a-z-]+\.\w+=/.test(String(value));
      if (typeof value === "string" && !isElsewhere) words.push(...value.split(" "));
      return value;
    });
    expect(words.length).toBeGreaterThan(5);
    for (const word of words) expect(all).toContain(word);
  });

  it.each(["evaluate", "attack", "compare", "train"])(
    "the help of %s fits, but for commands to be copied",
    async (command) => {
      const { stdout, code } = await perturb([command, "--help"], place.path, { COLUMNS });
      expect(code).toBe(0);
      expect(stdout).toMatch(/^Data:$/m);
      expect(widest(stdout.replaceAll(/^ {2}perturb .*\n?/gm, ""))).toBeLessThanOrEqual(Number(COLUMNS));
    },
  );

  it("inspect fits", async () => {
    const { stdout, code } = await perturb(["inspect", "lenet-mnist"], place.path, { COLUMNS });
    expect(code).toBe(0);
    expect(widest(stdout)).toBeLessThanOrEqual(Number(COLUMNS));
  });

  it("table and curve of evaluate fit, with every number", async () => {
    const { stdout, code } = await perturb(EVALUATE, place.path, { COLUMNS });
    expect(code).toBe(0);
    // The path of the report may be longer: it is to be copied.
    const shown = stdout.replace(/^Report: .*\n/m, "");
    expect(widest(shown)).toBeLessThanOrEqual(Number(COLUMNS));
    expect(shown.match(/⠤|⣀|⠉|[⠀-⣿]/)).not.toBeNull();
    const table = (text: string) => numbers(text.slice(text.indexOf("┌"), text.indexOf("└")));
    expect(table(shown)).toEqual(table(wide));
  });
});

let wide: string;
beforeAll(async () => {
  wide = (await perturb(EVALUATE, place.path, { COLUMNS: "1000" })).stdout;
});

it("JSON is the same at any width", async () => {
  const [narrow, other] = await Promise.all(
    ["40", "120"].map(
      async (COLUMNS) => (await perturb(["list", "attacks", "--json"], place.path, { COLUMNS })).stdout,
    ),
  );
  expect(narrow).toBe(other);
});
