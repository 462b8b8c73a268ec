import robustUrl from "../../../models/conv-mnist-robust.onnx?url";
import lenetUrl from "../../../models/lenet-mnist.onnx?url";
import { sha256 } from "../../../src/datasets/checksum.ts";
import { mnist } from "../../../src/datasets/mnist.ts";
import type { BundledModel } from "../../../src/models/bundled.ts";
import type { GraphModel } from "../../../src/models/graph-model.ts";
import { inspectGraph } from "../../../src/models/inspect.ts";
import { graphIn, openGraphModel } from "../../../src/models/open.ts";
import type { FileOptions, ModelInfo, WebDevice } from "../engine.ts";
import { bytesOf, fetched } from "./bytes.ts";
import { runtimeFor } from "./runtimes.ts";

const URLS: Readonly<Record<BundledModel, string>> = {
  "lenet-mnist": lenetUrl,
  "conv-mnist-robust": robustUrl,
};

export interface OpenedModel {
  readonly model: GraphModel;
  readonly info: ModelInfo;
}

/** A network that comes with the page. */
export async function openBundled(name: BundledModel, device: WebDevice): Promise<OpenedModel> {
  const opened = await open(await fetched(URLS[name]), name, {}, device, null);
  return { ...opened, info: { ...opened.info, bundled: name, classNames: mnist.classNames } };
}

/** A file of one's own. `shape`: of the data, for a graph that leaves sizes open. */
export const openModelFile = async (
  file: File,
  options: FileOptions,
  device: WebDevice,
  shape: readonly number[] | null,
): Promise<OpenedModel> => open(await bytesOf(file), file.name, options, device, shape);

async function open(
  bytes: Uint8Array,
  name: string,
  options: FileOptions,
  device: WebDevice,
  dataShape: readonly number[] | null,
): Promise<OpenedModel> {
  const { arch, mean, std } = options;
  const graph = await graphIn(bytes, name, { arch });
  const shape = options.shape ?? graph.shape ?? dataShape ?? undefined;
  const normalization = mean || std ? { mean: mean ?? [0], std: std ?? [1] } : undefined;
  const hash = await sha256(bytes);
  const runtime = await runtimeFor(device);
  const model = await openGraphModel(
    { ...graph, sha256: hash },
    { ...(shape && { shape }), ...(normalization && { normalization }) },
    runtime,
  );
  const { inputShape, classes, head, bounds } = model;
  const info: ModelInfo = {
    id: crypto.randomUUID(),
    name,
    bundled: null,
    sha256: hash,
    inputShape,
    classes,
    classNames: null,
    head,
    bounds,
    parameters: model.file.parameters,
    options,
    device,
    runtime: runtime.name,
    inspection: inspectGraph(name, graph.graph, shape),
  };
  return { model, info };
}
