import { PerturbError } from "../errors.ts";
import { writeOnnx } from "../onnx/file.ts";
import { option } from "../option.ts";
import type { Program } from "../runtime.ts";
import type { TrainOptions } from "../train.ts";
import { gradientGraph, scoreGraph, updateGraph } from "./graphs.ts";
import { loadSamples, type Samples } from "./samples.ts";

/** What does not change during a training. */
export interface Session {
  readonly options: TrainOptions;
  readonly samples: Samples;
  readonly stepsPerEpoch: number;
  readonly gradients: readonly Program[];
  readonly update: Program;
  readonly score: Program;
}

/** Reads the samples and compiles the graphs. @throws usage, mismatch */
export async function openSession(options: TrainOptions): Promise<Session> {
  const { architecture, data, batch, runtimes, optimizer } = options;
  const size = trainingSize(options);
  const samples = await loadSamples(data, { size, signal: options.signal });
  const gradient = writeOnnx(gradientGraph(architecture));
  const gradients = await Promise.all(runtimes.map((runtime) => runtime.load(gradient)));
  const update = await runtimes[0].load(writeOnnx(updateGraph(architecture, optimizer)));
  const score = await runtimes[0].load(writeOnnx(scoreGraph(architecture)));
  return { options, samples, stepsPerEpoch: Math.ceil(size / batch), gradients, update, score };
}

/** How many samples are learned from. @throws usage, mismatch */
function trainingSize({ architecture, data, limit, validation }: TrainOptions): number {
  if (String(data.shape) !== String(architecture.inputShape) || data.classes > architecture.classes)
    throw new PerturbError(
      "mismatch",
      `${architecture.name} takes samples of shape [${architecture.inputShape}] in ${architecture.classes} classes; ${data.name} has [${data.shape}] in ${data.classes}. Choose data that fit.`,
      {
        data: { dataset: data.name, shape: data.shape, classes: data.classes },
      },
    );
  const size = usedSize({ data, limit });
  if (validation < size) return size - validation;
  throw new PerturbError(
    "usage",
    `${validation} samples for validation leave none of ${size} to learn from. Use fewer (${option("validation")}).`,
    { data: { validation, size } },
  );
}

const usedSize = ({ data, limit = data.size }: Pick<TrainOptions, "data" | "limit">): number =>
  Math.min(data.size, limit);

export async function closeSession({ gradients, update, score }: Session): Promise<void> {
  await Promise.all([...gradients, update, score].map((program) => program.release()));
}
