import { type Dataset, withShape } from "../../../src/dataset.ts";
import { PerturbError } from "../../../src/errors.ts";
import { goalOf } from "../../../src/evaluate/course/batch.ts";
import { linearView } from "../../../src/evaluate/linear/along.ts";
import type { EvaluationResult } from "../../../src/evaluate.ts";
import { norms } from "../../../src/norm.ts";
import { product, sampleSize } from "../../../src/tensor.ts";
import { VERSION } from "../../../src/version.ts";
import { type AttackRequest, type Engine, failureOf, type ModelId } from "../engine.ts";
import { answerOf, batchOf } from "./answer.ts";
import { attackInfos } from "./attack-info.ts";
import { openBundled } from "./bundled.ts";
import { dataInfoOf, openMnist } from "./data.ts";
import { type Gate, gate } from "./gate.ts";
import { latest } from "./latest.ts";
import { attackOne } from "./one.ts";
import type { OpenedModel } from "./opened.ts";
import { proofs } from "./proofs.ts";

/** The engine, in the thread that it is made in. */
export function createEngine(): Engine {
  const models = new Map<ModelId, OpenedModel>();
  const results = new Map<ModelId, EvaluationResult>();
  let data: Dataset | undefined;
  let running: { stop: AbortController; gate: Gate; ended: Promise<void> } | undefined;

  const opened = (id: ModelId): OpenedModel => {
    const found = models.get(id);
    if (!found) throw new PerturbError("not-found", "The model is not open any more. Choose it again under Model.");
    return found;
  };
  const modelOf = (id: ModelId) => opened(id).model;
  const surrogateOf = (id: ModelId | null) => (id === null ? undefined : modelOf(id));
  const keep = (made: OpenedModel) => {
    models.set(made.info.id, made);
    return made.info;
  };
  const fitting = (id: ModelId): Dataset => {
    if (!data) throw new PerturbError("not-found", "No data are open. Open a .npz file, or go back to MNIST.");
    return withShape(data, modelOf(id).inputShape);
  };
  /** The same; of several models it says which one does not fit. */
  const fittingAmong = (id: ModelId, { length }: readonly ModelId[]): Dataset => {
    try {
      return fitting(id);
    } catch (error) {
      if (length === 1 || !(error instanceof PerturbError)) throw error;
      throw new PerturbError(error.code, `${modelOf(id).name}: ${error.message}`, { cause: error });
    }
  };
  /** Whether the data have the model's size: a picture of one's own needs none. */
  const fits = (id: ModelId): boolean => data !== undefined && product(data.shape) === product(modelOf(id).inputShape);
  const attacking = latest();
  const looking = latest();
  const proving = latest();
  const hardening = latest();
  const prover = proofs();

  const attackBy = (request: AttackRequest, signal: AbortSignal, progress?: (queries: number) => void) =>
    attackOne(modelOf(request.model), request, {
      surrogate: surrogateOf(request.surrogate),
      data: fits(request.model) ? fitting(request.model) : undefined,
      signal,
      progress,
    });

  const engine: Engine = {
    environment: async () => ({
      isolated: globalThis.crossOriginIsolated,
      cores: navigator.hardwareConcurrency,
      webgpu: (await adapter()) !== null,
      version: VERSION,
    }),
    attacks: async () => attackInfos(),
    openBundled: async (name, device) => keep(await openBundled(name, device)),
    async openFile(file, options, device) {
      const { openModelFile } = await import("./models.ts");
      return keep(await openModelFile(file, options, device, data?.shape ?? null));
    },
    async closeModel(id) {
      // What is released while a graph of it runs would be loaded again, and never released.
      await Promise.all([attacking.leave(id), looking.leave(id), proving.leave(id)]);
      prover.leave(models.get(id));
      // A run keeps the models that it began with.
      await running?.ended;
      const model = models.get(id);
      models.delete(id);
      await model?.model.release();
    },
    async openMnist() {
      data = await openMnist();
      return dataInfoOf(data);
    },
    async openDataFile(file) {
      const { openNpzFile } = await import("./own-data.ts");
      data = await openNpzFile(file);
      return dataInfoOf(data);
    },
    async samples(id, from, count) {
      const samples = [];
      for await (const { x, labels, indices } of fitting(id).batches({ batch: count, offset: from, limit: count })) {
        const size = sampleSize(x);
        for (const [i, label] of labels.entries())
          samples.push({ index: indices[i]!, label, x: x.data.slice(i * size, (i + 1) * size) });
      }
      return samples;
    },
    async decodePicture(id, picture, invert) {
      const { decodePicture } = await import("./picture.ts");
      return decodePicture(modelOf(id), picture, invert);
    },
    ask: async (id, x) => answerOf(await modelOf(id).logits(batchOf(modelOf(id), x))),
    attack: (request, progress) =>
      attacking.run([request.model, request.surrogate], async (signal) => attackBy(request, signal, progress)),
    search: ({ attack, span, to, step }, hear) =>
      attacking.run([attack.model, attack.surrogate], async (signal) => {
        const { leastFooling } = await import("./search.ts");
        return leastFooling((epsilon) => attackBy({ ...attack, epsilon }, signal), {
          span,
          to,
          step,
          norm: attack.norm,
          hear,
        });
      }),
    prove: (request, hear) =>
      proving.run([request.model], async (signal) => prover.prove(opened(request.model), request, hear, signal)),
    stopProving: async () => proving.stop(),
    harden: (request, hear) =>
      hardening.run([request.model], async (signal) => {
        const { hardenModel } = await import("./hardening.ts");
        return hardenModel(opened(request.model), fitting(request.model), request, signal, hear);
      }),
    stopHardening: async () => hardening.stop(),
    linear: ({ model: id, x, label, target, norm, epsilon, seed, index }) =>
      looking.run([id], async (signal) => {
        const model = modelOf(id);
        const goal = goalOf(Int32Array.of(label), target);
        return linearView(model, batchOf(model, x), goal, norms[norm], epsilon, { seed, index, signal });
      }),
    async attackFile(format, request, outcome, classNames) {
      const { attackFile } = await import("./files.ts");
      return attackFile(format, { model: modelOf(request.model), request, outcome, classNames });
    },
    async run(request, hear) {
      running?.stop.abort();
      let end = (): void => undefined;
      const ended = new Promise<void>((resolve) => {
        end = resolve;
      });
      const mine = { stop: new AbortController(), gate: gate(), ended };
      running = mine;
      results.clear();
      const done = [];
      try {
        // Taken before anything is waited for: other data may be opened meanwhile.
        const wanted = request.models.map((id) => ({
          id,
          chosen: opened(id),
          samples: fittingAmong(id, request.models),
        }));
        const { evaluateModel, shown } = await import("./experiment.ts");
        for (const { id, chosen, samples } of wanted) {
          const { result, stopped } = await evaluateModel(chosen, samples, request, {
            surrogate: surrogateOf(request.setting.surrogate),
            gate: mine.gate,
            signal: mine.stop.signal,
            hear,
          });
          results.set(id, result);
          done.push(shown(id, result));
          if (stopped) return { stopped, results: done };
        }
        return { stopped: false, results: done };
      } catch (error) {
        if (mine.stop.signal.aborted && done.length > 0) return { stopped: true, results: done };
        throw error;
      } finally {
        end();
        if (running === mine) running = undefined;
      }
    },
    pause: async (paused) => running?.gate.set(paused),
    async stop() {
      running?.gate.set(false);
      running?.stop.abort();
    },
    async exampleFile(id) {
      const result = results.get(id);
      if (!result) throw new PerturbError("not-found", "This model has no result yet. Run the experiment first.");
      const { exampleFile } = await import("./experiment.ts");
      return exampleFile(result);
    },
  };
  return plain(engine);
}

async function adapter(): Promise<object | null> {
  const gpu = (navigator as { readonly gpu?: { requestAdapter(): Promise<object | null> } }).gpu;
  return (await gpu?.requestAdapter().catch(() => null)) ?? null;
}

/** The engine with errors as plain data: an Error loses its code between threads. */
function plain(engine: Engine): Engine {
  const wrapped = Object.entries(engine).map(([name, method]) => [
    name,
    async (...args: unknown[]) => {
      try {
        return await (method as (...args: unknown[]) => Promise<unknown>)(...args);
      } catch (error) {
        throw failureOf(error);
      }
    },
  ]);
  return Object.fromEntries(wrapped) as Engine;
}
