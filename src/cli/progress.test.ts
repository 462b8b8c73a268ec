import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { duration, progressLine } from "./progress.ts";

/** A stream that keeps what it is told. */
function stream(isTTY: boolean) {
  const written: string[] = [];
  return {
    written,
    output: { isTTY, columns: 60, write: (text: string) => written.push(text) > 0 } as unknown as NodeJS.WriteStream,
  };
}

beforeEach(() => void vi.useFakeTimers({ toFake: ["performance"] }));
afterEach(() => void vi.useRealTimers());

describe("progressLine", () => {
  it("writes now and then a plain line where there is no terminal", () => {
    const { written, output } = stream(false);
    const progress = progressLine("evaluating", "samples", output);
    for (let done = 0; done <= 100; done++) {
      progress.update(done, 100);
      vi.advanceTimersByTime(100);
    }
    progress.finish();
    expect(written).toHaveLength(5);
    expect(written[0]).toBe("evaluating 20/100 (20 %), 10 samples/s, 8.0 s left\n");
    expect(written.at(-1)).toBe("evaluating 100/100 (100 %), 10 samples/s, 0.0 s left\n");
    expect(written.join("")).not.toContain("\u001b");
  });

  it("draws a bar in place on a terminal, no wider than it, and clears it", () => {
    const { written, output } = stream(true);
    const progress = progressLine("evaluating", "samples", output);
    vi.advanceTimersByTime(1000);
    progress.update(50, 100, "a note that is longer than the terminal is wide, by far");
    progress.finish();
    const clear = "\r\u001b[2K";
    expect(written[0]).toContain(`${clear}evaluating ${"█".repeat(12)}${"░".repeat(12)} 50/100`);
    expect(written[0]!.length - clear.length).toBeLessThan(60);
    expect(written.at(-1)).toBe(clear);
  });
});

describe("duration", () => {
  it("is short", () => {
    expect([0.44, 12, 200, 7500].map(duration)).toEqual(["0.4 s", "12 s", "3 min 20 s", "2 h 5 min"]);
  });

  it("never counts sixty of anything", () => {
    expect([59.7, 119.6, 3599.9].map(duration)).toEqual(["1 min 0 s", "2 min 0 s", "1 h 0 min"]);
  });
});
