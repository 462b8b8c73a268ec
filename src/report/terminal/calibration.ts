import type { Calibration, CalibrationFigures } from "../../evaluate/calibration/calibrate.ts";
import { formatEpsilon, formatPercent } from "../format.ts";

/** Titles, and a row without the temperature and with it, clean and at each ε. */
export function calibrationRows({ temperature, clean, attacked }: Calibration): string[][] {
  const row = (of: string, t: string, { accuracy, confidence, ece, adaptiveEce, brier, nll }: CalibrationFigures) => [
    of,
    t,
    formatPercent(accuracy),
    formatPercent(confidence),
    formatPercent(ece),
    formatPercent(adaptiveEce),
    brier.toFixed(4),
    nll.toFixed(4),
  ];
  const all = [
    { of: "clean", ...clean },
    ...attacked.map((one) => ({ of: `ε = ${formatEpsilon(one.epsilon)}`, ...one })),
  ];
  return [
    ["samples", "T", "accuracy", "confidence", "ECE", "adaptive ECE", "Brier", "NLL"],
    ...all.flatMap(({ of, before, after }) => [row(of, "1", before), row(of, temperature.toPrecision(4), after)]),
  ];
}
