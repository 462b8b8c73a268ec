import type { ArchitectureName } from "../../architectures/index.ts";
import type { Reading } from "../../autodiff/reading.ts";
import { didYouMean, PerturbError } from "../../errors.ts";
import { fittingShape } from "../../layout.ts";
import type { EpsilonUnit } from "../../models/classifier/bounds.ts";
import type { ClassifierFile } from "../../models/classifier/classifier.ts";
import type { GraphModel } from "../../models/classifier/graph-model.ts";
import { normalizationOf } from "../../models/classifier/normalization.ts";
import type { Perturbed } from "../../models/classifier/picture.ts";
import type { OpenedGraph } from "../../models/open.ts";
import type { Dim } from "../../onnx/graph.ts";
import type { Device } from "../../runtime.ts";
import type { FloatTensor, Tensor } from "../../tensor.ts";
import { isAddress } from "./address.ts";
import type { PreprocessingGiven } from "./preprocessing.ts";

/** The options that name a model's graph. */
export interface GraphGiven {
  readonly arch?: string | undefined;
  readonly inputName?: string | undefined;
  readonly outputName?: string | undefined;
  readonly feed?: readonly string[];
  /** By default true. */
  readonly isolate?: boolean | undefined;
}

/** With its preprocessing, and how its output is read. */
export interface ModelGiven extends GraphGiven, PreprocessingGiven, Reading {
  readonly shape?: number[] | undefined;
  readonly bounds?: readonly [number, number] | string | undefined;
  readonly epsUnit?: EpsilonUnit | undefined;
  readonly straightThrough?: string[] | undefined;
  /** Of --head multi-label: the labels that count. */
  readonly flip?: readonly number[] | undefined;
  readonly perturb?: Perturbed | undefined;
  readonly device: Device;
}

/** The sizes of one sample that a graph fixes; null for each that it leaves open. */
export const openSizes = (dims: readonly Dim[] | null): readonly (number | null)[] | null =>
  dims?.slice(1).map((size) => (typeof size === "number" ? size : null)) ?? null;

/** Reads a model's graph by path or bundled name. @throws usage for an architecture, input or output that is not known */
export async function openGraph(
  nameOrPath: string,
  { arch, inputName, outputName, feed = [], isolate = true }: GraphGiven,
): Promise<OpenedGraph> {
  const { openModelGraph } = await import("../../models/open.node.ts");
  return openModelGraph(nameOrPath, {
    arch: arch === undefined ? undefined : await architectureNamed(arch),
    input: inputName,
    output: outputName,
    feeds: new Map(await Promise.all(feed.map(readFeed))),
    isolate,
  });
}

/** The array of NAME=FILE, .npy or .npz. */
export async function readFeed(text: string): Promise<[string, Tensor]> {
  const at = text.indexOf("=");
  if (at <= 0)
    throw new PerturbError("usage", `--feed takes NAME=FILE, the name of an input and its values; got "${text}".`);
  const [{ fileSource }, { readNpy }, { isZip }] = await Promise.all([
    import("../../datasets/files.node.ts"),
    import("../../datasets/npy.ts"),
    import("../../zip.ts"),
  ]);
  const [input, file] = [text.slice(0, at), await fileSource(text.slice(at + 1))];
  const bytes = await file.read(0, file.size);
  if (!isZip(bytes)) return [input, readNpy(bytes, file.name)];
  const [{ openNpzEntries }, { feedIn }] = await Promise.all([
    import("../../datasets/npz.ts"),
    import("../../datasets/written-examples.ts"),
  ]);
  return [input, feedIn(openNpzEntries(bytes, file.name), input, file.name)];
}

/**
 * The classifier in a graph, for samples of this shape, with --mean and --std in front, and with --perturb picture the rest too.
 * @throws device for one that computes it wrong
 */
export async function openModelFile(
  opened: OpenedGraph,
  shape: readonly number[],
  given: ModelGiven,
  labelSets?: FloatTensor,
): Promise<ClassifierFile> {
  if (given.flip !== undefined && given.head !== "multi-label")
    throw new PerturbError("usage", "--flip is for --head multi-label. Add it, or leave --flip out.");
  const [{ settledFrom }, { nodeRuntime }] = await Promise.all([
    import("../../models/open.ts"),
    import("../../runtime/ort.node.ts"),
  ]);
  const { preprocessingGiven } = await import("./preprocessing.ts");
  const preprocessing = await preprocessingGiven(given);
  const normalization = normalizationOf(preprocessing);
  const bounds =
    given.bounds === undefined ? undefined : await (await import("./bounds.ts")).boundsGiven(given.bounds, shape);
  const { head, pool, threshold, epsUnit: epsilonUnit, straightThrough, flip, perturb, device } = given;
  const options = {
    shape,
    head,
    pool,
    threshold,
    bounds,
    epsilonUnit,
    straightThrough,
    labelSets,
    flip,
    ...(perturb === "picture" && { perturb, preprocessing }),
  };
  const runtime = nodeRuntime(device, 1);
  const file = await settledFrom(opened, { ...options, ...(normalization && { normalization }) }, runtime);
  if (device === "cpu") return file;
  const { checkedOnDevice } = await import("../../models/device-check.ts");
  return checkedOnDevice(file, runtime, nodeRuntime("cpu", 1));
}

/** --arch as it concerns one of several models: it is for weights without a graph. */
export async function archFor(name: string, arch: string | undefined): Promise<string | undefined> {
  const { isBundled } = await import("../../models/bundled.ts");
  const isGraph = isAddress(name) || isBundled(name) || /\.onnx$/i.test(name);
  return isGraph ? undefined : arch;
}

/** The options that name a surrogate, and its preprocessing. */
export interface SurrogateGiven extends ModelGiven {
  readonly surrogate?: string | undefined;
  readonly surrogateMean?: number[] | undefined;
  readonly surrogateStd?: number[] | undefined;
}

/**
 * The model of --surrogate, for samples of this shape; it takes the preprocessing of the model, unless it has a mean and std of
 * its own, or a configuration beside it, and has its own head, or labels as the model has.
 */
export async function openSurrogate(
  given: SurrogateGiven,
  shape: readonly number[],
  labelSets?: FloatTensor,
  preprocess?: string,
): Promise<GraphModel | undefined> {
  if (given.surrogate === undefined) return undefined;
  const [{ openClassifier }, { nodeRuntime }, { inLayout }] = await Promise.all([
    import("../../models/classifier/graph-model.ts"),
    import("../../runtime/ort.node.ts"),
    import("../../models/classifier/other-layout.ts"),
  ]);
  const opened = await openGraph(given.surrogate, {
    arch: await archFor(given.surrogate, given.arch),
    isolate: given.isolate,
  });
  const { surrogateMean: mean, surrogateStd: std } = given;
  const hasOwn = mean !== undefined || std !== undefined;
  const { preprocessingGiven, ownConfiguration } = await import("./preprocessing.ts");
  const beside = hasOwn ? { notes: [] } : await ownConfiguration(given.surrogate, given);
  (await import("./say-notes.ts")).sayNotes(beside.notes);
  const followed = { ...given, preprocess: beside.path ?? preprocess ?? given.preprocess };
  // What is done to pictures is the same for both.
  const { resize, crop, cropRounding, interpolation, antialias } = await preprocessingGiven(followed);
  const own = {
    ...followed,
    ...(hasOwn && {
      mean,
      std,
      resize,
      crop,
      cropRounding,
      interpolation,
      antialias,
      preprocess: undefined,
      scale: undefined,
      channels: undefined,
    }),
    head: given.head === "multi-label" ? given.head : undefined,
    pool: undefined,
    threshold: undefined,
    straightThrough: undefined,
  };
  // Of the other layout, it is asked about the same samples.
  const sizes = given.perturb === "picture" ? null : openSizes(opened.graph.inputs[0]?.dims ?? null);
  const file = await openModelFile(opened, sizes ? fittingShape(shape, sizes) : shape, own, labelSets);
  return openClassifier(inLayout(file, shape), nodeRuntime(given.device, 1));
}

async function architectureNamed(name: string): Promise<ArchitectureName> {
  const { architectures } = await import("../../architectures/index.ts");
  if (Object.hasOwn(architectures, name)) return name as ArchitectureName;
  const known = Object.keys(architectures);
  throw new PerturbError(
    "usage",
    `There is no architecture named "${name}". Known to --arch: ${known.join(", ")}.${didYouMean(name, known)}`,
  );
}
