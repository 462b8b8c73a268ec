import type { Ops } from "../../onnx/ops.ts";
import { tensor } from "../../tensor.ts";
import type { RuleContext, Rules } from "../rule.ts";
import { unsupported } from "./constants.ts";
import { asTypeOf } from "./selection.ts";

/** Rows of a matrix whose minors are few enough to be spelled out. */
const MAX_SIZE = 6;

/** The matrix of cofactors (Jacobi's formula), which is right also where the determinant is 0. */
function determinantGradient({ node, x: [x], g, b }: RuleContext): string[] {
  const [n] = b.sizes(x!, b.dims(x!).length - 2);
  if (n! > MAX_SIZE) throw unsupported(node, `matrices of more than ${MAX_SIZE} rows`);
  const each = b.reshape(g, [-1, 1]);
  if (n === 1) return [b.reshapeLike(each, x!)];
  // The minor without row i and column j is the last but (i, j).
  const reversed = [...Array(n! * n!).keys()].reverse();
  const signs = Float32Array.from(reversed, (_, i) => (((i % n!) + Math.floor(i / n!)) % 2 === 0 ? 1 : -1));
  const last = pick(b, minors(b, b.reshape(x!, [-1, n! * n!]), n!, n! - 1), reversed);
  const cofactors = b.mul(last, asTypeOf(b, b.constant(tensor("float32", [n! * n!], signs)), last));
  return [b.reshapeLike(b.mul(each, cofactors), x!)];
}

/** All minors of k rows and columns of matrices [matrices, n·n], each by Laplace's expansion along its first row. */
function minors(b: Ops, entries: string, n: number, k: number): string {
  if (k === 1) return entries;
  const smaller = minors(b, entries, n, k - 1);
  const [sets, below] = [subsets(n, k), subsets(n, k - 1)];
  const place = (set: readonly number[]) => below.findIndex((other) => other.every((v, i) => v === set[i]));
  const pairs = sets.flatMap((rows) => sets.map((columns) => ({ rows, columns })));
  const terms = Array.from({ length: k }, (_, t) => {
    const factors = pairs.map(({ rows, columns }) => rows[0]! * n + columns[t]!);
    const rest = pairs.map(({ rows, columns }) => place(rows.slice(1)) * below.length + place(columns.toSpliced(t, 1)));
    return b.mul(pick(b, entries, factors), pick(b, smaller, rest));
  });
  return terms.reduce((sum, term, t) => (t % 2 === 0 ? b.plus(sum, term) : b.sub(sum, term)));
}

const pick = (b: Ops, values: string, places: readonly number[]): string =>
  b.add("Gather", [values, b.int64(places)], { axis: 1 });

/** The sets of k of the numbers below n, in lexicographic order. */
const subsets = (n: number, k: number, from = 0): number[][] =>
  k === 0
    ? [[]]
    : Array.from({ length: Math.max(0, n - from) }, (_, i) => from + i).flatMap((first) =>
        subsets(n, k - 1, first + 1).map((rest) => [first, ...rest]),
      );

export const determinantRules = { Det: determinantGradient } satisfies Rules;
