import { checkSignal } from "../errors.ts";
import type { FloatTensor } from "../tensor.ts";
import type { EpochRecord, Score, TrainOptions, TrainState } from "../train.ts";
import { initializers } from "./initializers.ts";
import { addScores, NOTHING, scoreOf } from "./score.ts";
import { closeSession, openSession, type Session } from "./session.ts";
import { gradientOf, prepare, update } from "./step.ts";
import { initialVector, parameterViews } from "./vector.ts";

const VALIDATION_BATCH = 250;

/**
 * Trains a network from fresh weights, or on from `resume`, and gives the state after the last epoch: its parameters are
 * those of that epoch, not the best ones in between, so that the validation score stays an honest estimate.
 * The same options give the same state to the last bit, on the same build of the runtime, also when the training was
 * stopped and resumed.
 * @throws usage, mismatch (data and architecture); runtime when the loss is no number any more; cancelled
 */
export async function train(options: TrainOptions): Promise<TrainState> {
  const session = await openSession(options);
  try {
    return await run(session, options.resume ?? startOf(options));
  } finally {
    await closeSession(session);
  }
}

/** The network's parameters at a state, by name. */
export const weightsOf = (
  { architecture }: Pick<TrainOptions, "architecture">,
  state: TrainState,
): ReadonlyMap<string, FloatTensor> =>
  new Map(Object.entries(parameterViews(architecture, state.vectors["parameters"]!)));

function startOf({ architecture, optimizer, seed, initializer = initializers.torch }: TrainOptions): TrainState {
  const parameters = initialVector(architecture, seed, initializer);
  const zeros = Object.fromEntries(optimizer.state.map((name) => [name, new Float32Array(parameters.length)]));
  return { step: 0, vectors: { parameters, ...zeros }, score: NOTHING, history: [] };
}

async function run(session: Session, start: TrainState): Promise<TrainState> {
  const { options, stepsPerEpoch } = session;
  const { epochs, signal, save } = options;
  const steps = epochs * stepsPerEpoch;
  let state = start;
  let batch = state.step < steps ? prepare(session, state.step) : undefined;
  while (batch !== undefined) {
    if (signal?.aborted) await save?.(state);
    checkSignal(signal);
    const pending = gradientOf(session, state, batch);
    // Where graphs run in other threads, the next batch is made meanwhile.
    batch = state.step + 1 < steps ? prepare(session, state.step + 1) : undefined;
    state = await update(session, state, await pending);
    report(session, state);
    if (state.step % stepsPerEpoch > 0) continue;
    state = await endEpoch(session, state);
    await save?.(state);
  }
  return state;
}

function report({ options, samples, stepsPerEpoch }: Session, { step, score, history }: TrainState): void {
  const { epochs, onProgress } = options;
  const epoch = Math.ceil(step / stepsPerEpoch);
  onProgress?.({
    epoch,
    epochs,
    done: (epoch - 1) * samples.size + score.total,
    total: epochs * samples.size,
    score,
    history,
  });
}

async function endEpoch(session: Session, state: TrainState): Promise<TrainState> {
  const record: EpochRecord = {
    epoch: state.history.length + 1,
    training: state.score,
    validation: await validate(session, state),
  };
  return { ...state, score: NOTHING, history: [...state.history, record] };
}

async function validate({ options, samples, score }: Session, { vectors }: TrainState): Promise<Score | null> {
  const { architecture, data, validation } = options;
  if (validation === 0) return null;
  const parameters = parameterViews(architecture, vectors["parameters"]!);
  let sum = NOTHING;
  for await (const { x, labels } of data.batches({
    batch: VALIDATION_BATCH,
    offset: samples.size,
    limit: validation,
  })) {
    const feeds = {
      x,
      labels: { type: "int64", dims: [labels.length], data: BigInt64Array.from(labels, BigInt) },
    } as const;
    sum = addScores(sum, scoreOf(await score.run({ ...feeds, ...parameters }), feeds));
  }
  return sum;
}
