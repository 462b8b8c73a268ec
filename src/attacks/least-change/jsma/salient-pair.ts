/**
 * The pair p ≠ q of the elements that are `open` with the largest (a_p + a_q)(b_p + b_q), both sums positive; undefined where
 * there is none. Exact, without a matrix of all pairs: an element to which two others are at least equal in both a and b can
 * give way to one of them, so that only the few others are paired.
 */
export function salientPair(a: Float32Array, b: Float32Array, open: Uint8Array): readonly [number, number] | undefined {
  const leading = undominated(a, b, open);
  let best: readonly [number, number] | undefined;
  let most = 0;
  for (let i = 0; i < leading.length && a[leading[i]!]! > 0; i++)
    for (let j = i + 1; j < leading.length; j++) {
      const [p, q] = [leading[i]!, leading[j]!];
      const rise = a[p]! + a[q]!;
      const fall = b[p]! + b[q]!;
      if (!(rise > 0 && fall > 0 && rise * fall > most)) continue;
      most = rise * fall;
      best = [p, q];
    }
  return best;
}

/** The elements to which at most one other is at least equal in both a and b, by falling a; of equals the first two. */
function undominated(a: Float32Array, b: Float32Array, open: Uint8Array): number[] {
  // Two good elements rule out most of the others before anything is sorted.
  let [first, second] = [-1, -1];
  let [largest, next] = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < a.length; i++) {
    const least = open[i] ? Math.min(a[i]!, b[i]!) : Number.NaN;
    if (least > largest) [first, largest, second, next] = [i, least, first, largest];
    else if (least > next) [second, next] = [i, least];
  }
  if (second < 0) return [];
  const low = Math.min(a[first]!, a[second]!);
  const under = Math.min(b[first]!, b[second]!);
  const rest: number[] = [];
  for (let i = 0; i < a.length; i++)
    if (open[i] && (i === first || i === second || a[i]! > low || b[i]! > under)) rest.push(i);
  rest.sort((i, j) => a[j]! - a[i]! || b[j]! - b[i]! || i - j);
  // None that comes later has a larger a: it must exceed the second largest b so far.
  [largest, next] = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
  return rest.filter((i) => {
    const v = b[i]!;
    if (!(v > next)) return false;
    [largest, next] = v > largest ? [v, largest] : [largest, v];
    return true;
  });
}
