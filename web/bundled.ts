import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Plugin } from "vite";
import { bundledModels, isBundled } from "../src/models/bundled.ts";
import { type ClassifierFile, withGradient } from "../src/models/classifier/classifier.ts";
import { type Inspection, inspectGraph } from "../src/models/classifier/inspect.ts";
import { graphIn, modelFrom, settle } from "../src/models/open.ts";
import { nodeRuntime } from "../src/runtime/ort.node.ts";

interface Prepared {
  /** The file as it is. */
  readonly bytes: Uint8Array;
  readonly file: ClassifierFile;
  readonly inspection: Inspection;
}
/** Each worker of the page is a build of its own, and asks anew. */
const prepared = new Map<string, Promise<Prepared>>();

/**
 * The bundled networks as the page opens them, differentiated when it is built: `import lenet from "bundled:lenet-mnist"`.
 * What reads and differentiates graphs is then loaded for models of one's own only.
 */
export const bundledFiles = (): Plugin => ({
  name: "bundled-files",
  resolveId: (id) => (id.startsWith("bundled:") ? `\0${id}` : null),
  async load(id) {
    const name = id.slice("\0bundled:".length);
    if (!id.startsWith("\0bundled:") || !isBundled(name)) return null;
    const made = prepared.get(name) ?? prepare(name);
    prepared.set(name, made);
    const { bytes, file, inspection } = await made;
    const { onnx, gradients, ...rest } = file;
    const emit = (asset: string, source: Uint8Array): string =>
      `import.meta.ROLLUP_FILE_URL_${this.emitFile({ type: "asset", name: asset, source })}`;
    return `export default {
  file: ${JSON.stringify(rest)},
  inspection: ${JSON.stringify(inspection)},
  onnx: ${emit(`${name}.onnx`, onnx)},
  given: ${emit(`${name}-given.onnx`, bytes)},
  gradient: ${emit(`${name}-gradient.onnx`, gradients!["cross-entropy"]!)},
};`;
  },
});

async function prepare(name: keyof typeof bundledModels): Promise<Prepared> {
  const path = fileURLToPath(new URL(`../models/${bundledModels[name].file}`, import.meta.url));
  const bytes = new Uint8Array(readFileSync(path));
  const graph = await graphIn(bytes, name);
  const file = await settle(modelFrom(graph, {}), nodeRuntime("cpu", 1));
  return { bytes, file: withGradient(file, "cross-entropy"), inspection: inspectGraph(name, graph.graph) };
}
