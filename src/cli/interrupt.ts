import { EXIT } from "./exit.ts";
import { tell } from "./output.ts";

/** Registers what must end before the process may; a text that it gives tells how to go on with what is saved. */
export type BeforeExit = (close: () => Promise<unknown>) => void;

const CODES = { SIGINT: EXIT.interrupted, SIGTERM: EXIT.terminated } as const;

/** Runs work that stops by itself, where it can save, when the signal that it is given is aborted: by Ctrl-C or SIGTERM. */
export async function stoppable(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const controller = new AbortController();
  const stop = () => controller.abort();
  process.once("SIGINT", stop).once("SIGTERM", stop);
  try {
    await work(controller.signal);
  } finally {
    process.off("SIGINT", stop).off("SIGTERM", stop);
  }
}

/**
 * Runs work that Ctrl-C or SIGTERM ends, with EXIT.saved where something can go on. What is half written removes itself
 * when the process exits; a second signal does not wait for what must end before.
 */
export async function interruptible(work: (beforeExit: BeforeExit) => Promise<void>): Promise<void> {
  const closers: (() => Promise<unknown>)[] = [];
  let stopping: Promise<void> | undefined;
  const stop = (signal: NodeJS.Signals): void => {
    const code = CODES[signal as keyof typeof CODES];
    if (stopping) process.exit(code);
    tell("\nperturb: interrupted.");
    stopping = Promise.allSettled(closers.map((close) => close())).then((outcomes) => {
      const saved = outcomes
        .map((outcome) => (outcome.status === "fulfilled" ? outcome.value : undefined))
        .find((value) => typeof value === "string");
      tell(saved ?? "Nothing unfinished is left behind.");
      process.exit(saved ? EXIT.saved : code);
    });
  };
  for (const signal of Object.keys(CODES)) process.on(signal, stop);
  try {
    await work((close) => closers.push(close));
  } finally {
    // What ends by being stopped says no more.
    await stopping;
    for (const signal of Object.keys(CODES)) process.off(signal, stop);
  }
}
