import { stderr } from "node:process";
import { plain } from "../quote.ts";

/** A progress line on stderr: a bar in place on a terminal, now and then a plain line elsewhere. */
export interface ProgressLine {
  /** `before`: how much was done before it began to count. */
  update(done: number, total: number, note?: string, before?: number): void;
  /** Clears the bar; a plain log gets its last line. */
  finish(): void;
}

const BAR_WIDTH = 24;
/** Milliseconds between two redraws, and between two plain lines. */
const REDRAW = 100;
const PLAIN = 2000;

/** Makes room for a message in place of the bar, which is drawn anew. */
export function clearBar(output: NodeJS.WriteStream = stderr): void {
  if (output.isTTY) output.write("\r\x1b[2K");
}

export const silent: ProgressLine = { update: () => undefined, finish: () => undefined };

export function progressLine(name: string, unit: string, output: NodeJS.WriteStream = stderr): ProgressLine {
  const began = performance.now();
  const pause = output.isTTY ? REDRAW : PLAIN;
  let drawn = began;
  let last = "";
  const write = (given: string): void => {
    const text = plain(given);
    if (!output.isTTY) output.write(`${text}\n`);
    else output.write(`\r\x1b[2K${text.slice(0, Math.max(20, (output.columns || 80) - 1))}`);
  };
  return {
    update(done, total, note = "", before = 0) {
      const now = performance.now();
      const rate = (done - before) / Math.max((now - began) / 1000, 1e-9);
      last = describe(name, unit, done, total, rate, note, output.isTTY === true);
      if (now - drawn < pause && done < total) return;
      drawn = now;
      write(last);
    },
    finish() {
      if (last) clearBar(output);
    },
  };
}

function describe(
  title: string,
  unit: string,
  done: number,
  total: number,
  rate: number,
  note: string,
  bar: boolean,
): string {
  const share = total === 0 ? 1 : done / total;
  const filled = Math.round(share * BAR_WIDTH);
  const drawing = bar ? ` ${"█".repeat(filled)}${"░".repeat(BAR_WIDTH - filled)}` : "";
  const left = rate === 0 ? "" : `, ${duration((total - done) / rate)} left`;
  return `${title}${drawing} ${done}/${total} (${Math.floor(100 * share)} %), ${rateText(rate)} ${unit}/s${left}${note ? `, ${note}` : ""}`;
}

/** "0.4", "12": how many in a second. */
export const rateText = (rate: number): string => rate.toFixed(rate < 10 ? 1 : 0);

/** "0.4 s", "12 s", "3 min 20 s", "2 h 5 min" */
export function duration(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
