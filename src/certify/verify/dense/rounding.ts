/** Half the distance of float32 numbers around 1, and of float64 ones. */
export const UNIT = 2 ** -24;
export const OWN = 2 ** -53;
/** More than what a sum loses of numbers too small for float32, for each factor that stands beside one. */
export const LOST = 1e-30;
/** Sums of no larger parts stay in the range of float32. */
export const LARGEST = 2 ** 60;

/** γₙ = nu/(1 - nu) (Higham 2002, §3.1), a little larger. */
export const gamma = (n: number, unit: number): number => (1.01 * n * unit) / (1 - 2 * n * unit);
