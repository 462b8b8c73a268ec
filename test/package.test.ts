import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { fgsm } from "../src/attacks/gradient/fgsm.ts";
import { openDataset } from "../src/datasets/locate.node.ts";
import { evaluate } from "../src/index.ts";
import { openModel } from "../src/models/open.node.ts";
import { requireChromium } from "./support/browser.ts";
import { firstBatch } from "./support/datasets.ts";
import { blocks, run } from "./support/documents.ts";
import { findDeno, installPacked, withoutDeno } from "./support/package.ts";
import { firstLogged, type Project } from "./support/vite.ts";

const TSC = fileURLToPath(new URL("../node_modules/@typescript/native/bin/tsc", import.meta.url));
const readme = await readFile(new URL("../README.md", import.meta.url), "utf8");
const browser = requireChromium("The package in a Vite project");
const deno = await findDeno();

const COUNT = 100;
let project: string;
/** What the sources give: clean, and under FGSM. */
let expected: string;
/** The first images and labels of MNIST as a page gets them. */
let digits: string;
let labels: readonly number[];

beforeAll(async () => {
  project = await installPacked(["onnxruntime-web", "react", "react-dom", "@types/node", "undici-types"]);
  const [model, data] = await Promise.all([openModel("lenet-mnist"), openDataset("mnist")]);
  const { evaluation } = await evaluate(model, data, { attacks: [fgsm], epsilons: [0.1], limit: COUNT });
  await model.release();
  expected = JSON.stringify([evaluation.clean.correct, evaluation.points[0]!.correct]);
  const batch = await firstBatch(data, COUNT);
  labels = [...batch.labels];
  digits = join(project, "digits.f32");
  await writeFile(digits, new Uint8Array(batch.x.data.buffer));
});
afterAll(() => rm(project, { recursive: true, force: true }));

const PROGRAM = `
  const model = await openModel("lenet-mnist");
  const data = await openDataset("mnist");
  const { evaluation } = await evaluate(model, data, { attacks: [fgsm], epsilons: [0.1], limit: ${COUNT} });
  console.log(JSON.stringify([evaluation.clean.correct, evaluation.points[0].correct]));
  await model.release();`;
const IMPORTS = `
  import { evaluate } from "perturb";
  import { fgsm } from "perturb/attacks";
  import { openDataset, openModel } from "perturb/node";`;

/** Runs a program of the project. */
async function output(name: string, text: string, command: string, args: readonly string[] = []): Promise<string> {
  await writeFile(join(project, name), text);
  return (await run(command, [...args, name], { cwd: project })).stdout.trim();
}

it("is imported by Node", async () => {
  expect(await output("program.mjs", IMPORTS + PROGRAM, process.execPath)).toBe(expected);
});

it("is required by CommonJS", async () => {
  const program = `
    const { evaluate } = require("perturb");
    const { fgsm } = require("perturb/attacks");
    const { openDataset, openModel } = require("perturb/node");
    (async () => {${PROGRAM}})();`;
  expect(await output("program.cjs", program, process.execPath)).toBe(expected);
});

it(`is imported by Deno${deno ? "" : withoutDeno()}`, { skip: !deno }, async () => {
  await writeFile(join(project, "package.json"), '{ "type": "module" }');
  const args = ["run", "--allow-all", "--no-lock", "--node-modules-dir=manual"];
  expect(await output("deno.mjs", IMPORTS + PROGRAM, deno!, args)).toBe(expected);
});

it("type checks in a strict project, its declarations too", async () => {
  const { exports } = JSON.parse(await readFile(join(project, "node_modules/perturb/package.json"), "utf8")) as {
    exports: Record<string, unknown>;
  };
  const entries = Object.keys(exports).flatMap((key) => (key.endsWith(".json") ? [] : [key.replace(/^\./, "perturb")]));
  const importing = (names: readonly string[]) =>
    names.map((name, i) => `import * as e${i} from "${name}";\nvoid e${i};\n`).join("");
  const strict = "--strict --exactOptionalPropertyTypes --skipLibCheck false --noEmit --ignoreConfig".split(" ");
  const check = async (options: string, files: Readonly<Record<string, string>>) => {
    for (const [name, text] of Object.entries(files)) await writeFile(join(project, name), text);
    const args = [TSC, ...strict, ...options.split(" "), ...Object.keys(files)];
    await run(process.execPath, args, { cwd: project }).catch((error) => {
      throw new Error(error.stdout, { cause: error });
    });
  };
  const node = "--module nodenext --target es2023 --types node";
  await check(node, { "node.mts": `${importing(entries)}${IMPORTS}\n${PROGRAM.replace("points[0]", "points[0]!")}` });
  const page =
    "--module esnext --moduleResolution bundler --target es2023 --lib es2023,dom,dom.iterable,dom.asynciterable";
  await check(page, {
    "page.ts": importing(entries.filter((name) => name !== "perturb/node")),
    "readme.ts": blocks(readme, "ts vite")[0]!,
  });
  // It does check: a wrong option does not compile.
  const wrong = `${IMPORTS}\n${PROGRAM}`.replace("epsilons", "epsilon");
  await expect(check(node, { "wrong.mts": wrong })).rejects.toThrow("epsilons");
});

/** The files that both pages fetch. */
const copied = (): Project["copied"] => ({
  "lenet-mnist.onnx": join(project, "node_modules/perturb/models/lenet-mnist.onnx"),
  "digits.f32": digits,
});
const page = (script: string): string =>
  `<!doctype html><link rel="icon" href="data:,"><div id="root"></div><script type="module" src="/${script}"></script>`;

it("works in a page of Vite and React", { skip: !browser }, async () => {
  const root = join(project, "react");
  await mkdir(root);
  const said = await firstLogged(root, browser!, {
    copied: copied(),
    files: {
      "index.html": page("main.tsx"),
      "tsconfig.json": '{ "compilerOptions": { "jsx": "react-jsx" } }',
      "main.tsx": `
        import * as ort from "onnxruntime-web/wasm";
        import { datasetOf, evaluate, openModel, ortRuntime } from "perturb";
        import { fgsm } from "perturb/attacks";
        import { useEffect, useState } from "react";
        import { createRoot } from "react-dom/client";

        async function count() {
          const [bytes, pixels] = await Promise.all(
            ["/lenet-mnist.onnx", "/digits.f32"].map(async (file) => (await fetch(file)).arrayBuffer()),
          );
          const model = await openModel(bytes, { runtime: ortRuntime(ort) });
          const data = datasetOf({ x: new Float32Array(pixels), shape: [1, 28, 28], labels: ${JSON.stringify(labels)} });
          const { evaluation } = await evaluate(model, data, { attacks: [fgsm], epsilons: [0.1] });
          return [evaluation.clean.correct, evaluation.points[0].correct];
        }

        function Counts() {
          const [counts, setCounts] = useState(null);
          useEffect(() => void count().then(setCounts, console.error), []);
          useEffect(() => void (counts && console.log(document.querySelector("output").textContent)), [counts]);
          return <output>{JSON.stringify(counts)}</output>;
        }

        createRoot(document.getElementById("root")).render(<Counts />);`,
    },
  });
  expect(said).toBe(expected);
});

it("does in a page what the README says", { skip: !browser }, async () => {
  const [block, ...others] = blocks(readme, "ts vite");
  expect(others).toEqual([]);
  const root = join(project, "readme");
  await mkdir(root);
  // The page names as many labels as it has images.
  await writeFile(digits, (await readFile(digits)).subarray(0, 4 * 784 * 4));
  const said = await firstLogged(root, browser!, {
    copied: copied(),
    files: { "index.html": page("main.ts"), "main.ts": block! },
  });
  expect(said).toBe("0.03137254901960784 1");
});
