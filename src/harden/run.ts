import { checkSignal, PerturbError } from "../errors.ts";
import type { HardenEpoch, HardenState } from "../harden.ts";
import type { DataFiles } from "../models/formats/data-files.ts";
import { withValues } from "../models/parameters/write.ts";
import { dataWithValues } from "../models/parameters/write-data.ts";
import { readOnnx, writeOnnx } from "../onnx/file.ts";
import { option } from "../option.ts";
import type { Program } from "../runtime.ts";
import { updateGraph } from "../train/graphs.ts";
import { shuffledOrder } from "../train/samples.ts";
import { addScores, NOTHING } from "../train/score.ts";
import { updated } from "../train/update.ts";
import { augmented } from "./augment.ts";
import { averaged, weightsOf, withAverage } from "./average.ts";
import { checkVectors } from "./checkpoint.ts";
import { certifiedGraph, stepGraph } from "./graphs.ts";
import { bestOf, isBetter, isOverfitted, validate } from "./guard.ts";
import { feedsOf, initialVectors, type Network, newValues, openNetwork } from "./network.ts";
import { checkHardening, type Hardening } from "./options.ts";
import { openPart, type Part } from "./part.ts";
import { openRecalibration, type Recalibration, refuseWithoutStatistics } from "./recalibrate.ts";
import { openSamples, type Split, split, type TakeSamples } from "./split.ts";
import { gradientOf } from "./step.ts";

/** What a training gave. */
export interface Hardened {
  /** The ONNX file with the weights of the best epoch by accuracy under PGD-10; every other byte is that of the file that was given. */
  readonly model: Uint8Array;
  /** The files beside it that hold weights, alike. */
  readonly files: DataFiles;
  /** The same with the weights of the last epoch. */
  readonly last: Uint8Array;
  readonly lastFiles: DataFiles;
  readonly state: HardenState;
  readonly network: Network;
}

/** Milliseconds between two saves: what a kill may cost. */
const PAUSE = 20_000;

interface Session {
  readonly options: Hardening;
  readonly network: Network;
  readonly parts: readonly Part[];
  readonly update: Program;
  readonly recalibration: Recalibration | undefined;
  readonly split: Split;
  readonly take: TakeSamples;
  readonly stepsPerEpoch: number;
  /** The indices of the samples of an epoch, in its order. */
  readonly orderOf: (epoch: number) => Int32Array;
}

/**
 * Trains the network of an ONNX file to withstand attacks inside ε. Everything that can be refused is, before the first step. The same
 * options give the same bytes on the same build of the runtime, also when the training was stopped and resumed.
 * @throws usage, unsupported, mismatch; runtime when the loss is no number any more, after the last good state was saved; cancelled
 */
export async function runHardening(options: Hardening): Promise<Hardened> {
  const network = checkedNetwork(options);
  const session = await openSession(options, network);
  try {
    const state = await run(session, options.resume ?? (await begun(session)));
    const [model, files] = written(options, network, state.best.vectors);
    const [last, lastFiles] = written(options, network, state.vectors);
    return { model, files, last, lastFiles, state, network };
  } finally {
    for (const part of session.parts) await part.release();
    await session.update.release();
    await session.recalibration?.release();
  }
}

/** The model's file with these weights, and the files beside it. */
function written(
  { bytes, files = new Map(), file: { name } }: Hardening,
  network: Network,
  vectors: HardenState["vectors"],
) {
  const values = newValues(network, vectors);
  return [withValues(bytes, values, name), dataWithValues(readOnnx(bytes, name), files, values, name)] as const;
}

/** The network of a hardening, where nothing is in its way. @throws usage, unsupported, mismatch */
export function checkedNetwork(options: Hardening): Network {
  checkHardening(options);
  const { method, options: given } = options.method;
  const start = { progress: 0, epsilon: options.epsilon };
  method.scalars?.(start, given as never);
  method.epsilon?.(start, given as never);
  method.noise?.(given as never);
  const network = openNetwork(options.file, options.bytes, options);
  if (options.resume) checkVectors(options.resume, vectorsOf(options, network));
  if (options.batchNorm === "recalibrate") refuseWithoutStatistics(network);
  // Operators without a gradient, or without bounds, are told by the graphs.
  stepGraph(network, options.method);
  if (method.certifies) certifiedGraph(network, method.certifies);
  return network;
}

async function openSession(options: Hardening, network: Network): Promise<Session> {
  const { runtimes, method, optimizer, data, batch, signal } = options;
  const parts: Part[] = [];
  for (const runtime of runtimes) parts.push(await openPart(network, method, runtime));
  const update = await runtimes[0].load(writeOnnx(updateGraph(network.shapes, optimizer)));
  const samples = split(data, options);
  const take = await openSamples(data, signal);
  const stepsPerEpoch = Math.ceil(samples.training.length / batch);
  const { training } = samples;
  const recalibration = network.statistics
    ? await openRecalibration(network, options, samples, take, runtimes[0])
    : undefined;
  let known = { epoch: -1, order: training };
  const orderOf = (epoch: number): Int32Array => {
    if (known.epoch !== epoch) {
      const order = shuffledOrder(training.length, options.seed, epoch).map((place) => training[place]!);
      known = { epoch, order };
    }
    return known.order;
  };
  return { options, network, parts, update, recalibration, split: samples, take, stepsPerEpoch, orderOf };
}

/** Before the first step. */
function vectorsOf({ optimizer, ema = 0 }: Hardening, network: Network): HardenState["vectors"] {
  const zeros = optimizer.state.map((name) => [name, new Float32Array(network.initial.length)] as const);
  return withAverage({ ...initialVectors(network), ...Object.fromEntries(zeros) }, ema);
}

async function startOf(session: Session): Promise<HardenState> {
  const vectors = vectorsOf(session.options, session.network);
  const validation = await validated(session, vectors);
  return {
    step: 0,
    vectors,
    score: NOTHING,
    history: [{ epoch: 0, training: null, validation }],
    best: { epoch: 0, vectors },
  };
}

/** The start, saved where steps follow: it tells how good the network is as it was given. */
async function begun(session: Session): Promise<HardenState> {
  const start = await startOf(session);
  if (session.options.epochs > 0) await session.options.save?.(start);
  return start;
}

function validated({ options, network, parts, take, split: { validation } }: Session, vectors: HardenState["vectors"]) {
  return validate(parts, feedsOf(network, vectors), options, take, validation);
}

async function run(session: Session, start: HardenState): Promise<HardenState> {
  const { options, stepsPerEpoch } = session;
  const { epochs, signal, save } = options;
  let state = start;
  let saved = performance.now();
  while (state.step < epochs * stepsPerEpoch) {
    if (signal?.aborted) await save?.(state);
    checkSignal(signal);
    state = await nextStep(session, state);
    report(session, state);
    const isEnd = state.step % stepsPerEpoch === 0;
    if (isEnd) state = await endEpoch(session, state);
    if (!isEnd && performance.now() - saved < PAUSE) continue;
    await save?.(state);
    saved = performance.now();
  }
  return state;
}

async function nextStep(session: Session, state: HardenState): Promise<HardenState> {
  const { options, network, parts, update, take, stepsPerEpoch, orderOf } = session;
  const { batch, optimizer, rate, schedule, epochs, save, seed, ema = 0, augment, file } = options;
  const epoch = Math.floor(state.step / stepsPerEpoch);
  const at = (state.step % stepsPerEpoch) * batch;
  const read = await take(orderOf(epoch).subarray(at, at + batch));
  const samples = augment ? augmented(read, augment, { seed, epoch, bounds: file.bounds }) : read;
  const progress = state.step / (epochs * stepsPerEpoch);
  const { gradient, score } = await gradientOf(options, network, parts, state, samples, { epoch, progress });
  const sum = addScores(state.score, score);
  if (!Number.isFinite(sum.loss) || !gradient.every(Number.isFinite)) {
    await save?.(state);
    throw diverged(state, options);
  }
  const step = state.step + 1;
  const when = { step, rate: rate * schedule(progress) };
  const known = new Set(["parameters", ...optimizer.state]);
  const own = Object.fromEntries(Object.entries(state.vectors).filter(([name]) => known.has(name)));
  const next = await updated(update, optimizer, own, gradient, when);
  return { ...state, step, vectors: averaged(state.vectors, next, ema, step), score: sum };
}

async function endEpoch(session: Session, learned: HardenState): Promise<HardenState> {
  const statistics = await session.recalibration?.of(weightsOf(learned.vectors));
  const state = statistics ? { ...learned, vectors: { ...learned.vectors, statistics } } : learned;
  const validation = await validated(session, state.vectors);
  const { loss, correct, total } = state.score;
  const training = { loss: loss / total, correct, total };
  const epoch: HardenEpoch = { epoch: state.step / session.stepsPerEpoch, training, validation };
  const best = bestOf(state.history);
  const { attack, noise } = session.options.method.method;
  const trainsAgainst = attack !== undefined && noise === undefined;
  if (trainsAgainst && isOverfitted(validation, best.validation))
    return {
      ...state,
      vectors: state.best.vectors,
      score: NOTHING,
      history: [...state.history, { ...epoch, rolledBackTo: state.best.epoch }],
    };
  const isBest = isBetter(validation, best.validation);
  return {
    ...state,
    score: NOTHING,
    history: [...state.history, epoch],
    best: isBest ? { epoch: epoch.epoch, vectors: state.vectors } : state.best,
  };
}

function report({ options, split: { training }, stepsPerEpoch }: Session, { step, score, history }: HardenState): void {
  const epoch = Math.ceil(step / stepsPerEpoch);
  const before = (epoch - 1) * training.length;
  const done = before + Math.min(training.length, (step - (epoch - 1) * stepsPerEpoch) * options.batch);
  options.onProgress?.({
    epoch,
    epochs: options.epochs,
    done,
    total: options.epochs * training.length,
    score,
    history,
  });
}

const diverged = ({ step }: HardenState, { rate }: Hardening): PerturbError =>
  new PerturbError(
    "runtime",
    `The loss or its gradient is no number in step ${step + 1}, so the training stopped there; the state before it is kept. Most often the learning rate is too high: begin anew with a lower one (now ${option("rate", rate)}).`,
    { data: { step: step + 1, rate } },
  );
