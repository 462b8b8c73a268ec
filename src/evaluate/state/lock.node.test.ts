import { fork } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { nameOf, readHolder } from "./holder.node.ts";
import { LOCK, lock, requireUnlocked } from "./lock.node.ts";

const CHILD = fileURLToPath(new URL("../../../test/support/lock-child.js", import.meta.url));
const ROUNDS = 100;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "perturb-lock-"));
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(folder, { recursive: true, force: true });
});

/** Leaves a lock as one that was killed does. */
function leave(name: string, at = folder): string {
  mkdirSync(join(at, LOCK), { recursive: true });
  writeFileSync(join(at, LOCK, name), "");
  return join(at, LOCK, name);
}
const own = readHolder(nameOf("00"))!;
const named = (holder: Partial<typeof own>): string => {
  const { pid, started, place } = { ...own, ...holder };
  return `${pid}-${started}-${place}-0a`;
};
const ELSEWHERE = "0123456789ab";
/** Of a process that has ended. */
const GONE = named({ pid: 2 ** 22 + 1 });

describe("a lock", () => {
  it(`is held by one of two processes, at ${ROUNDS} moments at once`, async () => {
    const children = [0, 1].map(() => fork(CHILD));
    const answers: string[][] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const place = join(folder, String(round));
      mkdirSync(place);
      // None, one that was left, one of an earlier version, and one that a process was killed in giving back.
      if (round % 4 === 1) leave(GONE, place);
      if (round % 4 === 2) writeFileSync(join(place, LOCK), '{"pid":1,"host":"x","started":null}');
      if (round % 4 === 3) mkdirSync(join(place, LOCK));
      const at = performance.timeOrigin + performance.now() + 1;
      const answered = children.map((child) => new Promise<string>((resolve) => child.once("message", resolve)));
      for (const child of children) child.send({ folder: place, at });
      answers.push(await Promise.all(answered));
    }
    for (const child of children) child.disconnect();
    for (const answer of answers) expect(answer.toSorted()).toEqual(["held", "usage"]);
  });

  it("is taken, and given back, and leaves nothing", async () => {
    const held = await lock(folder);
    expect(readdirSync(folder)).toEqual([LOCK]);
    held.check();
    await expect(requireUnlocked(folder)).rejects.toThrow(`in use: process ${process.pid} evaluates there`);
    await expect(lock(folder)).rejects.toMatchObject({ code: "usage" });
    held.release();
    expect(readdirSync(folder)).toEqual([]);
    expect(() => held.check()).toThrow("taken over");
  });

  it("of a process that lives is refused, and of one that is gone taken over", async () => {
    const file = leave(named({ pid: process.ppid, started: readHolder(nameOf("00", process.ppid))!.started }));
    await expect(lock(folder)).rejects.toThrow(`process ${process.ppid}`);
    expect(existsSync(file)).toBe(true);
    rmSync(file);
    for (const name of [GONE, named({ pid: 99_999_999_999 }), ...(own.started ? [named({ started: "1" })] : [])]) {
      leave(name);
      (await lock(folder)).release();
      expect(readdirSync(folder)).toEqual([]);
    }
  });

  it("that is no lock is no obstacle", async () => {
    for (const text of ["", "{}", '{"pid":1}']) {
      writeFileSync(join(folder, LOCK), text);
      (await lock(folder)).release();
      expect(readdirSync(folder)).toEqual([]);
    }
  });
});

describe("a lock of another machine or container", () => {
  // Where processes cannot be seen, their numbers say nothing.
  const foreign = (): string => leave(named({ place: ELSEWHERE }));

  it("is refused while its file is touched, by whatever clock", async () => {
    vi.useFakeTimers();
    const file = foreign();
    const taking = lock(folder).catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(3000);
    utimesSync(file, 0, 0);
    await vi.advanceTimersByTimeAsync(1000);
    expect(await taking).toMatchObject({ code: "usage", message: expect.stringContaining("in use") });
    expect(existsSync(file)).toBe(true);
  });

  it("is taken over where it is not", async () => {
    vi.useFakeTimers();
    const file = foreign();
    const taking = lock(folder);
    await vi.advanceTimersByTimeAsync(30_000);
    (await taking).release();
    expect(existsSync(file)).toBe(false);
  });

  it("need not be waited for once it is given back", async () => {
    vi.useFakeTimers();
    const file = foreign();
    const taking = lock(folder);
    await vi.advanceTimersByTimeAsync(1000);
    rmSync(file);
    await vi.advanceTimersByTimeAsync(1000);
    (await taking).release();
  });

  it("sees this one touch its file", async () => {
    vi.useFakeTimers({ now: 1000 });
    const held = await lock(folder);
    const file = join(folder, LOCK, readdirSync(join(folder, LOCK))[0]!);
    await vi.advanceTimersByTimeAsync(5000);
    await vi.waitFor(() => expect(statSync(file).mtimeMs).toBeLessThan(10_000));
    held.release();
  });
});
