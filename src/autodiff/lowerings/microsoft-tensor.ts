import { normalizeAxis } from "../../onnx/dims.ts";
import { tensor } from "../../tensor.ts";
import type { LoweringContext, Lowerings } from "../lowering.ts";
import { constants, unsupported } from "../rules/constants.ts";

/** The part of each matrix above its k-th diagonal, or below it; both with the diagonal. */
function trilu({ node, x: [x, k], b }: LoweringContext): string[] {
  const [offset] = k ? constants(node, "diagonals", b.fact(k).values) : [0];
  const [rows, columns] = b.sizes(x!, b.dims(x!).length - 2);
  b.room(rows! * columns!, x!);
  const upper = node.attributes.int("upper", 1) === 1;
  const kept = Uint8Array.from({ length: rows! * columns! }, (_, i) => {
    const diagonal = (i % columns!) - Math.floor(i / columns!);
    return Number(upper ? diagonal >= offset! : diagonal <= offset!);
  });
  return [b.where(b.constant(tensor("bool", [rows!, columns!], kept)), x!, b.scalar(0, x!))];
}

/** The standard operator with the amounts as an attribute before opset 11. */
function pad({ node, x: [x, pads, value], b }: LoweringContext): string[] {
  const mode = node.attributes.string("mode", "constant");
  const rank = b.dims(x!).length;
  const amounts = constants(node, "pads", b.fact(pads!).values);
  if (b.opset >= 11) return [b.add("Pad", [x!, b.int64(amounts), ...(value ? [value] : [])], { mode })];
  if (value) throw unsupported(node, "a value before opset 11");
  return [b.add("Pad", [x!], { mode, pads: amounts.slice(0, 2 * rank) })];
}

/** The standard operator with its pads as an input. */
function convTransposeWithDynamicPads({ node, x: [x, weights, pads, bias], b }: LoweringContext): string[] {
  const { attributes } = node;
  const lists = ["dilations", "kernel_shape", "output_padding", "strides"].filter((name) => attributes.has(name));
  const y = b.add("ConvTranspose", [x!, weights!, ...(bias ? [bias] : [])], {
    ...Object.fromEntries(lists.map((name) => [name, attributes.ints(name, [])])),
    group: attributes.int("group", 1),
    ...(pads && { pads: constants(node, "pads", b.fact(pads).values) }),
  });
  return [y];
}

export const microsoftTensorLowerings = {
  Trilu: trilu,
  Pad: pad,
  ConvTransposeWithDynamicPads: convTransposeWithDynamicPads,
  ExpandDims: ({ node, x: [x, axis], b }) => {
    const [at] = constants(node, "an axis", b.fact(axis!).values);
    return [b.unsqueeze(x!, [normalizeAxis(at!, b.dims(x!).length + 1)])];
  },
} satisfies Lowerings;
