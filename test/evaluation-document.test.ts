import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { afterAll, describe, expect, it } from "vitest";
import { attacks } from "../src/attacks/index.ts";
import { certifyOptions } from "../src/cli/options/certify-options.ts";
import { evaluateOptions } from "../src/cli/options/evaluate-options.ts";
import { readReport } from "../src/report/files/json.ts";
import { blocks, ROOT, run, runPrograms } from "./support/documents.ts";

const text = await readFile(new URL("../docs/evaluation.md", import.meta.url), "utf8");
const commands = blocks(text, "sh").flatMap((block) => block.trim().split("\n"));
/** Where the commands write; ignored by git. */
const outputs = commands.flatMap((command) => /--out (\S+)/.exec(command)?.[1] ?? []);

/** Inside the package, so that programs can import it by name. */
const folder = new URL("../runs/evaluation/", import.meta.url);

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
  for (const folder of outputs) await rm(new URL(`../${folder}`, import.meta.url), { recursive: true, force: true });
});

/** The bundled LeNet's predictions of the first 50 digits of MNIST are all correct. */
const cleanOf50 = 50;

/** The codes that these sources give to warnings. */
async function codes(): Promise<string[]> {
  const found = new Set<string>();
  const root = new URL("../src/", import.meta.url);
  const all = (await readdir(root, { recursive: true })).map((name) => name.replaceAll("\\", "/"));
  // Comparisons have notes of their own; files that are read have errors.
  const others = /\.test\.ts$|^cli\/(?!opening)|^report\/|^evaluate\/(state|results)\//;
  for (const name of all.filter((file) => file.endsWith(".ts") && !others.test(file))) {
    const source = await readFile(new URL(name, root), "utf8");
    for (const [, expression] of source.matchAll(/(?:\bwarn\(\s*|\bcode: )([^,\n|]+),/g))
      for (const [, code] of expression!.matchAll(/"([^"]+)"/g)) found.add(code!);
  }
  return [...found].sort();
}

describe("docs/evaluation.md", () => {
  it("has three commands, which write into runs/", () => {
    expect(commands).toHaveLength(3);
    for (const folder of outputs) expect(folder).toMatch(/^runs\/\w+$/);
  });

  it.each(commands)("%s", { timeout: 300_000 }, async (command) => {
    const [program, ...args] = command.split(" ");
    const { stdout } = await run(program!, args, { cwd: ROOT });
    expect(stdout).not.toBe("");
    const [, folder] = /--out (\S+)/.exec(command) ?? [];
    if (folder === undefined) return;
    expect(stdout).toContain(`Report: ${folder}/report.html`);
    const path = new URL(`../${folder}/report.json`, import.meta.url);
    const { worst, data } = await readReport(await readFile(path, "utf8"), folder);
    expect([worst.length > 0, data.total]).toEqual([true, Number(/--limit (\d+)/.exec(command)![1])]);
  });

  it("has every warning in its table, and no other", async () => {
    const [section] = /^## Warnings\n.*?(?=^## )/ms.exec(text)!;
    const rows = [...section.matchAll(/^\| (`.*?) \|/gm)].flatMap(([, cell]) => [...cell!.matchAll(/`([^`]+)`/g)]);
    const listed = rows.map(([, code]) => code!);
    expect(listed.length).toBeGreaterThan(10);
    expect(listed.toSorted()).toEqual(await codes());
  });

  it("names options and attacks that there are", () => {
    const known = [...evaluateOptions().options, ...certifyOptions().options].map(({ long }) => long);
    const prose = text.replaceAll(/```.*?```/gs, "");
    // Of another command.
    for (const [option] of prose.replaceAll("--png", "").matchAll(/--[a-z][\w-]*/g)) expect(known).toContain(option);
    for (const name of ["autoattack", "autoattack-rand", "apgd-dlr", "ddn", "cw", "fab", "square", "fgsm", "pgd"]) {
      expect(text).toMatch(new RegExp(`[\`, ]${name}[\`,: ]`));
      expect(Object.keys(attacks)).toContain(name);
    }
  });

  it("has programs that type check and run", { timeout: 300_000 }, async () => {
    await mkdir(folder, { recursive: true });
    const outputs = await runPrograms(blocks(text, "ts"), folder);
    expect(outputs).toHaveLength(2);
    const [both, own] = outputs.map((output) => output.split("\n"));
    const [compared, made] = [both!.slice(0, 2), both!.slice(2)].map((lines) => lines.map((line) => line.split(" ")));
    // Of 50 samples, and LeNet is the one that was not trained against attacks.
    expect(compared!.map(([epsilon]) => epsilon)).toEqual(["0.1", "0.2"]);
    for (const [, lenet, robust] of compared!) expect(Number(lenet)).toBeLessThan(Number(robust));
    expect(made!.map(([epsilon]) => epsilon)).toEqual(["0.1", "0.2"]);
    for (const [k, line] of made!.entries()) {
      expect(line.slice(1, -1).join(" ")).toBe("[ 50, 1, 28, 28 ] 50");
      // Those that were fooled are those that LeNet lost.
      expect(Number(line.at(-1))).toBe(cleanOf50 - Math.round(50 * Number(compared![k]![1])));
    }
    expect(own).toHaveLength(2);
    for (const [i, line] of own!.entries())
      expect(line).toMatch(new RegExp(`^${i} (misclassified|fooled|not-fooled)$`));
  });
});
