import { lower } from "../autodiff/lower.ts";
import { PerturbError } from "../errors.ts";
import type { HardenState } from "../harden.ts";
import type { ClassifierFile } from "../models/classifier/classifier.ts";
import { withData } from "../models/formats/data-files.ts";
import { withConstants } from "../models/parameters/constants.ts";
import { type Parameter, refuseQuantized, storedParameters } from "../models/parameters/find.ts";
import { type Chosen, chosenParameters } from "../models/parameters/names.ts";
import { storedStatistics } from "../models/parameters/statistics.ts";
import { type NewValues, refuseUnwritable } from "../models/parameters/write.ts";
import { refuseShared } from "../models/parameters/write-data.ts";
import { readOnnx } from "../onnx/file.ts";
import { inlineFunctions } from "../onnx/functions.ts";
import type { Graph } from "../onnx/graph.ts";
import { Ops } from "../onnx/ops.ts";
import { inFloat32 } from "../onnx/precision.ts";
import { readTensor } from "../onnx/tensor-proto.ts";
import { upgrade } from "../onnx/upgrade.ts";
import { type FloatTensor, toFloat32 } from "../tensor.ts";
import { parameterViews, type Shapes, vectorSize } from "../train/vector.ts";
import { weightsOf } from "./average.ts";
import type { Hardening } from "./options.ts";

/** A classifier whose parameters are inputs of its graph. */
export interface Network {
  readonly file: ClassifierFile;
  readonly parameters: readonly Parameter[];
  /** What could be trained and is not, because the file holds it inside of a function. */
  readonly others: readonly string[];
  /** In the order of `parameters`, by the names that the graph has for them. */
  readonly shapes: Shapes;
  /** The parameters as the file has them, in one vector. */
  readonly initial: Float32Array;
  /** Those of each BatchNormalization, the mean before the variance, where they are recomputed. */
  readonly statistics: Statistics | null;
  /** Inputs: `x`, and each parameter and statistic by its name. Output: `logits`. In float32, in operators that have gradients. */
  readonly graph: Graph;
}

interface Statistics {
  readonly parameters: readonly Parameter[];
  readonly shapes: Shapes;
  readonly initial: Float32Array;
}

/**
 * The network in a classifier, ready to be trained.
 * @param bytes the ONNX file that it was made from
 * @param chosen what is trained, and the files beside the model, where these hold weights
 * @throws usage where nothing is left to be trained; unsupported for quantised networks, and classifiers that take more than samples
 */
export function openNetwork(
  file: ClassifierFile,
  bytes: Uint8Array,
  { files = new Map(), ...chosen }: Chosen & Pick<Hardening, "batchNorm" | "files">,
): Network {
  refuseUnfit(file);
  const outside = readOnnx(bytes, file.name);
  const stored = withData(outside, files, file.name);
  refuseQuantized(inlineFunctions(stored), file.name);
  const classifier = withConstants(withData(readOnnx(file.onnx, file.name), files, file.name));
  const { found, others } = storedParameters(classifier, stored);
  const parameters = chosenParameters(
    found.map(({ parameter }) => parameter),
    chosen,
    file.name,
  );
  const norms = chosen.batchNorm === "recalibrate" ? storedStatistics(classifier, stored) : [];
  const moments = norms.flatMap(({ mean, variance }) => [mean, variance]);
  refuseShared(outside, [...parameters, ...moments], file.name);
  refuseUnwritable(bytes, [...parameters, ...moments], file.name);
  const calledIn = new Map(found.map(({ parameter, value }) => [parameter.name, value]));
  const { initializers } = withConstants(stored);
  const learned = vectorOf(parameters, ({ name }) => calledIn.get(name)!, initializers);
  const { shapes, initial } = learned;
  const values = new Map(
    norms.flatMap(({ mean, variance, values: own }) => [[mean, own.mean] as const, [variance, own.variance] as const]),
  );
  const statistics =
    norms.length > 0 ? { parameters: moments, ...vectorOf(moments, (one) => values.get(one)!, initializers) } : null;
  const names = [shapes, ...(statistics ? [statistics.shapes] : [])].flatMap(({ parameters: of }) => Object.keys(of));
  const b = new Ops(lower(upgrade(inFloat32(classifier, ["float16"])), ["x", ...names]));
  for (const name of names) b.promote(name);
  return { file, parameters, others, shapes, initial, statistics, graph: b.finish(["logits"]) };
}

/** Tensors of a file in one vector, by what the network calls them. */
function vectorOf(
  parameters: readonly Parameter[],
  calledIn: (parameter: Parameter) => string,
  initializers: Graph["initializers"],
): { readonly shapes: Shapes; readonly initial: Float32Array } {
  const shapes: Shapes = { parameters: Object.fromEntries(parameters.map((one) => [calledIn(one), one.dims])) };
  const initial = new Float32Array(vectorSize(shapes));
  const views = Object.values(parameterViews(shapes, initial));
  for (const [i, { name }] of parameters.entries())
    views[i]!.data.set(toFloat32(readTensor(initializers.get(name)!)).data);
  return { shapes, initial };
}

/** The vectors before the first step. */
export const initialVectors = ({ initial, statistics }: Network): HardenState["vectors"] => ({
  parameters: initial,
  ...(statistics && { statistics: statistics.initial }),
});

/** The inputs of the network's graph beside `x`: weights, and the statistics of its vectors. */
export const feedsOf = (
  { shapes, statistics }: Pick<Network, "shapes" | "statistics">,
  vectors: HardenState["vectors"],
  weights = weightsOf(vectors),
): Record<string, FloatTensor> => ({
  ...parameterViews(shapes, weights),
  ...(statistics && parameterViews(statistics.shapes, vectors["statistics"]!)),
});

/** What vectors have for the file that the network came from. */
export function newValues(network: Network, vectors: HardenState["vectors"]): NewValues[] {
  const [before, after] = [initialVectors(network), vectors].map((of) => Object.values(feedsOf(network, of)));
  const parameters = [...network.parameters, ...(network.statistics?.parameters ?? [])];
  return parameters.map((parameter, i) => ({ parameter, before: before![i]!.data, after: after![i]!.data }));
}

/** @throws unsupported */
function refuseUnfit({ name, rows, head, elements, picture, batch }: ClassifierFile): void {
  const why =
    head === "multi-label"
      ? "it has several labels for a sample, and methods train on one class each"
      : rows
        ? `it takes more than samples: ${rows.map((row) => `"${row.name}"`).join(", ")}`
        : elements
          ? "its input has bounds of its own for each feature"
          : picture
            ? "pictures at their own size are perturbed"
            : batch !== null
              ? "an If on the values of samples takes one way for a whole batch"
              : undefined;
  if (why === undefined) return;
  throw new PerturbError("unsupported", `${name} cannot be hardened yet: ${why}.`);
}
