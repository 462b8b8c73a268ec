import type { Ops } from "../../onnx/ops.ts";
import type { RuleContext, Rules } from "../rule.ts";

/** Y = α·op(A)·op(B) + β·C, where op may transpose. */
function gemmGradient({ node, x: [a, w], g, b, wants }: RuleContext): (string | null)[] {
  const alpha = node.attributes.float("alpha", 1);
  const beta = node.attributes.float("beta", 1);
  const [transA, transB] = [node.attributes.int("transA", 0), node.attributes.int("transB", 0)];
  const gemm = (l: string, r: string, tl: number, tr: number): string => {
    // C became optional in opset 11.
    const inputs = b.opset >= 11 ? [l, r] : [l, r, b.unsqueeze(b.scalar(0, g), [0])];
    return b.add("Gemm", inputs, { transA: tl, transB: tr, alpha: { float: alpha } });
  };
  const byA = () => (transA ? gemm(w!, g, transB, 1) : gemm(g, w!, 0, 1 - transB));
  const byB = () => (transB ? gemm(g, a!, 1, transA) : gemm(a!, g, 1 - transA, 0));
  const byC = () => (beta === 1 ? g : b.mul(g, b.scalar(beta, g)));
  return [wants(0) ? byA() : null, wants(1) ? byB() : null, wants(2) ? byC() : null];
}

/** A·B over the last two axes, broadcast over the others; a vector counts as a matrix of one row or column. */
function matMulGradient({ x: [l, r], g, b, wants }: RuleContext): (string | null)[] {
  const [left, right] = [b.dims(l!).length, b.dims(r!).length];
  const a = left === 1 ? b.unsqueeze(l!, [0]) : l!;
  const w = right === 1 ? b.unsqueeze(r!, [1]) : r!;
  const withRow = left === 1 ? b.unsqueeze(g, [right === 1 ? 0 : b.dims(g).length - 1]) : g;
  const gradient = right === 1 ? b.unsqueeze(withRow, [b.dims(withRow).length]) : withRow;
  /** From the matrix that a vector counted as, back to the vector. */
  const restore = (value: string, matrix: string, original: string) =>
    matrix === original ? value : b.reshapeLike(b.sumTo(value, matrix), original);
  return [
    wants(0) ? restore(b.matmul(gradient, b.swap(w)), a, l!) : null,
    wants(1)
      ? restore(right === 2 && left > 2 ? byMatrix(b, a, gradient) : b.matmul(b.swap(a), gradient), w, r!)
      : null,
  ];
}

/** The gradient of one matrix shared by a whole batch: a single product over all rows. */
function byMatrix(b: Ops, a: string, g: string): string {
  const rows = (value: string) =>
    b.add("Reshape", [value, b.int64([-1, b.sizes(value, b.dims(value).length - 1)[0]!])]);
  return b.matmul(b.swap(rows(a)), rows(g));
}

export const linearRules = { Gemm: gemmGradient, MatMul: matMulGradient } satisfies Rules;
