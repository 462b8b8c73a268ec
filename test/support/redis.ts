import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";

/** Debian's, or Valkey's, which answers to the same. */
const SERVER = ["/usr/bin/redis-server", "/usr/bin/valkey-server"].find((path) => existsSync(path));

/** What the title of tests says that are skipped where there is no server; else "". */
export function redisNote(): string {
  if (SERVER !== undefined) return "";
  const note = "skipped: there is no /usr/bin/redis-server; Debian's package redis-server brings it";
  console.warn(note);
  return ` (${note})`;
}

export interface RedisServer {
  readonly port: number;
  /** With the password. */
  readonly url: string;
  /** A client of its own, closed with it. */
  readonly client: Redis;
  /** As a power cut does. */
  kill(): Promise<void>;
  /** Once more, at the same port. */
  start(): Promise<void>;
  close(): Promise<void>;
}

/** A server on loopback that keeps what it holds in a folder. */
export async function startRedis(folder: string, password: string, more: readonly string[] = []): Promise<RedisServer> {
  const port = await freePort();
  const url = `redis://:${password}@127.0.0.1:${port}`;
  const args = [
    "--port",
    String(port),
    "--bind",
    "127.0.0.1",
    "--requirepass",
    password,
    "--save",
    "",
    "--dir",
    folder,
  ];
  const client = new Redis(url, { maxRetriesPerRequest: null, retryStrategy: () => 50 });
  client.on("error", () => undefined);
  let child: ChildProcess;
  const start = async (): Promise<void> => {
    child = spawn(SERVER!, [...args, ...more], { stdio: "ignore" });
    await client.ping();
  };
  const kill = async (): Promise<void> => {
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  };
  await start();
  return {
    port,
    url,
    client,
    kill,
    start,
    async close() {
      client.disconnect();
      await kill();
    },
  };
}

/** A port that nobody listens at. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

/** Waits until something holds. */
export async function until(holds: () => boolean, seconds = 30): Promise<void> {
  for (const end = Date.now() + 1000 * seconds; !holds(); await sleep(20))
    if (Date.now() > end) throw new Error(`It did not come to that within ${seconds} s: ${holds}`);
}
