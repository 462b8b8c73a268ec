import { useState } from "preact/hooks";
import type { Pixels } from "../../../src/report/pictures/picture.ts";
import { PixelPicture } from "./pixels.tsx";
import "./wipe.css";

/** Two pictures of one size, one over the other from the divider on. The divider is a slider: it moves by mouse, finger and keys. */
export function Wipe({ under, over }: { readonly under: Pixels; readonly over: Pixels }) {
  const [share, setShare] = useState(50);
  return (
    <div class="wipe">
      <PixelPicture pixels={under} label="" />
      <div class="wipe-over" style={{ clipPath: `inset(0 0 0 ${share}%)` }}>
        <PixelPicture pixels={over} label="" />
      </div>
      <input
        type="range"
        min={0}
        max={100}
        value={share}
        aria-label="Divider: original on its left, adversarial on its right"
        aria-valuetext={`${share} % original`}
        onInput={(event) => setShare(event.currentTarget.valueAsNumber)}
      />
      <div class="wipe-line" style={{ left: `${share}%` }} />
    </div>
  );
}
