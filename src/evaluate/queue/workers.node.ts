import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { VERSION } from "../../version.ts";
import type { Store } from "./store.node.ts";

/** A worker, as it says of itself in the store. */
export interface WorkerFacts {
  readonly version: string;
  readonly host: string;
  readonly threads: number;
}

const PREFIX = "perturb:worker:";
/** Milliseconds between two signs of life, and seconds until one that gives none is taken for gone, by the store's clock. */
const BEAT = 2000;
const GONE = 10;

/** Says that a worker is there, until the function returned is called. */
export async function signIn({ redis }: Store, threads: number): Promise<() => Promise<void>> {
  const key = `${PREFIX}${randomUUID()}`;
  const facts = JSON.stringify({ version: VERSION, host: hostname(), threads } satisfies WorkerFacts);
  const beat = (): Promise<unknown> => redis.set(key, facts, "EX", GONE);
  await beat();
  // A store that is away is told of elsewhere, and waited for.
  const timer = setInterval(() => void beat().catch(() => undefined), BEAT);
  return async () => {
    clearInterval(timer);
    if (redis.status === "ready") await redis.del(key);
  };
}

/** The workers that are there, of all versions. */
export async function workersAt({ redis }: Store): Promise<WorkerFacts[]> {
  const found: WorkerFacts[] = [];
  let cursor = "0";
  do {
    const [next, keys] = await redis.scan(cursor, "MATCH", `${PREFIX}*`, "COUNT", 1000);
    cursor = next;
    for (const text of keys.length > 0 ? await redis.mget(keys) : []) {
      const facts = text === null ? null : factsIn(text);
      if (facts) found.push(facts);
    }
  } while (cursor !== "0");
  return found;
}

function factsIn(text: string): WorkerFacts | null {
  try {
    const { version, host, threads } = JSON.parse(text) as Partial<Record<keyof WorkerFacts, unknown>>;
    const isFit = Number.isSafeInteger(threads) && (threads as number) >= 1;
    return isFit ? { version: String(version), host: String(host), threads: threads as number } : null;
  } catch {
    return null;
  }
}

/** Who is at work for this version, in a sentence, and who could be. @param address without secrets */
export function crewText(workers: readonly WorkerFacts[], address: string): string {
  const own = workers.filter(({ version }) => version === VERSION);
  const threads = own.reduce((sum, worker) => sum + worker.threads, 0);
  if (own.length > 0)
    return `${own.length} ${own.length === 1 ? "worker" : "workers"} with ${threads} ${threads === 1 ? "thread" : "threads"} at ${address}.`;
  const others = [...new Set(workers.map(({ version, host }) => `${version} on ${host}`))];
  const why =
    others.length > 0
      ? `those there are of another version of perturb (${others.slice(0, 4).join(", ")}), and this is ${VERSION}`
      : "there is none";
  return `Waiting for workers at ${address}: ${why}. Start perturb worker on each machine.`;
}
