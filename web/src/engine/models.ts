import { openClassifier } from "../../../src/models/classifier/graph-model.ts";
import { inspectGraph } from "../../../src/models/classifier/inspect.ts";
import { normalizationOf } from "../../../src/models/classifier/normalization.ts";
import { checkedOnDevice } from "../../../src/models/device-check.ts";
import { weightFormats } from "../../../src/models/formats/weights.ts";
import { graphIn, settledFrom } from "../../../src/models/open.ts";
import { writeOnnx } from "../../../src/onnx/file.ts";
import type { FileOptions, WebDevice } from "../engine.ts";
import { bytesOf } from "./bytes.ts";
import { modelInfoOf, type OpenedModel } from "./opened.ts";
import { runtimeFor } from "./runtimes.ts";

/** A file of one's own. `dataShape`: for a graph that leaves sizes open. */
export async function openModelFile(
  given: File,
  options: FileOptions,
  device: WebDevice,
  dataShape: readonly number[] | null,
): Promise<OpenedModel> {
  const bytes = await bytesOf(given);
  // It comes into command lines that are pasted: nothing in it may steer a terminal, or be unseen.
  const name = given.name.replaceAll(/\p{C}/gu, "");
  const arch = options.arch ?? (isWeights(bytes, name) ? "lenet" : undefined);
  const graph = await graphIn(bytes, name, { arch });
  const shape = options.shape ?? graph.shape ?? dataShape ?? undefined;
  const normalization = normalizationOf(options);
  const inspection = inspectGraph(name, graph.graph, shape);
  const read = { ...(shape && { shape }), ...(normalization && { normalization }) };
  const runtime = await runtimeFor(device);
  const file = await settledFrom(graph, read, runtime);
  const model = openClassifier(await checkedOnDevice(file, runtime, await runtimeFor("cpu")), runtime);
  const info = modelInfoOf(model, {
    inspection,
    sizesOpen: graph.shape === null,
    options: { ...options, ...(arch && { arch }) },
    device,
  });
  // Weights without a graph are hardened as the network that they were put into.
  const source = async () => ({
    bytes: arch === undefined ? await bytesOf(given) : writeOnnx(graph.graph),
    options: read,
  });
  return { model, info, source };
}

/** By content, or by name where the content is broken: the error is then about weights. */
const isWeights = (bytes: Uint8Array, name: string): boolean =>
  weightFormats.some(({ matches }) => matches(bytes)) || /\.(pth|pt|safetensors)$/i.test(name);
