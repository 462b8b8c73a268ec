import { useLayoutEffect, useRef } from "preact/hooks";
import type { Pixels } from "../../../src/report/pictures/picture.ts";
import "./pixels.css";

/** A picture whose pixels stay hard at any size. `label` says in words what it shows; empty where the text beside it does. */
export function PixelPicture({ pixels, label, class: extra = "" }: PixelPictureProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  // In the same frame: what is drawn later makes a slider lag.
  useLayoutEffect(() => draw(canvas.current!, pixels), [pixels]);
  return (
    <canvas
      ref={canvas}
      class={`pixels ${extra}`}
      role="img"
      aria-label={label}
      aria-hidden={label === "" ? true : undefined}
    />
  );
}

interface PixelPictureProps {
  readonly pixels: Pixels;
  readonly label: string;
  readonly class?: string;
}

function draw(canvas: HTMLCanvasElement, { width, height, channels, data }: Pixels): void {
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const image = new ImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) image.data[4 * i + c] = data[channels * i + (channels === 3 ? c : 0)]!;
    image.data[4 * i + 3] = 255;
  }
  canvas.getContext("2d")!.putImageData(image, 0, 0);
}
