import { PerturbError } from "../errors.ts";
import type { Model } from "../model.ts";
import type { FloatTensor } from "../tensor.ts";
import { type ModelGiven, openGraph, openModelFile, readFeed } from "./opening/model.ts";
import type { OpenedSubject } from "./opening/opened.ts";
import { withOwnConfiguration } from "./opening/preprocessing.ts";
import { bringWeights } from "./weights.ts";

/** Samples on which the written graph is compared with what was measured. */
const TRIED = 16;
/** Beyond the rounding of float16, as a share of the largest logit. */
const TOLERANCE = 2e-3;

/** A model's file with a temperature in it. */
interface Tempered {
  readonly onnx: Uint8Array;
  /** Puts the files that hold its weights, where any do, into the folder of the result. */
  readonly bring: (folder: string) => Promise<void>;
}

/**
 * The file with one Div on its logits, which was run: the logits that a classifier reads in it are those of the model, divided.
 * @throws unsupported where they are not
 */
export async function temperedBytes(
  place: string,
  asked: ModelGiven,
  subject: OpenedSubject,
  temperature: number,
): Promise<Tempered> {
  const { given } = await withOwnConfiguration(place, asked);
  const [{ withTemperature }, { selectEndpoints }, { writeOnnx }, { openClassifier }, { nodeRuntime }] =
    await Promise.all([
      import("../models/temperature.ts"),
      import("../models/classifier/select.ts"),
      import("../onnx/file.ts"),
      import("../models/classifier/graph-model.ts"),
      import("../runtime/ort.node.ts"),
    ]);
  // It was tried when it was opened as the subject.
  const opened = await openGraph(place, { arch: given.arch, isolate: false });
  const graph = withTemperature(opened.graph, temperature, given.outputName);
  const feeds = new Map(await Promise.all((given.feed ?? []).map(readFeed)));
  const selected = selectEndpoints(graph, { input: given.inputName, output: given.outputName, feeds });
  const file = await openModelFile({ ...opened, graph: selected }, subject.data.shape, given);
  const made = openClassifier(file, nodeRuntime(given.device));
  try {
    for await (const { x, indices } of subject.data.batches({ batch: TRIED, limit: TRIED })) {
      const [before, after] = await Promise.all([subject.model, made].map((model) => fresh(model, x, indices)));
      requireDivided(before!, after!, temperature, place);
    }
  } finally {
    await made.release();
  }
  return {
    onnx: writeOnnx(graph),
    bring: async (folder) => {
      if (opened.folder !== undefined) await bringWeights(graph, opened.folder, folder, "the calibrated model");
    },
  };
}

/** Logits; of a model that draws at random, those of its first draws. */
async function fresh(model: Model, x: FloatTensor, samples: Int32Array): Promise<FloatTensor> {
  const { isGraphModel } = await import("../models/classifier/graph-model.ts");
  if (isGraphModel(model)) await model.draw?.(0, samples);
  return model.logits(x, samples);
}

/** @throws unsupported */
function requireDivided(before: FloatTensor, after: FloatTensor, temperature: number, name: string): void {
  const most = before.data.reduce((a, b) => Math.max(a, Math.abs(b)), 0) / temperature;
  const isDivided = after.data.every((z, i) => Math.abs(z - before.data[i]! / temperature) <= TOLERANCE * most);
  if (isDivided) return;
  throw new PerturbError(
    "unsupported",
    `${name} was written with a temperature, and its logits are not those of before, divided: the graph hides where they are made. Export the model with its logits as output.`,
  );
}
