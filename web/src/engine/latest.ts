import type { ModelId } from "../engine.ts";

/** Work of which only the newest counts: each piece stops those before it. */
export function latest() {
  const running = new Map<AbortController, { models: readonly (ModelId | null)[]; ended: Promise<void> }>();
  const stop = (): void => {
    for (const controller of running.keys()) controller.abort();
  };
  return {
    stop,
    /** @param models those that the work runs on */
    run<T>(models: readonly (ModelId | null)[], work: (signal: AbortSignal) => Promise<T>): Promise<T> {
      stop();
      const controller = new AbortController();
      const result = work(controller.signal);
      const end = () => void running.delete(controller);
      running.set(controller, { models, ended: result.then(end, end) });
      return result;
    },
    /** Stops the work on a model, and waits until it has ended. */
    async leave(model: ModelId): Promise<void> {
      const work = [...running].filter(([, { models }]) => models.includes(model));
      for (const [controller] of work) controller.abort();
      await Promise.all(work.map(([, { ended }]) => ended));
    },
  };
}
