import { readFileSync } from "node:fs";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { asClassifier, differentiate } from "../src/autodiff/differentiate.ts";
import { readOnnx, writeOnnx } from "../src/onnx/file.ts";
import { randomFor } from "../src/random.ts";
import { product, type Tensor } from "../src/tensor.ts";
import { NO_CHROMIUM, requireChromium, type Served, SOFTWARE_WEBGPU, servePage } from "./support/browser.ts";
import { numbers, withProgram } from "./support/gradient-check.ts";
import { relativeDistance } from "./support/provider-cases.ts";

const read = (path: string): Uint8Array => new Uint8Array(readFileSync(new URL(path, import.meta.url)));

/** Classifiers whose gradient graphs the page runs; src/autodiff/webgpu.test.ts runs more, natively. */
const MODELS = {
  lenet: "../models/lenet-mnist.onnx",
  vit: "fixtures/onnx/vit.onnx",
} as const;

interface Outcome {
  readonly name?: string;
  readonly device?: string;
  readonly outputs?: Readonly<Record<string, readonly number[]>>;
  readonly code?: string;
  readonly message?: string;
}

const executablePath = requireChromium("WebGPU in a browser");

describe.skipIf(!executablePath)(`a page in Chromium, its GPU in software${executablePath ? "" : NO_CHROMIUM}`, () => {
  const graphs = new Map(
    Object.entries(MODELS).map(([name, path]) => [name, differentiate(asClassifier(readOnnx(read(path))))]),
  );
  let served: Served;
  const browsers: Browser[] = [];

  async function open(args: readonly string[]): Promise<Page> {
    const browser = await chromium.launch({ executablePath: executablePath!, args: ["--no-sandbox", ...args] });
    browsers.push(browser);
    const page = await browser.newPage();
    await page.goto(served.url);
    await page.waitForFunction("globalThis.runGraph");
    return page;
  }

  const run = (page: Page, device: string, name: string, feeds: Readonly<Record<string, Tensor>>): Promise<Outcome> => {
    const given = Object.entries(feeds).map(([key, { type, dims, data }]) => [
      key,
      { type, dims, values: Array.from(data as ArrayLike<number | bigint>, Number) },
    ]);
    const [at, values] = [JSON.stringify(`/${name}.onnx`), JSON.stringify(Object.fromEntries(given))];
    return page.evaluate<Outcome>(`runGraph(${JSON.stringify(device)}, ${at}, ${values})`);
  };

  beforeAll(async () => {
    const files = [...graphs].map(([name, graph]) => [`/${name}.onnx`, writeOnnx(graph)] as const);
    served = await servePage("/test/support/page.js", new Map(files));
  });
  afterAll(async () => {
    await Promise.all(browsers.map((browser) => browser.close()));
    await served.close();
  });

  it("gives the logits, losses and gradients of the native CPU, on WebGPU and on WebAssembly", async () => {
    const page = await open(SOFTWARE_WEBGPU);
    for (const [name, graph] of graphs) {
      const dims = [2, ...(graph.inputs[0]!.dims!.slice(1) as number[])];
      const random = randomFor(5, 0);
      const x = Array.from({ length: product(dims) }, () => random.uniform());
      const feeds = { x: numbers("float32", dims, x), labels: numbers("int64", [2], [1, 3]) };
      const expected = await withProgram(graph, (program) => program.run(feeds));
      for (const device of ["webgpu", "cpu"]) {
        const { outputs, ...outcome } = await run(page, device, name, feeds);
        expect(outcome, `${name} on ${device}`).toEqual({ name: expect.stringMatching(/^onnxruntime-web \d/), device });
        for (const [key, value] of Object.entries(expected))
          expect(relativeDistance(outputs![key]!, value.data), `${key} of ${name} on ${device}`).toBeLessThan(1e-4);
      }
    }
  }, 180_000);

  it("says so where there is no adapter", async () => {
    const page = await open(["--disable-gpu"]);
    expect(await run(page, "webgpu", "lenet", {})).toEqual({
      code: "device",
      message: expect.stringMatching(/^The device "webgpu" cannot be used here\./),
    });
  });
});
