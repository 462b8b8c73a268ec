import type { Comparison, PairedAccuracy } from "../evaluate/results/compare.ts";
import { columns, print } from "./output.ts";

/** Both models side by side, clean and at each ε. `difference`: of A minus B, or of B minus A, where B is what became of A. */
export async function printComparison(
  { a, b, data, norm, target, clean, points }: Comparison,
  difference: "A - B" | "B - A" = "A - B",
): Promise<void> {
  const { beyondClean, formatCount, formatEpsilon, formatPercent, formatPValue, printable } = await import(
    "../report/format.ts"
  );
  const signed = (share: number): string => `${share < 0 ? "-" : "+"}${Math.abs(100 * share).toFixed(2)}`;
  const row = (name: string, { ci95: [low, high], ...point }: PairedAccuracy): string[] => [
    name,
    formatPercent(point.a.accuracy),
    formatPercent(point.b.accuracy),
    ...(difference === "A - B"
      ? [signed(point.difference), `${signed(low)} … ${signed(high)}`]
      : [signed(-point.difference), `${signed(-high)} … ${signed(-low)}`]),
    formatCount(point.onlyA),
    formatCount(point.onlyB),
    formatPValue(point.pValue),
  ];
  const rows = [
    ["ε", "A", "B", difference, "95% interval", "only A", "only B", "p"],
    row("clean", clean),
    ...beyondClean(points).map((point) => row(formatEpsilon(point.epsilon), point)),
  ];
  print(
    printable(`A: ${a.name} (${a.model}, ${a.attacks.join(", ")})`),
    printable(`B: ${b.name} (${b.model}, ${b.attacks.join(", ")})`),
    printable(
      `${formatCount(data.total)} samples of ${data.name}, ${norm}${target === null ? "" : `, target ${target}`}; differences in percentage points`,
    ),
    "",
    ...columns(rows, "right"),
  );
}
