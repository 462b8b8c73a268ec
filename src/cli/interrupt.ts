import { EXIT } from "./exit.ts";

/** Registers what must end before the process may. */
export type BeforeExit = (close: () => Promise<void>) => void;

const CODES = { SIGINT: EXIT.interrupted, SIGTERM: EXIT.terminated } as const;

/**
 * Runs work that Ctrl-C or SIGTERM ends. What is half written removes itself when the process exits; a second signal
 * does not wait for what must end before.
 */
export async function interruptible(work: (beforeExit: BeforeExit) => Promise<void>): Promise<void> {
  const closers: (() => Promise<void>)[] = [];
  let stopping: Promise<void> | undefined;
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping) process.exit(CODES[signal as keyof typeof CODES]);
    process.stderr.write("\nperturb: interrupted; nothing unfinished is left behind.\n");
    stopping = Promise.allSettled(closers.map((close) => close())).then(() =>
      process.exit(CODES[signal as keyof typeof CODES]),
    );
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
