import { availableParallelism } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { PerturbError } from "../../errors.ts";
import { aFunction, checkKind, checkOptions, having, type Kind, type Kinds } from "../../known-options.ts";
import type { WorkerPool } from "../places/pool.ts";
import { startPool } from "../places/threads.node.ts";
import type { Tally } from "../results/tally.ts";
import { answerText, type Block, batchIn, failureIn, failureText, setupIn } from "./messages.node.ts";
import { openStore, QUEUE, queuePackages, type Store } from "./store.node.ts";
import { signIn } from "./workers.node.ts";

export interface ServeOptions {
  /** By default one a core. */
  readonly threads?: number | undefined;
  /** Seconds that a worker may be silent before others take over its blocks, by default 30. */
  readonly takeover?: number | undefined;
  /** Ends it: what is under way is finished first. */
  readonly signal: AbortSignal;
  readonly say: (text: string) => void;
}

const positive: Kind = ["a whole number from 1 up", (value) => Number.isSafeInteger(value) && Number(value) >= 1];
const aSignal = having("the signal of an AbortController", "throwIfAborted");
const KINDS: Kinds<ServeOptions> = { threads: positive, takeover: positive, signal: aSignal, say: aFunction };

/** How often a block may be taken over. */
const TAKEOVERS = 10;
/** Milliseconds that the threads of a run stay when nothing comes for it. */
const IDLE = 60_000;
/** Milliseconds to leave a store that is away. */
const PARTING = 2000;

/** Works on the blocks in a queue until it is told to end. @throws usage, unreachable, not-found */
export async function serve(address: string, options: ServeOptions): Promise<void> {
  checkOptions("serve", options, KINDS);
  const { threads = availableParallelism(), takeover = 30, signal, say } = options;
  checkKind("The signal of serve", signal, aSignal);
  checkKind("The say of serve", say, aFunction);
  const { Worker } = await queuePackages();
  const store = await openStore(address, say);
  const crews = crewsOf(store, threads);
  const worker = new Worker<Block, string>(
    QUEUE,
    async ({ data: { setup, samples, shelves } }) => {
      try {
        return answerText(await crews.work(setup, samples), shelves);
      } catch (error) {
        throw new Error(failureText(error));
      }
    },
    {
      connection: store.redis,
      concurrency: threads,
      lockDuration: 1000 * takeover,
      stalledInterval: 1000 * takeover,
      maxStalledCount: TAKEOVERS,
    },
  );
  let last = "";
  worker.on("error", ({ message }) => {
    // A store that went away is told of already.
    if (message !== last && store.redis.status === "ready") say(`The queue at ${store.name}: ${message}`);
    last = message;
  });
  worker.on("failed", (_, { message }) => say(`A block failed. ${failureIn(message)?.message ?? message}`));
  const signOut = await signIn(store, threads);
  say(
    `Working for the queue at ${store.name} with ${threads} ${threads === 1 ? "thread" : "threads"}. Ctrl-C ends it.`,
  );
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
  // To a store that is away nothing can be handed in: others take over what was begun.
  const isAway = store.redis.status !== "ready";
  await Promise.race([worker.close(isAway), ...(isAway ? [sleep(PARTING, undefined, { ref: false })] : [])]);
  await signOut();
  await crews.close();
  store.close();
}

interface Crew {
  readonly pool: Promise<WorkerPool>;
  busy: number;
  timer?: NodeJS.Timeout | undefined;
}

/** Threads for each run that has blocks in the queue. */
function crewsOf(store: Store, threads: number) {
  const crews = new Map<string, Crew>();
  const end = async (setup: string, crew: Crew): Promise<void> => {
    clearTimeout(crew.timer);
    if (crews.get(setup) === crew) crews.delete(setup);
    await crew.pool.then((pool) => pool.close()).catch(() => undefined);
  };
  const crewFor = (setup: string): Crew => {
    const known = crews.get(setup);
    if (known) return known;
    const pool = store.get(setup).then(async (bytes) => startPool(await setupIn(bytes), threads));
    const crew = { pool, busy: 0 };
    crews.set(setup, crew);
    return crew;
  };
  return {
    async work(setup: string, samples: string): Promise<Tally> {
      const crew = crewFor(setup);
      clearTimeout(crew.timer);
      crew.busy++;
      try {
        const [pool, bytes] = await Promise.all([crew.pool, store.get(samples)]);
        return await pool.run(batchIn(bytes));
      } catch (error) {
        // Threads that ended, or never began, are no use to the next block.
        if (!(error instanceof PerturbError) || ["internal", "mismatch", "not-found"].includes(error.code))
          void end(setup, crew);
        throw error;
      } finally {
        crew.busy--;
        if (crew.busy === 0) crew.timer = setTimeout(() => void end(setup, crew), IDLE);
      }
    },
    close: () => Promise.all(Array.from(crews, ([setup, crew]) => end(setup, crew))),
  };
}
