import type { ArchitectureName } from "../architectures/index.ts";
import type { Dataset } from "../dataset.ts";
import { didYouMean, PerturbError } from "../errors.ts";
import type { Subject } from "../evaluate/results/result.ts";
import type { Model } from "../model.ts";
import type { ClassifierFile } from "../models/classifier/classifier.ts";
import type { GraphModel } from "../models/classifier/graph-model.ts";
import { normalizationOf } from "../models/classifier/normalization.ts";
import type { Normalization } from "../models/classifier/preprocess.ts";
import type { OpenedGraph } from "../models/open.ts";
import type { Device } from "../runtime.ts";
import type { Tensor } from "../tensor.ts";
import type { EndpointGiven } from "./open-endpoint.ts";

/** Whether a model is named by its address. */
export const isAddress = (model: string): boolean => /^https?:\/\//i.test(model);

/** The options that name a model's graph. */
export interface GraphGiven {
  readonly arch?: string | undefined;
  readonly inputName?: string | undefined;
  readonly outputName?: string | undefined;
  readonly feed?: readonly string[];
}

/** With its preprocessing. */
export interface ModelGiven extends GraphGiven {
  readonly mean?: number[] | undefined;
  readonly std?: number[] | undefined;
  readonly shape?: number[] | undefined;
  readonly device: Device;
}

export interface SubjectGiven extends ModelGiven, Omit<EndpointGiven, keyof ModelGiven> {}

/** A model that is asked in this thread. */
export type OpenedModel = Model & { release(): Promise<void> };

/** What commands work on: a model and data that fit each other. */
export interface OpenedSubject {
  /** The model as threads and gradients need it; null for one behind an address. */
  readonly file: ClassifierFile | null;
  readonly data: Dataset;
  /** What reports say of it. */
  readonly describe: Subject;
  /** The model in this thread, compiled when it is first asked. */
  readonly here: OpenedModel;
  /** What stands in front of the model, where something does. */
  readonly normalization: Normalization | undefined;
}

/** Opens the model, then the data in the model's shape. @throws whatever is wrong with either, or with the pair */
export async function openSubject(given: SubjectGiven): Promise<OpenedSubject> {
  if (isAddress(given.model)) {
    const { openEndpointSubject } = await import("./open-endpoint.ts");
    const { model, ...rest } = await openEndpointSubject(given);
    requireClasses(rest.data, model);
    return { ...rest, file: null, here: { ...model, release: async () => undefined }, normalization: undefined };
  }
  const { header = [], timeout, retries } = given;
  if (header.length > 0 || timeout !== undefined || retries !== undefined)
    throw new PerturbError(
      "usage",
      "--header, --timeout and --retries are for a model behind an address, --model http://…, and this one is a file.",
    );
  const [opened, { openDataset }, { nodeRuntime }, { openClassifier }, { subjectOf }] = await Promise.all([
    openGraph(given.model, given),
    import("../datasets/locate.node.ts"),
    import("../runtime/ort.node.ts"),
    import("../models/classifier/graph-model.ts"),
    import("../evaluate/course/local.ts"),
  ]);
  const shape = given.shape ?? opened.shape ?? undefined;
  const data = await openDataset(given.data, {
    ...(given.labels && { labels: given.labels }),
    ...(shape && { shape }),
  });
  const model = await openModelFile(opened, data.shape, given);
  requireClasses(data, model);
  const here = openClassifier(model, nodeRuntime(given.device));
  return { file: model, data, describe: await subjectOf(here), here, normalization: normalizationOf(given) };
}

/** @throws mismatch for data with more classes than the model */
function requireClasses(data: Dataset, { name, classes }: Pick<Model, "name" | "classes">): void {
  if (data.classes > classes)
    throw new PerturbError(
      "mismatch",
      `${data.name} has ${data.classes} classes and ${name} only ${classes}. Check that data and model belong together.`,
    );
}

/** Reads a model's graph by path or bundled name. @throws usage for an architecture, input or output that is not known */
export async function openGraph(
  nameOrPath: string,
  { arch, inputName, outputName, feed = [] }: GraphGiven,
): Promise<OpenedGraph> {
  const { openModelGraph } = await import("../models/open.node.ts");
  return openModelGraph(nameOrPath, {
    arch: arch === undefined ? undefined : await architectureNamed(arch),
    input: inputName,
    output: outputName,
    feeds: new Map(await Promise.all(feed.map(readFeed))),
  });
}

/** The array of NAME=FILE.npy. */
async function readFeed(text: string): Promise<[string, Tensor]> {
  const at = text.indexOf("=");
  if (at <= 0)
    throw new PerturbError("usage", `--feed takes NAME=FILE.npy, the name of an input and its values; got "${text}".`);
  const [{ fileSource }, { readNpy }] = await Promise.all([
    import("../datasets/files.node.ts"),
    import("../datasets/npy.ts"),
  ]);
  const file = await fileSource(text.slice(at + 1));
  return [text.slice(0, at), readNpy(await file.read(0, file.size), file.name)];
}

/** The classifier in a graph, for samples of this shape, with --mean and --std in front. */
export async function openModelFile(
  opened: OpenedGraph,
  shape: readonly number[],
  given: ModelGiven,
): Promise<ClassifierFile> {
  const [{ modelFrom, settle }, { nodeRuntime }] = await Promise.all([
    import("../models/open.ts"),
    import("../runtime/ort.node.ts"),
  ]);
  const normalization = normalizationOf(given);
  return settle(modelFrom(opened, { shape, ...(normalization && { normalization }) }), nodeRuntime(given.device, 1));
}

/** --arch as it concerns one of several models: it is for weights without a graph. */
export async function archFor(name: string, arch: string | undefined): Promise<string | undefined> {
  const { isBundled } = await import("../models/bundled.ts");
  const isGraph = isAddress(name) || isBundled(name) || /\.onnx$/i.test(name);
  return isGraph ? undefined : arch;
}

/** The model of --surrogate, for samples of this shape; it takes --mean and --std as the model does. */
export async function openSurrogate(
  given: ModelGiven & { readonly surrogate?: string | undefined },
  shape: readonly number[],
): Promise<GraphModel | undefined> {
  if (given.surrogate === undefined) return undefined;
  const [{ openClassifier }, { nodeRuntime }] = await Promise.all([
    import("../models/classifier/graph-model.ts"),
    import("../runtime/ort.node.ts"),
  ]);
  const opened = await openGraph(given.surrogate, { arch: await archFor(given.surrogate, given.arch) });
  return openClassifier(await openModelFile(opened, shape, given), nodeRuntime(given.device, 1));
}

async function architectureNamed(name: string): Promise<ArchitectureName> {
  const { architectures } = await import("../architectures/index.ts");
  if (Object.hasOwn(architectures, name)) return name as ArchitectureName;
  const known = Object.keys(architectures);
  throw new PerturbError(
    "usage",
    `There is no architecture named "${name}". Known to --arch: ${known.join(", ")}.${didYouMean(name, known)}`,
  );
}
