import { writeOnnx } from "../../src/onnx/file.ts";
import { inFloat32 } from "../../src/onnx/precision.ts";
import { randomFor } from "../../src/random.ts";
import { product, type Tensor } from "../../src/tensor.ts";
import {
  DEFAULT_OPSETS,
  drawInputs,
  numbers,
  type Sample,
  type SampleInput,
  start,
  withGradients,
  withProgram,
} from "./gradient-check.ts";
import { microsoftSamples, ofMl, samples } from "./samples/index.ts";

/** The gradient graph of a sample, in float32. */
export interface ProviderCase {
  readonly name: string;
  readonly model: Uint8Array;
  /** What is not the sample's own: operators with the types of their inputs. Such nodes are named `emitted/…`. */
  readonly emitted: ReadonlySet<string>;
  /** What it is fed, and what ONNX Runtime's native CPU provider gives. */
  readonly values: () => Promise<{ readonly feeds: Tensors; readonly expected: Tensors }>;
}

export type Tensors = Readonly<Record<string, Tensor>>;

const DOMAINS: readonly (readonly [string, Readonly<Record<string, readonly Sample[]>>])[] = [
  ["", samples],
  ["ai.onnx.ml ", ofMl],
  ["com.microsoft ", microsoftSamples],
];

/** Every sample at its newest opset. */
export function* providerCases(): Generator<ProviderCase> {
  for (const [domain, byOperator] of DOMAINS)
    for (const [op, list] of Object.entries(byOperator))
      for (const sample of list) yield caseOf(`${domain}${op}: ${sample.name}`, sample);
}

function caseOf(name: string, sample: Sample): ProviderCase {
  const opset = Math.max(...(sample.opsets ?? DEFAULT_OPSETS));
  const { b: original, y } = start(sample, opset);
  const forward = inFloat32(original.finish([y]), ["float64"]);
  const wrt = forward.inputs.filter(({ type }) => type === "float32").map((input) => input.name);
  const { b, names } = withGradients(forward, wrt, forward.outputs[0]!.type ?? "float32");
  const own = new Set(forward.nodes);
  const graph = b.finish([...new Set([y, ...names])]);
  const made = graph.nodes.filter((node) => !own.has(node));
  const nodes = graph.nodes.map((node) => (own.has(node) ? node : { ...node, name: `emitted/${node.outputs[0]}` }));
  const named = { ...graph, nodes };
  return {
    name,
    model: writeOnnx(named),
    emitted: new Set(made.map(({ op, inputs }) => [op, ...inputs.map((input) => b.fact(input).type)].join(" "))),
    async values() {
      const random = randomFor(1, opset);
      const given = drawInputs(asFloat32(sample), random);
      const value = await withProgram(forward, async (program) => (await program.run(given))[y]!);
      const seed = Array.from({ length: product(value.dims) }, () => (random.integer(255) - 127) / 64);
      const feeds = { ...given, seed: numbers(value.type, value.dims, seed) };
      return { feeds, expected: await withProgram(named, (program) => program.run(feeds)) };
    },
  };
}

function asFloat32(sample: Sample): Sample {
  const inputs = Object.entries(sample.inputs).map(([name, input]): [string, SampleInput] => [
    name,
    input.type === "float64" ? { ...input, type: "float32" } : input,
  ]);
  return { ...sample, type: "float32", inputs: Object.fromEntries(inputs) };
}

/** The largest distance of two lists of numbers, relative to the largest of the second. */
export function relativeDistance(got: ArrayLike<number | bigint>, expected: ArrayLike<number | bigint>): number {
  if (got.length !== expected.length) return Number.POSITIVE_INFINITY;
  let [distance, largest] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    // Math.max gives NaN where an element is, and NaN is less than nothing.
    distance = Math.max(distance, Math.abs(Number(got[i]) - Number(expected[i])));
    largest = Math.max(largest, Math.abs(Number(expected[i])));
  }
  return distance === 0 ? 0 : distance / largest;
}
