import { type Signal, signal } from "@preact/signals";
import { type Failure, failureOf } from "../engine.ts";

/** What is not there yet, is there, or failed. What was there before stays until something else is. */
export type Loading<T> =
  | { readonly kind: "idle" }
  | { readonly kind: "loading"; readonly before: T | undefined }
  | { readonly kind: "ready"; readonly value: T }
  | { readonly kind: "failed"; readonly failure: Failure };

export const loadingSignal = <T>(): Signal<Loading<T>> => signal<Loading<T>>({ kind: "idle" });

/** The value, the one before while another loads, or undefined. */
export const known = <T>(loading: Loading<T>): T | undefined =>
  loading.kind === "ready" ? loading.value : loading.kind === "loading" ? loading.before : undefined;

/** Work that is older than this is given up for newer work; younger work is let finish, so that a slider shows its course. */
const PATIENCE = 200;

/**
 * Keeps a signal filled by work of which only the newest counts; a newer request waits for work that has just begun. What
 * is stopped for newer work fails as `cancelled`, which is not shown.
 */
export function filling<R, T>(into: Signal<Loading<T>>, work: (request: R) => Promise<T>): (request: R) => void {
  let isRunning = false;
  let began = 0;
  let waiting: { readonly request: R } | undefined;
  let number = 0;
  const start = async (request: R): Promise<void> => {
    const mine = ++number;
    isRunning = true;
    began = performance.now();
    into.value = { kind: "loading", before: known(into.peek()) };
    try {
      const value = await work(request);
      if (mine === number) into.value = { kind: "ready", value };
    } catch (error) {
      const failure = failureOf(error);
      if (mine === number && failure.code !== "cancelled") into.value = { kind: "failed", failure };
    } finally {
      // The end of older work, which was given up, is not that of the newest.
      if (mine === number) {
        isRunning = false;
        const next = waiting;
        waiting = undefined;
        if (next) void start(next.request);
      }
    }
  };
  return (request) => {
    if (!isRunning || performance.now() - began > PATIENCE) {
      waiting = undefined;
      void start(request);
    } else {
      waiting = { request };
      // Nobody may come back to it: the work that runs may take long.
      setTimeout(() => {
        if (waiting?.request !== request) return;
        waiting = undefined;
        void start(request);
      }, PATIENCE);
    }
  };
}
