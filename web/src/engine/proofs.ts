import { proxy, type Remote } from "comlink";
import { requireCpu } from "../../../src/certify/device.ts";
import { checkSignal, PerturbError } from "../../../src/errors.ts";
import type { Proof, ProofRequest } from "../engine.ts";
import { remote } from "../remote.ts";
import type { OpenedModel } from "./opened.ts";
import type { ProofThread } from "./proof.worker.ts";
import { requireQuick } from "./quick.ts";

/** Milliseconds for a thread to end what it was stopped in, before it is ended itself. */
const PATIENCE = 5000;

/** The thread of a model, and what it does now. */
interface Held {
  readonly model: OpenedModel;
  readonly worker: Worker;
  readonly thread: Remote<ProofThread>;
  readonly ready: Promise<void>;
  busy: Promise<unknown>;
}

/** Proofs in a thread of their own, which starts with the first of a model. One runs at a time. */
export function proofs() {
  let held: Held | undefined;
  const end = (): void => {
    held?.worker.terminate();
    held = undefined;
  };
  /** The thread for a model, once it is free. */
  const threadFor = async (model: OpenedModel): Promise<Held> => {
    if (held && (held.model !== model || !(await isOver(held.busy)))) end();
    held ??= start(model);
    return held;
  };
  return {
    /** @throws unsupported where nothing can be proven; usage; cancelled */
    async prove(
      model: OpenedModel,
      request: ProofRequest,
      hear: (proof: Proof) => void,
      signal: AbortSignal,
    ): Promise<Proof> {
      requireProvable(model);
      const mine = await threadFor(model);
      checkSignal(signal);
      const told = proxy((proof: Proof) => {
        if (!signal.aborted) hear(proof);
      });
      const answer = mine.ready.then(() => {
        checkSignal(signal);
        const running = mine.thread.prove(request, told);
        mine.busy = running.catch(() => undefined);
        return running;
      });
      // One that could not be opened is opened anew, and says again why.
      mine.ready.catch(() => held === mine && end());
      return Promise.race([answer, cancelled(signal, () => void mine.thread.stop().catch(() => undefined))]);
    },
    leave(model: OpenedModel | undefined): void {
      if (held && held.model === model) end();
    },
  };
}

function start(model: OpenedModel): Held {
  const worker = new Worker(new URL("./proof.worker.ts", import.meta.url), { type: "module", name: "proof" });
  const thread = remote<ProofThread>(worker);
  const { gradients: _, ...file } = model.model.file;
  return { model, worker, thread, ready: thread.open(file), busy: Promise.resolve() };
}

/** Whether work ends soon. */
const isOver = (work: Promise<unknown>): Promise<boolean> =>
  Promise.race([work.then(() => true), new Promise<false>((resolve) => setTimeout(() => resolve(false), PATIENCE))]);

const cancelled = (signal: AbortSignal, stop: () => void): Promise<never> =>
  new Promise((_, reject) => {
    signal.addEventListener("abort", () => {
      stop();
      reject(new PerturbError("cancelled", "Stopped."));
    });
  });

/** @throws unsupported for another device than the CPU, and for a model that would take minutes */
function requireProvable({ model, info }: OpenedModel): void {
  requireCpu(model.runtime, "Proofs");
  requireQuick(info, "proves", "perturb certify");
}
