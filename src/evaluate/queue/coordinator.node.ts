import { setTimeout as sleep } from "node:timers/promises";
import type { Batch } from "../../dataset.ts";
import { messageOf, PerturbError } from "../../errors.ts";
import { VERSION } from "../../version.ts";
import { MEMORY } from "../course/memory.ts";
import type { Evaluator, Job } from "../place.ts";
import type { Tally } from "../results/tally.ts";
import { emptyShelves, type Shelves, shelve } from "../state/encode.ts";
import { countsOf } from "../state/extent.ts";
import { type Block, batchBytes, failureIn, tallyReader } from "./messages.node.ts";
import { fullStore, isFull, QUEUE, queuePackages, type Store, sha256Of } from "./store.node.ts";
import { crewText, workersAt } from "./workers.node.ts";

/** Blocks in flight: at first, for each thread that is at work, and at most. */
const FIRST = 16;
const FOR_EACH = 4;
const MOST = 8192;
/** Milliseconds between two looks at the whole: events of the store may be lost. */
const LOOK = 2000;
/** Milliseconds that leaving takes, at most. */
const LEAVE = 10_000;
/** Seconds that an answer stays that nobody takes. */
const STAY = 24 * 3600;

/** A block that is in the queue, or under way. */
interface Pending {
  readonly batch: Batch;
  readonly block: Block;
  readonly resolve: (tally: Tally) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Puts batches into the queue as blocks, and takes what workers make of them. Events of the store make it fast; that it looks at the whole from time to
 * time makes it sure. `setup` is what workers do with each block.
 */
export async function coordinator(
  store: Store,
  { model, plan, memory = MEMORY }: Job,
  setup: Uint8Array,
  say: (text: string) => void,
): Promise<Evaluator> {
  const { Queue, QueueEvents } = await queuePackages();
  const setupHash = await store.put(setup);
  const connection = store.redis;
  // Answers travel in events too, which the store keeps: few, as none is relied on.
  const blocks = new Queue<Block, string>(QUEUE, { connection, streams: { events: { maxLen: 100 } } });
  const events = new QueueEvents(QUEUE, { connection: connection.duplicate() });
  const counts = countsOf(model, plan);
  const tallyIn = tallyReader(counts);
  const shelves: Shelves = emptyShelves(counts.points);
  const pending = new Map<string, Pending>();
  const settling = new Set<string>();
  /** Blocks that are just being put there. */
  const puts = new Set<Promise<void>>();
  const ended = new AbortController();
  const isOpen = (): boolean => !ended.signal.aborted;
  let [threads, batchSize] = [0, 1];
  let crew = "";

  const dropAll = (error: unknown): void => {
    for (const { reject } of pending.values()) reject(error);
    pending.clear();
  };
  const drop = (id: string, error: unknown): void => {
    // Of a store that is full, workers cannot take a block either.
    if (isFull(error)) dropAll(fullStore(store.name));
    pending.get(id)?.reject(error);
    pending.delete(id);
  };
  const bring = async (id: string, { batch, block }: Pending): Promise<void> => {
    if (!isOpen()) return;
    // A store that lost its memory gets it again.
    if ((await store.keep([setupHash])).length > 0) await store.put(setup);
    await store.put(batchBytes(batch));
    if (!isOpen()) return;
    await blocks.add("block", block, { jobId: id, removeOnComplete: { age: STAY }, removeOnFail: { age: STAY } });
  };
  const put = (id: string, entry: Pending): Promise<void> => {
    const one = bring(id, entry).finally(() => puts.delete(one));
    puts.add(one);
    return one;
  };
  /** Puts a block there. One of a run that was ended and goes on may be there, and done; one that failed is tried again. */
  const begin = async (id: string, entry: Pending): Promise<void> => {
    const old = await blocks.getJob(id);
    if (old?.failedReason) await old.remove();
    await put(id, entry);
    await settle(id);
  };
  /** Takes the answer to a block, where there is one. */
  const settle = async (id: string): Promise<void> => {
    const entry = pending.get(id);
    if (!entry || settling.has(id)) return;
    settling.add(id);
    try {
      const job = await blocks.getJob(id);
      if (!job) return await put(id, entry);
      if (job.finishedOn === undefined) return;
      // Another coordinator of the same run may have been faster.
      await job.remove().catch(() => undefined);
      await store.remove(entry.block.samples);
      if (!job.returnvalue) throw failureIn(job.failedReason) ?? givenUp(entry.batch, job.failedReason);
      const tally = tallyIn(job.returnvalue, entry.batch);
      shelve(shelves, tally);
      pending.delete(id);
      entry.resolve(tally);
    } catch (error) {
      drop(id, error);
    } finally {
      settling.delete(id);
    }
  };
  const look = async (): Promise<void> => {
    const workers = await workersAt(store);
    threads = workers.filter(({ version }) => version === VERSION).reduce((sum, worker) => sum + worker.threads, 0);
    const text = crewText(workers, store.name);
    if (text !== crew) say(text);
    crew = text;
    const gone = new Set(await store.keep(Array.from(pending.values(), ({ block }) => block.samples)));
    const each = Array.from(pending, async ([id, entry]) => {
      if (gone.has(entry.block.samples)) await put(id, entry);
      await settle(id);
    });
    await Promise.all(each);
  };
  /** Blocks that nobody waits for. What is under way ends in vain. */
  const takeAway = async (left: readonly (readonly [id: string, Pending])[]): Promise<void> => {
    await Promise.allSettled(puts);
    await Promise.all(left.map(([id]) => blocks.remove(id).catch(() => 0)));
    await Promise.all(left.map(([, { block }]) => store.remove(block.samples)));
  };
  const watch = async (): Promise<void> => {
    while (isOpen()) {
      await look();
      await sleep(LOOK, undefined, { signal: ended.signal });
    }
  };
  const heard = ({ jobId }: { jobId: string }): void => void settle(jobId);
  events.on("completed", heard).on("failed", heard);
  // The store itself is watched.
  events.on("error", () => undefined);
  blocks.on("error", () => undefined);
  watch().catch((error: unknown) => isOpen() && dropAll(isFull(error) ? fullStore(store.name) : error));
  return {
    get concurrency() {
      const fitting = Math.floor(memory / 4 / batchSize);
      return Math.max(2, Math.min(Math.max(FIRST, FOR_EACH * threads), fitting, MOST));
    },
    async run(batch) {
      const bytes = batchBytes(batch);
      batchSize = bytes.length;
      const samples = sha256Of(bytes);
      const id = sha256Of(setupHash, samples);
      const block = { setup: setupHash, samples, shelves: [...shelves] };
      return new Promise((resolve, reject) => {
        const entry = { batch, block, resolve, reject };
        pending.set(id, entry);
        begin(id, entry).catch((error: unknown) => drop(id, error));
      });
    },
    async close() {
      if (!isOpen()) return;
      ended.abort();
      const left = [...pending];
      dropAll(new PerturbError("cancelled", "The queue was left."));
      // A store that goes away now is not waited for.
      if (connection.status === "ready") await Promise.race([takeAway(left), sleep(LEAVE, undefined, { ref: false })]);
      await Promise.race([Promise.all([events.close(), blocks.close()]), sleep(LOOK, undefined, { ref: false })]);
      store.close();
    },
  };
}

const givenUp = ({ indices }: Batch, reason: string): PerturbError =>
  new PerturbError(
    "runtime",
    `The block of ${indices.length} samples from number ${indices[0]} on was given up: ${/stalled/.test(reason) ? "worker after worker went away while working on it. They may run out of memory: give fewer threads, or a smaller batch" : messageOf(reason)}.`,
  );
