import { useEffect, useRef } from "preact/hooks";
import type { Ink } from "../engine/drawn.ts";
import type { Stroke } from "../state/own-input.ts";
import "./draw-pad.css";

/** Pixels of the pad's side. */
const SIDE = 280;
/** Lines over each other, the last in white, so that an edge is soft: widths in parts of the side. */
const PEN = [
  [0.12, "#333"],
  [0.11, "#777"],
  [0.1, "#bbb"],
  [0.085, "#fff"],
] as const;
/** Milliseconds between two looks at what is being drawn. */
const PACE = 60;

/** A pad to draw on with mouse, pen or finger, white on black. What is on it is told while it is drawn. */
export function DrawPad({ strokes, label, onDraw }: DrawPadProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  /** The line under the pen; a ref, because the pen is faster than rendering. */
  const line = useRef<{ x: number; y: number }[] | null>(null);
  const told = useRef(0);
  const frame = useRef(0);
  const context = () => canvas.current!.getContext("2d", { willReadFrequently: true })!;
  const all = (): readonly Stroke[] => (line.current ? [...strokes, line.current.slice()] : strokes);
  useEffect(() => paint(context(), all()), [strokes]);
  useEffect(() => () => cancelAnimationFrame(frame.current), []);

  const draw = () => {
    cancelAnimationFrame(frame.current);
    frame.current = requestAnimationFrame((now) => {
      if (!line.current) return;
      paint(context(), all());
      if (now - told.current < PACE) return;
      told.current = now;
      onDraw(strokes, inkOf(context()));
    });
  };
  const add = (event: PointerEvent) => {
    const { left, top, width, height } = canvas.current!.getBoundingClientRect();
    const events = event.getCoalescedEvents?.() ?? [];
    for (const { clientX, clientY } of events.length > 0 ? events : [event])
      line.current?.push({ x: (clientX - left) / width, y: (clientY - top) / height });
    draw();
  };
  const finish = ({ isPrimary }: PointerEvent) => {
    if (!line.current || !isPrimary) return;
    cancelAnimationFrame(frame.current);
    paint(context(), all());
    const ended = all();
    line.current = null;
    onDraw(ended, inkOf(context()));
  };
  return (
    <canvas
      ref={canvas}
      class="draw-pad"
      width={SIDE}
      height={SIDE}
      role="img"
      aria-label={label}
      onPointerDown={(event) => {
        if (!event.isPrimary || event.button !== 0) return;
        event.preventDefault();
        event.currentTarget.setPointerCapture(event.pointerId);
        line.current = [];
        add(event);
      }}
      onPointerMove={(event) => {
        if (line.current && event.isPrimary) add(event);
      }}
      onPointerUp={finish}
      onPointerCancel={finish}
    />
  );
}

interface DrawPadProps {
  /** The lines that are finished. */
  readonly strokes: readonly Stroke[];
  readonly label: string;
  /** Hears the finished lines, and the ink on the pad, which includes the line under the pen. */
  readonly onDraw: (strokes: readonly Stroke[], ink: Ink) => void;
}

/** The ink of finished lines. */
export function inkOfStrokes(strokes: readonly Stroke[]): Ink {
  const context = new OffscreenCanvas(SIDE, SIDE).getContext("2d")!;
  paint(context, strokes);
  return inkOf(context);
}

type Context = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;

function paint(context: Context, strokes: readonly Stroke[]): void {
  context.fillStyle = "#000";
  context.fillRect(0, 0, SIDE, SIDE);
  context.lineCap = "round";
  context.lineJoin = "round";
  // The edge of a line never darkens another line.
  context.globalCompositeOperation = "lighten";
  for (const [width, color] of PEN) {
    context.lineWidth = width * SIDE;
    context.strokeStyle = color;
    for (const stroke of strokes) trace(context, stroke);
  }
  context.globalCompositeOperation = "source-over";
}

/** A smooth line through the middles between its points; a point alone is a dot. */
function trace(context: Context, [first, ...rest]: Stroke): void {
  if (!first) return;
  context.beginPath();
  context.moveTo(first.x * SIDE, first.y * SIDE);
  let last = first;
  for (const point of rest) {
    context.quadraticCurveTo(
      last.x * SIDE,
      last.y * SIDE,
      ((last.x + point.x) / 2) * SIDE,
      ((last.y + point.y) / 2) * SIDE,
    );
    last = point;
  }
  context.lineTo(last.x * SIDE, last.y * SIDE);
  context.stroke();
}

function inkOf(context: Context): Ink {
  const { data } = context.getImageData(0, 0, SIDE, SIDE);
  return { width: SIDE, height: SIDE, data: Uint8Array.from({ length: SIDE * SIDE }, (_, i) => data[4 * i]!) };
}
