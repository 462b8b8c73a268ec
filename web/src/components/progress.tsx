import { formatCount } from "../../../src/report/format.ts";
import "./progress.css";

/** How far a run is: a bar, and its numbers in words. `done` null: it has not begun to count. */
export function Progress({ label, done, total, rate, paused }: ProgressProps) {
  const left = rate > 0 ? (total - (done ?? 0)) / rate : Number.NaN;
  return (
    <div class="progress">
      <progress aria-label={label} max={total} value={done ?? undefined} />
      <p class="small">
        {done === null
          ? paused
            ? "Paused"
            : "Starting"
          : [
              `${formatCount(done)} of ${formatCount(total)} samples`,
              ...(paused ? ["paused"] : []),
              ...(rate > 0 ? [`${formatCount(Math.round(rate))} a second`] : []),
              ...(Number.isFinite(left) ? [`${durationOf(left)} left`] : []),
            ].join(", ")}
      </p>
    </div>
  );
}

interface ProgressProps {
  readonly label: string;
  readonly done: number | null;
  readonly total: number;
  /** Samples a second. */
  readonly rate: number;
  readonly paused: boolean;
}

/** "about 12 s", "about 3 min" */
const durationOf = (seconds: number): string =>
  seconds < 100 ? `about ${Math.max(1, Math.round(seconds))} s` : `about ${Math.round(seconds / 60)} min`;
