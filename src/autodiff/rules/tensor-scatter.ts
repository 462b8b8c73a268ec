import { normalizeAxis } from "../../onnx/dims.ts";
import type { RuleContext, Rules } from "../rule.ts";
import { unsupported } from "./constants.ts";
import { asTypeOf } from "./selection.ts";

/** What is written from a place on into the cache of each sample; in mode `circular` it goes on at the start. */
function tensorScatterGradient({ node, x: [cache, update, start], g, b, wants }: RuleContext): (string | null)[] {
  const rank = b.dims(cache!).length;
  const axis = normalizeAxis(node.attributes.int("axis", -2), rank);
  if (axis === 0 || rank < 3) throw unsupported(node, `axis ${axis} of ${rank}`);
  const [length, count] = [b.size(cache!, axis), b.size(update!, axis)];
  const steps = b.reshape(b.int64([...Array(count).keys()]), [1, count, 1]);
  const from = start ? b.plus(b.reshape(start, [-1, 1, 1]), steps) : steps;
  const isCircular = node.attributes.string("mode", "linear") === "circular";
  const at = isCircular ? b.add("Mod", [from, b.int64([length])]) : from;
  // [samples or 1, written, places]
  const isAt = asTypeOf(b, b.equal(at, b.int64([...Array(length).keys()])), g);
  const byCache = () => {
    const written = b.reduceSum(isAt, [1], false);
    const around = Array.from({ length: rank }, (_, i) => (i === 0 ? -1 : i === axis ? length : 1));
    return b.mul(g, b.reshape(b.sub(b.scalar(1, g), written), around));
  };
  const byUpdate = () => {
    const matrices = b.reshape(isAt, [-1, ...Array<number>(rank - 3).fill(1), count, length]);
    if (axis === rank - 2) return b.matmul(matrices, g);
    const swapped = [...Array(rank).keys()].with(axis, rank - 2).with(rank - 2, axis);
    return b.transpose(b.matmul(matrices, b.transpose(g, swapped)), swapped);
  };
  return [wants(0) ? byCache() : null, wants(1) ? byUpdate() : null];
}

export const tensorScatterRules = { TensorScatter: tensorScatterGradient } satisfies Rules;
