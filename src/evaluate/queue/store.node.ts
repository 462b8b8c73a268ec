import { createHash } from "node:crypto";
import type { Redis } from "ioredis";
import { messageOf, PerturbError } from "../../errors.ts";
import { VERSION } from "../../version.ts";

/** Bytes of a piece of a blob: a store answers others between two of them. */
const PIECE = 4 * 2 ** 20;
/** Pieces of a blob, at most: 2 GiB. */
const PIECES = 512;
/** Seconds that a blob stays unless it is kept longer. */
const STAY = 24 * 3600;
/** Milliseconds to the first answer. */
const PATIENCE = 10_000;
/** Milliseconds between two tries of a store that went away, at most. */
const RETRY = 2000;

/** The queue of this version: others speak another language. */
export const QUEUE = `perturb-${VERSION}`;

/** A Redis or Valkey server that coordinator and workers share. */
export interface Store {
  /** "HOST:PORT": without what is secret in its address. */
  readonly name: string;
  readonly redis: Redis;
  /** Puts bytes there unless they are there already. Gives their SHA-256. */
  put(bytes: Uint8Array): Promise<string>;
  /** The bytes of this SHA-256. @throws not-found; checksum */
  get(hash: string): Promise<Uint8Array>;
  /** Lets blobs stay on. Gives those that are there no more. */
  keep(hashes: readonly string[]): Promise<string[]>;
  remove(hash: string): Promise<void>;
  close(): void;
}

/** What a queue is made of, which are optional packages. @throws not-found where they are not installed */
export async function queuePackages() {
  try {
    const [{ Queue, QueueEvents, Worker }, { Redis }] = await Promise.all([import("bullmq"), import("ioredis")]);
    return { Queue, QueueEvents, Worker, Redis };
  } catch (cause) {
    if (!(cause instanceof Error && "code" in cause && cause.code === "ERR_MODULE_NOT_FOUND")) throw cause;
    throw new PerturbError("not-found", "A queue needs two packages more. Run: npm install bullmq ioredis.", { cause });
  }
}

/**
 * Opens the store at an address, redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE], or rediss:// for TLS. A store that goes away later is waited
 * for; `say` is told. @throws usage for another address; unreachable where nothing answers, or not as it should; not-found
 */
export async function openStore(address: string, say: (text: string) => void): Promise<Store> {
  const url = parse(address);
  const name = `${url.hostname}:${url.port || 6379}`;
  const { Redis } = await queuePackages();
  let failure: unknown;
  let isOpen = false;
  // On the command line, others on the machine would see it.
  const password = process.env["PERTURB_QUEUE_PASSWORD"];
  const redis = new Redis(address, {
    ...(password && url.password === "" && { password }),
    lazyConnect: true,
    connectTimeout: PATIENCE,
    maxRetriesPerRequest: null,
    retryStrategy: (tries) => (isOpen ? Math.min(RETRY, 100 * tries) : null),
  });
  let isAway = false;
  redis.on("error", (error) => {
    failure = error;
    if (isOpen && !isAway) say(`The queue at ${name} does not answer (${reasonOf(error)}). Waiting for it…`);
    isAway = isOpen;
  });
  redis.on("ready", () => {
    if (isAway) say(`The queue at ${name} answers again.`);
    isAway = false;
  });
  try {
    await redis.connect();
    await redis.ping();
    // Such as a database that there is not.
    if (failure !== undefined) throw failure;
  } catch (error) {
    redis.disconnect();
    throw refused(name, failure ?? error);
  }
  isOpen = true;
  return { name, redis, close: () => redis.disconnect(), ...blobsIn(redis, name) };
}

function parse(address: string): URL {
  const url = URL.canParse(address) ? new URL(address) : null;
  if (url && isOfQueue(url)) return url;
  // What was given may hold a password, and is not repeated.
  throw new PerturbError(
    "usage",
    "The address of a queue must be redis://HOST:PORT, redis://USER:PASSWORD@HOST:PORT, or rediss://… for TLS, and /N behind it for the database of that number. Characters such as @, / and % in a password are written as %40, %2F and %25.",
  );
}

/** A query would be options of the package, and part of a password is one where it has a ? or / that is not encoded. */
function isOfQueue({ protocol, username, password, hostname, pathname, search, hash }: URL): boolean {
  const isPlace = /^rediss?:$/.test(protocol) && hostname !== "" && /^\/?\d*$/.test(pathname);
  return isPlace && search + hash === "" && !/%(?![0-9a-f]{2})/i.test(username + password);
}

/** @returns unreachable: what a server that was asked for did not do */
function refused(name: string, cause: unknown): PerturbError {
  const reason = reasonOf(cause);
  const what = /WRONGPASS|NOAUTH|NOPERM|invalid password|without any password/i.test(reason)
    ? `The queue at ${name} refuses the user or password (${reason.split(" ")[0]}). Give them in its address, redis://USER:PASSWORD@HOST:PORT, or the password in PERTURB_QUEUE_PASSWORD.`
    : `There is no queue at ${name} (${reason}). Start Redis or Valkey there, or check the address.`;
  // Without the cause, which may hold what was sent.
  return new PerturbError("unreachable", what, { data: { queue: name } });
}

/** Whether a command failed since the store is full. */
export const isFull = (error: unknown): boolean => /\bOOM\b/.test(messageOf(error));

export const fullStore = (name: string): PerturbError =>
  new PerturbError(
    "unreachable",
    `The queue at ${name} is full. Give it more memory (maxmemory), or take a smaller batch.`,
    { data: { queue: name } },
  );

const reasonOf = (error: unknown): string => {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return messageOf(error) || code || "no answer";
};

const keyOf = (hash: string): string => `perturb:blob:${hash}`;

/** Blobs are hashes of Redis: pieces by number, and how many there are once all are. */
function blobsIn(redis: Redis, name: string): Pick<Store, "put" | "get" | "keep" | "remove"> {
  return {
    async put(bytes) {
      const hash = sha256Of(bytes);
      const key = keyOf(hash);
      if (await redis.hexists(key, "pieces")) {
        await redis.expire(key, STAY);
        return hash;
      }
      let pieces = 0;
      if (bytes.length > PIECES * PIECE)
        throw new PerturbError(
          "unsupported",
          `A model or a batch of ${bytes.length} bytes is too much for the queue, which takes ${PIECES * PIECE}. Take a smaller batch, or put the weights outside of the model's file, at the same place on each machine.`,
        );
      for (let at = 0; at < bytes.length; at += PIECE) {
        await redis.hset(key, String(pieces++), Buffer.from(bytes.subarray(at, at + PIECE)));
        await redis.expire(key, STAY);
      }
      await redis.hset(key, "pieces", pieces);
      return hash;
    },
    async get(hash) {
      const key = keyOf(hash);
      const pieces = Number(await redis.hget(key, "pieces"));
      const parts: Buffer[] = [];
      for (let i = 0; i < Math.min(pieces, PIECES); i++) {
        const part = await redis.hgetBuffer(key, String(i));
        if (part) parts.push(part);
      }
      const bytes = Buffer.concat(parts);
      if (parts.length === 0)
        throw new PerturbError("not-found", `The queue at ${name} holds no blob ${hash}. Start the run anew.`);
      if (sha256Of(bytes) !== hash)
        throw new PerturbError("checksum", `The blob ${hash} in the queue at ${name} is damaged. Start the run anew.`);
      return bytes;
    },
    async keep(hashes) {
      const kept = await Promise.all(hashes.map((hash) => redis.expire(keyOf(hash), STAY)));
      return hashes.filter((_, i) => kept[i] === 0);
    },
    async remove(hash) {
      await redis.del(keyOf(hash));
    },
  };
}

/** SHA-256 in hex, at once. */
export const sha256Of = (...parts: readonly (Uint8Array | string)[]): string => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
};
