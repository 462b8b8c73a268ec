import type { Ops } from "../../onnx/ops.ts";

/** Parts that one Split gives: with its input they are the 8 buffers of a kernel that every WebGPU device has. */
const MOST_PARTS = 7;

/** A value cut into parts of these sizes along an axis: where they are many, into larger ones first. */
export function split(b: Ops, value: string, axis: number, sizes: readonly number[]): string[] {
  if (sizes.length === 1) return [value];
  let width = 1;
  while (width * MOST_PARTS < sizes.length) width *= MOST_PARTS;
  const groups = Array.from({ length: Math.ceil(sizes.length / width) }, (_, i) =>
    sizes.slice(i * width, (i + 1) * width),
  );
  const totals = groups.map((group) => group.reduce((sum, size) => sum + size));
  const parts =
    b.opset >= 13
      ? b.addMany("Split", [value, b.int64(totals)], totals.length, { axis })
      : b.addMany("Split", [value], totals.length, { axis, split: totals });
  return parts.flatMap((part, i) => split(b, part, axis, groups[i]!));
}
