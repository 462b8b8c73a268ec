import { broadcast } from "../dims.ts";
import type { ShapeRule } from "../facts.ts";

const matMul: ShapeRule = ({ input }) => {
  const { type, dims: a } = input(0);
  const b = input(1).dims;
  if (!a || !b) return { type, dims: null };
  const batch = broadcast(a.slice(0, -2), b.slice(0, -2))!;
  return { type, dims: [...batch, ...(a.length > 1 ? [a.at(-2)!] : []), ...(b.length > 1 ? [b.at(-1)!] : [])] };
};

const gemm: ShapeRule = ({ node, input }) => {
  const { type, dims: a } = input(0);
  const b = input(1).dims;
  if (!a || !b) return { type, dims: [null, null] };
  return { type, dims: [a[node.attributes.int("transA", 0)]!, b[1 - node.attributes.int("transB", 0)]!] };
};

/** Matrix products. */
export const linearShapes: Readonly<Record<string, ShapeRule>> = {
  Gemm: gemm,
  MatMul: matMul,
  Det: ({ input }) => ({ type: input(0).type, dims: input(0).dims?.slice(0, -2) ?? null }),
};
