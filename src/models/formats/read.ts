import { buildArchitecture } from "../../architecture.ts";
import { type ArchitectureName, architectures } from "../../architectures/index.ts";
import { PerturbError } from "../../errors.ts";
import { readOnnx } from "../../onnx/file.ts";
import type { Graph } from "../../onnx/graph.ts";
import { option } from "../../option.ts";
import { readWeights, weightFormats } from "./weights.ts";

/**
 * The graph in a model file: ONNX, or weights (PyTorch, safetensors) for the architecture named.
 * @throws usage when weights come without an architecture; whatever the format's reader throws
 */
export function readModel(bytes: Uint8Array, name: string, arch?: ArchitectureName): Graph {
  if (arch) return buildArchitecture(architectures[arch], readWeights(bytes, name), name);
  const format = weightFormats.find(({ matches }) => matches(bytes));
  if (format)
    throw new PerturbError("usage", `${name} holds weights (${format.name}) and no graph. ${advice(bytes, name)}`);
  return readOnnx(bytes, name);
}

/** The architecture that has weights of these names and shapes, or all that there are. */
function advice(bytes: Uint8Array, name: string): string {
  const weights = readWeights(bytes, name);
  const fitting = Object.values(architectures).find(({ parameters }) =>
    Object.entries(parameters).every(([own, dims]) => String(weights.get(own)?.dims) === String(dims)),
  );
  if (fitting) return `They fit ${fitting.name}: say so (${option("arch", fitting.name)}), or give an .onnx file.`;
  const known = Object.keys(architectures).map((one) => option("arch", one));
  return `Say which network they belong to (${known.join(" or ")}), or give an .onnx file.`;
}
