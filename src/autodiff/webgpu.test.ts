import { readFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { withProgram } from "../../test/support/gradient-check.ts";
import { type ProviderCase, providerCases, relativeDistance, type Tensors } from "../../test/support/provider-cases.ts";
import { hasSoftwareVulkan, WebGpuProcess } from "../../test/support/webgpu.ts";
import { readNpz } from "../datasets/npz.ts";
import { readOnnx, writeOnnx } from "../onnx/file.ts";
import { asClassifier, differentiate } from "./differentiate.ts";

/** Samples that WebGPU does not run, and why. */
const LACKING: Readonly<Record<string, RegExp>> = {
  "ConvTranspose: 3-d": /Only Conv2d or Conv1d are supported/,
};

/** Operators on floats that rules and lowerings emit and that run on the CPU instead, for WebGPU has no kernel for them. */
const ON_CPU: readonly string[] = ["Sign"];

/** WGSL promises sin and cos to 2⁻¹¹ only (https://www.w3.org/TR/WGSL/#floating-point-accuracy); what sums them adds up. */
const COARSE = /^(Sin|Cos|Tan) /;

const why = hasSoftwareVulkan ? "" : " (skipped: no Chromium with SwiftShader in /usr/lib/chromium)";
if (why) console.warn(`src/autodiff/webgpu.test.ts: ONNX Runtime's native WebGPU is not tested${why}.`);

const read = (path: string): Uint8Array => new Uint8Array(readFileSync(new URL(`../../${path}`, import.meta.url)));

/** Few samples that together hold all that is emitted: always the one next that adds the most. */
function chosen(): ProviderCase[] {
  const cases = [...providerCases()];
  const left = new Set(cases.flatMap(({ emitted }) => [...emitted]));
  const added = ({ emitted }: ProviderCase) => [...emitted].filter((kind) => left.has(kind)).length;
  const list: ProviderCase[] = [];
  while (left.size > 0) {
    const next = cases.reduce((best, other) => (added(other) > added(best) ? other : best));
    for (const kind of next.emitted) left.delete(kind);
    list.push(next);
  }
  return list;
}

describe.skipIf(!hasSoftwareVulkan)(`ONNX Runtime's WebGPU provider, in software${why}`, () => {
  const gpu = new WebGpuProcess();
  afterAll(() => gpu.end());

  /** How far the outputs are from the expected ones, at most. */
  async function run(model: Uint8Array, feeds: Tensors, expected: Tensors) {
    const { outputs, onCpu = [], error } = await gpu.run(model, feeds);
    if (!outputs) return { error: error!, onCpu, distance: 0 };
    const distances = Object.entries(expected).map(([key, { data }]) => relativeDistance(outputs[key]!, data));
    return { error: undefined, onCpu, distance: Math.max(...distances) };
  }

  it("runs every operator that rules and lowerings emit, and gives the native CPU's values", async () => {
    const failed: Record<string, string> = {};
    const onCpu = new Set<string>();
    for (const { name, model, emitted, values } of chosen()) {
      const { feeds, expected } = await values();
      const result = await run(model, feeds, expected);
      for (const node of result.onCpu) if (node.name.startsWith("emitted/")) onCpu.add(node.op);
      if (result.error) failed[name] = result.error;
      const tolerance = [...emitted].some((kind) => COARSE.test(kind)) ? 2 ** -9 : 1e-4;
      expect.soft(result.distance, name).toBeLessThan(tolerance);
    }
    const reasons = Object.entries(LACKING).map(([name, reason]) => [name, expect.stringMatching(reason)]);
    expect.soft(failed).toEqual(Object.fromEntries(reasons));
    expect.soft([...onCpu].sort()).toEqual(ON_CPU);
  }, 240_000);

  it.each(["densenet", "lstm", "vit"])(
    "gives the gradients of torch's %s, and leaves no emitted operator on floats to the CPU",
    async (name) => {
      const values = readNpz(read(`test/fixtures/onnx/${name}.npz`), name);
      const graph = differentiate(asClassifier(readOnnx(read(`test/fixtures/onnx/${name}.onnx`))));
      const feeds = { x: values.get("x")!, labels: values.get("y")! };
      const expected = await withProgram(graph, (program) => program.run(feeds));
      const { error, onCpu, distance } = await run(writeOnnx(graph), feeds, expected);
      expect(error).toBeUndefined();
      expect(distance).toBeLessThan(1e-4);
      expect(onCpu).toEqual([]);
    },
  );
});
