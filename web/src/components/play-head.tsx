import { useEffect, useId, useState } from "preact/hooks";
import "./play-head.css";

/** Frames a second. */
const PACE = 8;

/** Steps through the queries of an attack; the last position is its result. It never starts by itself. */
export function PlayHead({ count, frame, label, obstacle, onFrame }: PlayHeadProps) {
  const id = useId();
  const [playing, setPlaying] = useState(false);
  const last = count - 1;
  useEffect(() => {
    if (!playing) return;
    if (frame >= last) {
      setPlaying(false);
      return;
    }
    const began = performance.now();
    let next = requestAnimationFrame(function wait(now) {
      if (now - began >= 1000 / PACE) onFrame(frame + 1);
      else next = requestAnimationFrame(wait);
    });
    return () => cancelAnimationFrame(next);
  }, [playing, frame, last, onFrame]);
  const go = (to: number): void => {
    setPlaying(false);
    onFrame(Math.min(last, Math.max(0, to)));
  };
  const play = (): void => {
    if (!playing && frame >= last) onFrame(0);
    setPlaying(!playing);
  };
  return (
    <div class="play-head">
      <label for={id}>
        Queries of the attack: <span class="play-head-where">{obstacle === null ? label : "none"}</span>
      </label>
      <input
        id={id}
        type="range"
        min={0}
        max={last}
        value={frame}
        disabled={obstacle !== null}
        aria-valuetext={label}
        aria-describedby={obstacle === null ? undefined : `${id}-obstacle`}
        onInput={(event) => go(event.currentTarget.valueAsNumber)}
      />
      <div>
        <button type="button" disabled={frame <= 0} onClick={() => go(frame - 1)}>
          Previous<span class="hidden"> query</span>
        </button>
        <button type="button" disabled={obstacle !== null} onClick={play}>
          {playing ? "Pause" : "Play"}
          <span class="hidden"> the queries</span>
        </button>
        <button type="button" disabled={frame >= last} onClick={() => go(frame + 1)}>
          Next<span class="hidden"> query</span>
        </button>
        {obstacle === null ? null : (
          <p id={`${id}-obstacle`} class="small">
            {obstacle}
          </p>
        )}
      </div>
    </div>
  );
}

interface PlayHeadProps {
  readonly count: number;
  readonly frame: number;
  /** Which position it is, in words. */
  readonly label: string;
  /** Why it cannot be used; null where it can. */
  readonly obstacle: string | null;
  readonly onFrame: (frame: number) => void;
}
