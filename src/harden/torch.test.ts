import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { type ConfiguredMethod, configuredMethod, usualNorm } from "../harden.ts";
import { classifierFile } from "../models/classifier/classifier.ts";
import { emptyGraph } from "../onnx/builder.ts";
import { writeOnnx } from "../onnx/file.ts";
import { Ops } from "../onnx/ops.ts";
import { nodeRuntime } from "../runtime/ort.node.ts";
import { tensor } from "../tensor.ts";
import { type MethodName, methods } from "./methods/index.ts";
import { openNetwork } from "./network.ts";
import { openPart } from "./part.ts";
import { gradientOf } from "./step.ts";

/** Made by tools/torch-reference/hardening.py, with the draws of this build. */
const torch = JSON.parse(
  readFileSync(new URL("../../test/fixtures/hardening/steps.json", import.meta.url), "utf8"),
) as {
  readonly epsilon: number;
  readonly seed: number;
  readonly epoch: number;
  readonly progress: number;
  readonly indices: readonly number[];
  readonly x: readonly number[];
  readonly labels: readonly number[];
  readonly weights: Readonly<Record<string, { readonly dims: readonly number[]; readonly data: readonly number[] }>>;
  readonly steps: Readonly<Record<string, { readonly loss: number; readonly gradient: readonly number[] }>>;
};

const b = new Ops(emptyGraph("net"));
const image = b.input({ name: "image", type: "float32", dims: ["N", 1, 5, 5] });
const weight = (name: string) => {
  const { dims, data } = torch.weights[name]!;
  b.parameter(name, tensor("float32", dims, Float32Array.from(data)));
  return name;
};
const layer = (op: "Conv" | "Gemm", name: string, x: string) =>
  b.add(op, [x, weight(`${name}.weight`), weight(`${name}.bias`)], op === "Gemm" ? { transB: 1 } : {});
const convolved = b.add("Flatten", [b.add("Relu", [layer("Conv", "conv", image)])], { axis: 1 });
const graph = b.finish([layer("Gemm", "fc2", b.add("Relu", [layer("Gemm", "fc1", convolved)]))]);
const network = openNetwork(classifierFile(graph, { name: "net" }), writeOnnx(graph), {});
const runtime = nodeRuntime("cpu", 1);

const cases: readonly (readonly [method: string, reference: string, ConfiguredMethod])[] = [
  ...(Object.keys(methods) as MethodName[]).map((name) => [name, name, configuredMethod(methods[name])] as const),
  ["standard with labelSmoothing", "standard, labelSmoothing 0.1", methods.standard.with({ labelSmoothing: 0.1 })],
  ["crown-ibp without lines", "ibp", methods["crown-ibp"].with({ betaStart: 0, beta: 0 })],
];

it.each(cases)("one step of %s is that of PyTorch", async (_, reference, method) => {
  const part = await openPart(network, method, runtime);
  const { epsilon, seed, epoch, progress, indices, labels } = torch;
  const batch = {
    indices: Int32Array.from(indices),
    x: tensor("float32", [indices.length, 1, 5, 5], Float32Array.from(torch.x)),
    labels: Int32Array.from(labels),
  };
  const options = { method, norm: usualNorm(method.method), epsilon, seed };
  const state = { vectors: { parameters: network.initial } };
  const found = await gradientOf(options, network, [part], state, batch, { epoch, progress });
  await part.release();
  const { loss, gradient } = torch.steps[reference]!;
  expect(Object.keys(network.shapes.parameters)).toEqual(Object.keys(torch.weights));
  expect(Math.abs(found.score.loss / found.score.total - loss)).toBeLessThan(1e-5);
  const off = gradient.map((value, i) => Math.abs(value - found.gradient[i]!));
  expect(Math.max(...off)).toBeLessThan(1e-5);
  expect(found.gradient).toHaveLength(gradient.length);
});
