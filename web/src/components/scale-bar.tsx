import { formatEpsilon } from "../../../src/report/format.ts";
import { toPixels } from "../../../src/report/pictures/picture.ts";
import { mapPixels } from "../../../src/report/pictures/signed.ts";
import { PixelPicture } from "./pixels.tsx";
import "./scale-bar.css";

/** What the colours of a signed picture stand for, from -scale to +scale; of colour pictures the same in grey. */
export function ScaleBar({ scale, grey }: { readonly scale: number; readonly grey: boolean }) {
  if (scale === 0) return <p class="small">0 everywhere</p>;
  const end = formatEpsilon(scale);
  return (
    <div class="scale-bar">
      <PixelPicture pixels={grey ? GREY : SIGNED} label={`Colours from −${end} to +${end}`} />
      <div aria-hidden="true">
        <span>−{end}</span>
        <span>0</span>
        <span>+{end}</span>
      </div>
    </div>
  );
}

const SHARES = Float32Array.from({ length: 201 }, (_, i) => i / 100 - 1);
const SIGNED = mapPixels({ width: SHARES.length, height: 1, values: SHARES }, 1);
const GREY = toPixels([1, SHARES.length], SHARES, { lower: -1, upper: 1 });
