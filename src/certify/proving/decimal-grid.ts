/**
 * Numbers of so many significant decimal digits, counted: what is searched on them ends at the same one, whatever way it took there.
 */
export interface DecimalGrid {
  /** The number at a place. */
  readonly at: (place: number) => number;
  /** The place of the largest one that is not above a positive number. */
  readonly below: (value: number) => number;
}

/** @param digits from 1 to 15 */
export function decimalGrid(digits: number): DecimalGrid {
  const first = 10 ** (digits - 1);
  const decade = 9 * first;
  const at = (place: number): number => {
    const exponent = Math.floor(place / decade);
    return Number(`${place - exponent * decade + first}e${exponent - digits + 1}`);
  };
  return {
    at,
    below(value) {
      const [mantissa, exponent] = value.toExponential(digits - 1).split("e") as [string, string];
      const place = Number(exponent) * decade + Number(mantissa.replace(".", "")) - first;
      return at(place) <= value ? place : place - 1;
    },
  };
}
