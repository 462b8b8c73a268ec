import { PerturbError } from "./errors.ts";
import type { Graph } from "./onnx/graph.ts";
import { option } from "./option.ts";
import { type FloatTensor, type Tensor, toFloat32 } from "./tensor.ts";

/** A built-in network: a graph builder for weights that come without a graph. */
export interface Architecture {
  readonly name: string;
  /** What it is and where it comes from, in a line. */
  readonly description: string;
  /** Shape of one sample. */
  readonly inputShape: readonly number[];
  readonly classes: number;
  /** Shape of every parameter, by its PyTorch name. */
  readonly parameters: Readonly<Record<string, readonly number[]>>;
  /** Dropout nodes by name: the share set to zero in training, and the shape of a mask (without the batch). */
  readonly dropout: Readonly<Record<string, { readonly ratio: number; readonly mask: readonly number[] }>>;
  /** The graph, in inference mode; initializers carry the parameters' names. */
  build(parameters: ReadonlyMap<string, FloatTensor>): Graph;
}

/**
 * The graph of an architecture with these weights, any float type, taken by name.
 * @throws mismatch that lists every missing, unexpected and mis-shaped tensor
 */
export function buildArchitecture(
  architecture: Architecture,
  weights: ReadonlyMap<string, Tensor>,
  source: string,
): Graph {
  const expected = Object.entries(architecture.parameters);
  const missing = expected.filter(([name]) => !weights.has(name)).map(([name, dims]) => `${name} [${dims}]`);
  const unexpected = [...weights]
    .filter(([name]) => !Object.hasOwn(architecture.parameters, name))
    .map(([name, t]) => `${name} [${t.dims}]`);
  const misshaped = expected.flatMap(([name, dims]) => {
    const got = weights.get(name)?.dims;
    return got && String(got) !== String(dims) ? [`${name}: [${got}], needs [${dims}]`] : [];
  });
  if (missing.length + unexpected.length + misshaped.length > 0) {
    const part = (title: string, list: string[]) => (list.length > 0 ? `\n  ${title}: ${list.join("; ")}` : "");
    const lists = part("missing", missing) + part("unexpected", unexpected) + part("of another shape", misshaped);
    throw new PerturbError(
      "mismatch",
      `${source} does not hold the weights of ${architecture.name}. Choose another architecture (${option("arch")}), or give the network as an .onnx file.${lists}`,
      {
        data: { missing, unexpected, misshaped },
      },
    );
  }
  return architecture.build(new Map(expected.map(([name]) => [name, toFloat32(weights.get(name)!)])));
}
