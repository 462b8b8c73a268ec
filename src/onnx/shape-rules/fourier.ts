import { normalizeAxis } from "../dims.ts";
import type { Fact, ShapeRule } from "../facts.ts";
import type { Dim } from "../graph.ts";

const half = (size: Dim): Dim => (typeof size === "number" ? Math.floor(size / 2) + 1 : null);
const firstOf = ({ values }: Fact): Dim => values?.[0] ?? null;

const dft: ShapeRule = ({ node, opset, input }) => {
  const { type, dims } = input(0);
  const told = node.inputs[2] ? firstOf(input(2)) : -2;
  const given = opset < 20 ? node.attributes.int("axis", 1) : told;
  if (!dims || typeof given !== "number") return { type, dims: dims && [...dims.slice(0, -1).map(() => null), 2] };
  const axis = normalizeAxis(given, dims.length);
  const size = node.inputs[1] ? firstOf(input(1)) : dims[axis]!;
  const kept = node.attributes.int("onesided", 0) === 1 ? half(size) : size;
  return { type, dims: dims.map((d, i) => (i === dims.length - 1 ? 2 : i === axis ? kept : d)) };
};

const stft: ShapeRule = ({ node, input }) => {
  const { type, dims } = input(0);
  const size = node.inputs[3] ? firstOf(input(3)) : (input(2).dims?.[0] ?? null);
  const [length, step] = [dims?.[1], firstOf(input(1))];
  const known = typeof length === "number" && typeof size === "number" && typeof step === "number";
  const frames = known ? Math.floor((length - size) / step) + 1 : null;
  return { type, dims: dims && [dims[0]!, frames, node.attributes.int("onesided", 1) === 1 ? half(size) : size, 2] };
};

export const fourierShapes: Readonly<Record<string, ShapeRule>> = { DFT: dft, STFT: stft };
