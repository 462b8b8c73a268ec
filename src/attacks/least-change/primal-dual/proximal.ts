/** d ← argmin_z amount · ‖z‖₁ + ½ Σ metric_j (z_j - d_j)²: each element by its own threshold. */
export function shrinkEach(d: Float32Array, metric: Float64Array, amount: number): void {
  for (let j = 0; j < d.length; j++) {
    const threshold = amount / metric[j]!;
    const v = d[j]!;
    d[j] = v > threshold ? v - threshold : v < -threshold ? v + threshold : 0;
  }
}

/**
 * The same of ‖z‖∞: all elements are cut at the one level t where Σ metric_j max(0, |d_j| - t) = amount, which is found by leaving out those
 * that lie below it until none is left.
 */
export function shrinkLargest(d: Float32Array, metric: Float64Array, amount: number): void {
  let level = 0;
  for (let before = Number.POSITIVE_INFINITY, count = d.length + 1; count < before; ) {
    before = count;
    count = 0;
    let [weights, sum] = [0, 0];
    for (let j = 0; j < d.length; j++) {
      const v = Math.abs(d[j]!);
      if (v < level) continue;
      weights += metric[j]!;
      sum += metric[j]! * v;
      count++;
    }
    // None is left where rounding lifts the level above the last.
    if (count > 0) level = Math.max(0, (sum - amount) / weights);
  }
  for (let j = 0; j < d.length; j++) d[j] = Math.min(level, Math.max(-level, d[j]!));
}
