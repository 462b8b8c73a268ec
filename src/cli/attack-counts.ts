import { columns, print } from "./output.ts";

/** What came of one ε. */
export interface Count {
  correct: number;
  fooled: number;
  /** Of the fooled, after rounding to 8 bits. */
  survived: number;
}

/** Prints what came of each ε, and where the examples are. */
export async function printCounts(
  { eps, png }: { readonly eps: readonly number[]; readonly png?: true | undefined },
  counts: readonly Count[],
  out: string,
): Promise<void> {
  const { formatEpsilon } = await import("../report/format.ts");
  const titles = ["ε", "still correct", "fooled", ...(png ? ["fooled as 8-bit PNG"] : [])];
  const rows = counts.map(({ correct, fooled, survived }, k) => [
    formatEpsilon(eps[k]!),
    String(correct),
    String(fooled),
    ...(png ? [`${survived} of ${fooled}`] : []),
  ]);
  print(...columns([titles, ...rows]), "", `Written: ${out}`);
}
