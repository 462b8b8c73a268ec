import { expose } from "comlink";
import { requireCertifiable } from "../../../src/certify/proving/certifiable.ts";
import { openProver, type Prover } from "../../../src/certify/proving/prover.ts";
import { checkSignal } from "../../../src/errors.ts";
import type { ClassifierFile } from "../../../src/models/classifier/classifier.ts";
import { type GraphModel, openClassifier } from "../../../src/models/classifier/graph-model.ts";
import type { NormName } from "../../../src/norm.ts";
import { webRuntime } from "../../../src/runtime/ort-web.ts";
import type { Runtime } from "../../../src/runtime.ts";
import { failureOf, type Proof, type ProofRequest } from "../engine.ts";
import { breathing } from "./breathing.ts";
import { provenRadius } from "./radius.ts";

/** Seconds after which the search for a larger ε ends. */
const PATIENCE = 60;

/** What proves, in a thread of its own: it computes for seconds, while attacks follow the hand. */
export interface ProofThread {
  /** What is proven is about this model from then on. @throws unsupported where nothing can be, as plain data */
  open(file: ClassifierFile): Promise<void>;
  /** @throws usage, cancelled, runtime, as plain data */
  prove(request: ProofRequest, hear: (proof: Proof) => void): Promise<Proof>;
  /** What runs ends as `cancelled`, between two graphs. */
  stop(): Promise<void>;
}

let opened: { readonly model: GraphModel; readonly provers: Map<NormName, Promise<Prover>> } | undefined;

/** A prover for each norm, which is opened once. */
function proverOf({ model, provers }: NonNullable<typeof opened>, norm: NormName): Promise<Prover> {
  const known = provers.get(norm) ?? openProver(model, { norm });
  provers.set(norm, known);
  return known;
}
let stopping = new AbortController();

/** Graphs are the same for each sample, and loading them is not stopped. */
const stoppable = (runtime: Runtime): Runtime => ({
  ...runtime,
  async load(bytes, folder) {
    const program = await runtime.load(bytes, folder);
    return {
      ...program,
      async run(feeds, fetches) {
        checkSignal(stopping.signal);
        return program.run(feeds, fetches);
      },
    };
  },
});

const plainly = async <T>(work: () => Promise<T>): Promise<T> => {
  try {
    return await work();
  } catch (error) {
    throw failureOf(error);
  }
};

const thread: ProofThread = {
  open: (file) =>
    plainly(async () => {
      const model = openClassifier(file, stoppable(breathing(await webRuntime({ threads: 1 }))));
      opened = { model, provers: new Map() };
      await proverOf(opened, "linf");
    }),
  prove: ({ x, label, norm }, hear) =>
    plainly(async () => {
      stopping = new AbortController();
      const { model } = opened!;
      requireCertifiable(model, { norm, target: null });
      const prover = await proverOf(opened!, norm);
      return provenRadius(model, prover, { x, label }, { signal: stopping.signal, seconds: PATIENCE, hear });
    }),
  stop: async () => stopping.abort(),
};
expose(thread);
