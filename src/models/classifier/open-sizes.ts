import type { DifferentiableModel } from "../../model.ts";

type Opened = DifferentiableModel & { release(): Promise<void> };

/** How many sizes stay compiled: a graph holds the weights of its network, and neighbours often share their size. */
const KEPT = 3;

/** Models for samples of several shapes, of which few are kept. One that is in use is never ended. */
export class OpenSizes<M extends Opened> {
  readonly #open: (shape: readonly number[]) => Promise<M>;
  /** By shape, the last one used last. */
  readonly #models = new Map<string, Promise<M>>();

  constructor(open: (shape: readonly number[]) => Promise<M>) {
    this.#open = open;
  }

  of(shape: readonly number[]): Promise<M> {
    const key = String(shape);
    const known = this.#models.get(key) ?? this.#open(shape).then(heldWhileAsked);
    this.#models.delete(key);
    this.#models.set(key, known);
    for (const [oldest, model] of this.#models) {
      if (this.#models.size <= KEPT) break;
      this.#models.delete(oldest);
      // Who still has it compiles it again.
      void model.then((one) => one.release()).catch(() => undefined);
    }
    return known;
  }

  async release(): Promise<void> {
    const models = await Promise.allSettled(this.#models.values());
    this.#models.clear();
    for (const one of models) if (one.status === "fulfilled") await one.value.release();
  }
}

/** A model whose release waits for the answers that are under way. */
function heldWhileAsked<M extends Opened>(model: M): M {
  const asked = new Set<Promise<unknown>>();
  const held = <T>(answer: Promise<T>): Promise<T> => {
    asked.add(answer);
    const ended = () => asked.delete(answer);
    answer.then(ended, ended);
    return answer;
  };
  return {
    ...model,
    logits: (...query: Parameters<Opened["logits"]>) => held(model.logits(...query)),
    gradient: (...query: Parameters<Opened["gradient"]>) => held(model.gradient(...query)),
    async release() {
      await Promise.allSettled(asked);
      await model.release();
    },
  };
}
