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
    throw new PerturbError(
      "usage",
      `${name} holds weights (${format.name}) and no graph. Say which network they belong to (${option("arch", Object.keys(architectures).join("|"))}), or give an .onnx file.`,
    );
  return readOnnx(bytes, name);
}
