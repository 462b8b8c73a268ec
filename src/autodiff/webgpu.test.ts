import { readFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { withProgram } from "../../test/support/gradient-check.ts";
import { type ProviderCase, providerCases, relativeDistance, type Tensors } from "../../test/support/provider-cases.ts";
import { hasSoftwareVulkan, WebGpuProcess } from "../../test/support/webgpu.ts";
import { readNpz } from "../datasets/npz.ts";
import { readOnnx, writeOnnx } from "../onnx/file.ts";
import { asClassifier, differentiate } from "./differentiate.ts";

/** Samples that WebGPU refuses or gives other values for; docs/providers.md says more. The first of each must still fail. */
const LACKING: readonly (readonly [samples: RegExp, why: string])[] = [
  [/^(Conv|ConvTranspose|AveragePool): (.*, )?3-d/, "no ConvTranspose over three axes, no groups of Conv there"],
  [/^MaxPool: (column-major|with its) indices/, "no indices of MaxPool"],
  [/^Resize: .*antialiased/, "no antialiasing"],
  [/^Resize: .*(channels last|a region of what keeps|a list)/, "other values for channels last and for regions"],
  [/^Einsum: .*sizes of 1/, "sizes of 1 are not broadcast"],
  [/^Reduce(L1|L2|SumSquare|LogSum): .*nothing (done|kept)/, "other values where no axis is reduced"],
  [/^Pow: bases a column/, "fails for exponents of a larger shape"],
  [/^BatchNormalization: one number a sample/, "no values [n]"],
  [/^RMSNormalization: .*a scale for all/, "no scale of one number"],
  [/^QuantizeLinear: (u?)int4/, "no integers of 4 bits"],
];
const lacks = (name: string): boolean => LACKING.some(([names]) => names.test(name));

/** Operators from floats to floats that are emitted and run on the CPU instead, for WebGPU has no kernel for them. */
const ON_CPU = ["Celu", "CumProd", "LogSoftmax", "ReverseSequence", "Round", "Scatter", "Selu", "Sign", "Softsign"];

/** WGSL promises sin and cos to 2⁻¹¹ only: https://www.w3.org/TR/WGSL/#floating-point-accuracy */
const COARSE = /^(Sin|Cos) /;

/** Operators on floats, of no quantised arithmetic; LpPool, which WebGPU lacks, is written as itself with other padding. */
const matters = (kind: string): boolean => kind.includes("float32") && !/int(4|8|16)|Quantize|^LpPool/.test(kind);

const why = hasSoftwareVulkan ? "" : " (skipped: no Chromium with SwiftShader in /usr/lib/chromium)";
if (why) console.warn(`src/autodiff/webgpu.test.ts: ONNX Runtime's native WebGPU is not tested${why}.`);

/** Few samples that together hold all that is emitted: always the one next that adds the most. */
function chosen(): ProviderCase[] {
  const cases = [...providerCases()].filter(({ name }) => name !== UNORDERED && !lacks(name));
  const left = new Set(cases.flatMap(({ emitted }) => [...emitted].filter(matters)));
  const added = ({ emitted }: ProviderCase) => [...emitted].filter((kind) => left.has(kind)).length;
  const list: ProviderCase[] = [];
  while (left.size > 0) {
    const next = cases.reduce((best, other) => (added(other) > added(best) ? other : best));
    for (const kind of next.emitted) left.delete(kind);
    list.push(next);
  }
  return list;
}
/** Its order is any. */
const UNORDERED = "TopK: not sorted";

const read = (path: string): Uint8Array => new Uint8Array(readFileSync(new URL(`../../${path}`, import.meta.url)));

describe.skipIf(!hasSoftwareVulkan)(`ONNX Runtime's WebGPU provider, in software${why}`, () => {
  const gpu = new WebGpuProcess();
  afterAll(() => gpu.end());

  /** How far the outputs are from the expected ones, relative to the largest of each. */
  async function run(model: Uint8Array, feeds: Tensors, expected: Tensors) {
    const { outputs, onCpu = [], error } = await gpu.run(model, feeds);
    if (!outputs) return { error, onCpu, distance: Number.POSITIVE_INFINITY };
    const distances = Object.entries(expected).map(([key, { data }]) => relativeDistance(outputs[key]!, data));
    return { error, onCpu, distance: Math.max(...distances) };
  }

  it("runs every operator that rules and lowerings emit on floats, and gives the native CPU's values", async () => {
    const onCpu = new Set<string>();
    for (const { name, model, emitted, values } of chosen()) {
      const { feeds, expected } = await values();
      const result = await run(model, feeds, expected);
      const tolerance = [...emitted].some((kind) => COARSE.test(kind)) ? 2 ** -9 : 1e-4;
      expect.soft(result.distance, `${name}: ${result.error ?? ""}`).toBeLessThan(tolerance);
      for (const node of result.onCpu) if (node.name.startsWith("emitted/")) onCpu.add(node.op);
    }
    expect.soft([...onCpu].filter((op) => !op.includes("Quantize")).sort()).toEqual(ON_CPU);
  }, 240_000);

  it("still lacks what the list says", async () => {
    const cases = [...providerCases()];
    for (const [names, reason] of LACKING) {
      const { name, model, values } = cases.find((sample) => names.test(sample.name))!;
      const { feeds, expected } = await values();
      expect.soft((await run(model, feeds, expected)).distance, `${name}: ${reason}`).not.toBeLessThan(1e-4);
    }
  }, 120_000);

  it.each(["densenet", "lstm", "vit"])(
    "gives the gradients of torch's %s, and leaves no operator on floats to the CPU",
    async (name) => {
      const values = readNpz(read(`test/fixtures/onnx/${name}.npz`), name);
      const graph = differentiate(asClassifier(readOnnx(read(`test/fixtures/onnx/${name}.onnx`))));
      const feeds = { x: values.get("x")!, labels: values.get("y")! };
      const expected = await withProgram(graph, (program) => program.run(feeds));
      const { error, onCpu, distance } = await run(writeOnnx(graph), feeds, expected);
      expect(distance, error).toBeLessThan(1e-4);
      // Long recurrent layers are a Scan, which ONNX Runtime has for the CPU alone.
      expect(onCpu.filter(({ op }) => op !== "Scan")).toEqual([]);
    },
  );
});
