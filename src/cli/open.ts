import type { ArchitectureName } from "../architectures/index.ts";
import type { Dataset } from "../dataset.ts";
import { PerturbError } from "../errors.ts";
import type { Subject } from "../evaluate/run.ts";
import type { ClassifierFile, GraphModel } from "../models/graph-model.ts";
import type { Normalization } from "../models/preprocess.ts";
import type { Device } from "../runtime.ts";
import { VERSION } from "./self.ts";

/** The options that name a model and its preprocessing. */
export interface ModelGiven {
  readonly model: string;
  readonly arch?: ArchitectureName | undefined;
  readonly mean?: number[] | undefined;
  readonly std?: number[] | undefined;
  readonly shape?: number[] | undefined;
  readonly device: Device;
}

export interface SubjectGiven extends ModelGiven {
  readonly data: string;
  readonly labels?: string | undefined;
}

/** What commands work on: a model and data that fit each other. */
export interface OpenedSubject {
  readonly model: ClassifierFile;
  readonly data: Dataset;
  /** What reports say of it. */
  readonly describe: Subject;
  /** The model in this thread. */
  open(): Promise<GraphModel>;
}

/** Opens the model, then the data in the model's shape. @throws whatever is wrong with either, or with the pair */
export async function openSubject(given: SubjectGiven): Promise<OpenedSubject> {
  const [{ openModelGraph, modelFrom }, { openDataset }, { nodeRuntime }, { openClassifier, revealHead }] = await Promise.all([
    import("../models/open.node.ts"),
    import("../datasets/locate.node.ts"),
    import("../runtime/ort.node.ts"),
    import("../models/graph-model.ts"),
  ]);
  const opened = await openModelGraph(given.model, given.arch);
  const shape = given.shape ?? opened.shape ?? undefined;
  const data = await openDataset(given.data, { ...(given.labels && { labels: given.labels }), ...(shape && { shape }) });
  const normalization = normalizationOf(given);
  const described = modelFrom(opened, { shape: data.shape, ...(normalization && { normalization }) });
  const runtime = nodeRuntime(given.device);
  const model = await revealHead(described, nodeRuntime(given.device, 1));
  if (data.classes > model.classes)
    throw new PerturbError("mismatch", `${data.name} has ${data.classes} classes and ${model.name} only ${model.classes}. Check that data and model belong together.`);
  const { name, inputShape, classes, head, parameters, bounds } = model;
  return {
    model,
    data,
    describe: {
      model: { name, sha256: opened.sha256, inputShape, classes, head, parameters, bounds },
      runtime: { name: runtime.name, device: runtime.device },
      version: VERSION,
    },
    open: async () => openClassifier(model, runtime),
  };
}

/** --mean and --std, either of which may be left out. */
export function normalizationOf({ mean, std }: Pick<ModelGiven, "mean" | "std">): Normalization | undefined {
  return mean || std ? { mean: mean ?? [0], std: std ?? [1] } : undefined;
}
