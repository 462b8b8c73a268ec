import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { listing, perturb, type Running, scratch, start } from "./support/cli.ts";
import { freePort, type RedisServer, redisNote, startRedis, until } from "./support/redis.ts";

const note = redisNote();
const SECRET = "open-sesame";
const RUN = ["--limit", "300", "--batch", "10", "--attack", "fgsm,pgd", "--eps", "0.1,0.2"];

const space = scratch();
const at = (...names: string[]): string => join(space.path, ...names);
let redis: RedisServer;
const running: Running[] = [];
/** Further ones of a test. */
const servers: RedisServer[] = [];

const begin = (...words: string[]): Running => {
  const one = start(words, space.path);
  running.push(one);
  return one;
};
const worker = (): Running => begin("worker", "--queue", redis.url, "--threads", "1", "--takeover", "1");
const evaluation = (out: string): Running => begin("evaluate", ...RUN, "--out", out, "--queue", redis.url);
const resumed = (out: string): Running => begin("evaluate", "--resume", out, "--queue", redis.url);
/** Until so many bytes of work are saved. */
const saved = (out: string, bytes: number): Promise<void> =>
  until(() => (statSync(at(out, "state.jsonl"), { throwIfNoEntry: false })?.size ?? 0) > bytes);

const text = (...names: string[]): string => readFileSync(at(...names), "latin1");
/** What a report says, apart from times. */
function facts(folder: string) {
  const report = JSON.parse(text(folder, "report.json"), (key, value: unknown) =>
    ["seconds", "samplesPerSecond", "date"].includes(key) ? undefined : value,
  );
  const [titles, ...rows] = text(folder, "samples.csv").split("\n");
  const seconds = titles!.split(",").indexOf("seconds");
  const samples = rows.map((row) => row.split(",").toSpliced(seconds, 1).join(","));
  return { report, samples, curve: text(folder, "accuracy.csv"), arrays: text(folder, "adversarial.npz") };
}

beforeAll(async () => {
  if (note) return;
  redis = await startRedis(space.path, SECRET, ["--appendonly", "yes", "--appendfsync", "always"]);
  const whole = await perturb(["evaluate", ...RUN, "--out", "whole", "--quiet"], space.path);
  expect(whole, whole.stderr).toMatchObject({ code: 0 });
}, 60_000);
afterEach(async () => {
  for (const { child } of running) child.kill("SIGKILL");
  await Promise.all(running.splice(0).map(({ ended }) => ended));
  await Promise.all(servers.splice(0).map((server) => server.close()));
  await redis?.client.flushall();
});
afterAll(async () => {
  await redis?.close();
  space.remove();
});

describe.skipIf(note !== "")(`perturb evaluate --queue, perturb worker${note}`, { timeout: 60_000 }, () => {
  it("gives the report of a local run, and tells no secret", async () => {
    const workers = [worker(), worker()];
    await until(() => workers.every(({ stderr }) => stderr().includes("Working for the queue at 127.0.0.1:")));
    const queued = await evaluation("queued").ended;
    expect(queued, queued.stderr).toMatchObject({ code: 0 });
    expect(queued.stderr).toContain(`2 workers with 2 threads at 127.0.0.1:${redis.port}.\n`);
    expect(facts("queued")).toEqual(facts("whole"));
    for (const { child } of workers) child.kill("SIGTERM");
    const ended = await Promise.all(workers.map((one) => one.ended));
    expect(ended.map(({ code }) => code)).toEqual([0, 0]);
    // Nothing is left behind but the model, for a day.
    const keys = (await redis.client.keys("*")).filter((key) => !/:(meta|id|events|stalled-check)$/.test(key));
    expect(keys).toHaveLength(1);
    const said = [queued, ...ended].map(({ stdout, stderr }) => stdout + stderr);
    const files = listing(at("queued")).map((name) => text("queued", name));
    for (const one of [...said, ...files]) expect(one.includes(SECRET)).toBe(false);
  });

  it("ends a run that ends by itself where a local one does, and leaves no block behind", async () => {
    const words = ["evaluate", "--attack", "fgsm", "--eps", "0.1", "--until", "±6%", "--batch", "10", "--quiet"];
    worker();
    const [local, queued] = await Promise.all([
      perturb([...words, "--out", "until-local"], space.path),
      begin(...words, "--out", "until-queued", "--queue", redis.url).ended,
    ]);
    expect([local.code, queued.code], queued.stderr).toEqual([0, 0]);
    expect(facts("until-queued")).toEqual(facts("until-local"));
    expect((await redis.client.keys("*")).filter((key) => /:(wait|failed|delayed)$/.test(key))).toEqual([]);
  });

  it("loses and doubles nothing where worker, coordinator and store are killed", async () => {
    const first = worker();
    const coordinator = evaluation("killed");
    await saved("killed", 100_000);
    first.child.kill("SIGKILL");
    worker();
    await saved("killed", 160_000);
    await redis.kill();
    await until(
      () => coordinator.stderr().includes("does not answer (") && coordinator.stderr().includes("Waiting for it…"),
    );
    await redis.start();
    await saved("killed", 220_000);
    coordinator.child.kill("SIGKILL");
    await coordinator.ended;
    const outcome = await resumed("killed").ended;
    expect(outcome, outcome.stderr).toMatchObject({ code: 0 });
    expect(facts("killed")).toEqual(facts("whole"));
  });

  it("waits for workers of its version and says so, also where the store lost its memory", async () => {
    const old = { version: "0.0.1", host: "old-host", threads: 4 };
    await redis.client.set("perturb:worker:old", JSON.stringify(old));
    const coordinator = evaluation("waited");
    await until(() => coordinator.stderr().includes("Waiting for workers"));
    expect(coordinator.stderr()).toMatch(
      /Waiting for workers at 127\.0\.0\.1:\d+: those there are of another version of perturb \(0\.0\.1 on old-host\), and this is .*\. Start perturb worker on each machine\./,
    );
    await sleep(500);
    await redis.client.flushall();
    worker();
    const outcome = await coordinator.ended;
    expect(outcome, outcome.stderr).toMatchObject({ code: 0 });
    expect(facts("waited")).toEqual(facts("whole"));
  });

  it("goes on without the queue after Ctrl-C", async () => {
    worker();
    const coordinator = evaluation("stopped");
    await saved("stopped", 100_000);
    coordinator.child.kill("SIGINT");
    const stopped = await coordinator.ended;
    expect(stopped).toMatchObject({ code: 3, stderr: expect.stringContaining("perturb evaluate --resume stopped") });
    const outcome = await perturb(["evaluate", "--resume", "stopped", "--quiet"], space.path);
    expect(outcome, outcome.stderr).toMatchObject({ code: 0 });
    expect(facts("stopped")).toEqual(facts("whole"));
  });

  it("is refused where there is no server, no way in, or no room", async () => {
    const nobody = await freePort();
    const full = await startRedis(space.path, SECRET, ["--maxmemory", "1200000"]);
    const filling = await startRedis(space.path, SECRET, ["--maxmemory", "1900000"]);
    servers.push(full, filling);
    const cases: readonly (readonly [url: string, message: RegExp])[] = [
      [`redis://:${SECRET}@127.0.0.1:${nobody}`, /There is no queue at 127\.0\.0\.1:\d+ \(connect ECONNREFUSED .*\)/],
      [`redis://:${SECRET}s@127.0.0.1:${redis.port}`, /refuses the user or password \(WRONGPASS\)/],
      [`redis://127.0.0.1:${redis.port}`, /refuses the user or password \(NOAUTH\)/],
      [`http://${SECRET}@localhost`, /The address of a queue must be redis:\/\/HOST:PORT/],
      [`redis://:${SECRET}@127.0.0.1:${redis.port}/abc`, /The address of a queue must be .* \/N behind it/],
      [`redis://:${SECRET}%zz@127.0.0.1:${redis.port}`, /The address of a queue must be .* %25/],
      [`redis://127.0.0.1:${redis.port}?password=${SECRET}`, /The address of a queue must be/],
      [full.url, /The queue at 127\.0\.0\.1:\d+ is full/],
      [filling.url, /The queue at 127\.0\.0\.1:\d+ is full/],
    ];
    for (const [url, message] of cases) {
      const { code, stdout, stderr } = await perturb(
        ["evaluate", ...RUN, "--out", "refused", "--queue", url],
        space.path,
      );
      expect({ code, stdout }, stderr).toEqual({ code: 2, stdout: "" });
      expect(stderr).toMatch(message);
      expect(stderr).not.toContain(SECRET);
      if (message.source.endsWith("full")) continue;
      const other = await perturb(["worker", "--queue", url], space.path);
      expect(other, other.stderr).toMatchObject({ code: 2, stdout: "", stderr: expect.stringMatching(message) });
    }
    expect(listing(space.path)).not.toContain("refused");
    const shard = await perturb(["evaluate", ...RUN, "--shard", "1/2", "--queue", redis.url], space.path);
    expect(shard).toMatchObject({ code: 2, stderr: expect.stringContaining("cannot be used with option") });
    expect(shard.stderr).not.toContain(SECRET);
  });

  it("lets a worker go whose server is away", async () => {
    const server = await startRedis(space.path, SECRET);
    const { child, ended } = begin("worker", "--queue", server.url, "--threads", "1");
    let said = "";
    child.stderr!.on("data", (text) => {
      said += text;
    });
    await until(() => said.includes("Ctrl-C ends it"));
    await server.close();
    await until(() => said.includes("Waiting for it"));
    child.kill("SIGINT");
    expect(await ended).toMatchObject({ code: 0, signal: null });
  });

  it("takes the password from PERTURB_QUEUE_PASSWORD, and models in files", async () => {
    const { code, stderr } = await perturb(["worker", "--queue", `redis://127.0.0.1:${redis.port}/99`], space.path, {
      PERTURB_QUEUE_PASSWORD: SECRET,
    });
    expect(code).toBe(2);
    expect(stderr).toMatch(/There is no queue at .* \(ERR DB index is out of range\)/);
  });
});
