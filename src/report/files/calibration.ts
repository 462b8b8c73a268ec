import type { Calibration, CalibrationFigures } from "../../evaluate/calibration/calibrate.ts";
import type { Note } from "../../option.ts";
import { VERSION } from "../../version.ts";

type Figures = Omit<CalibrationFigures, "bins"> & { readonly bins: CalibrationFigures["bins"][number][] };
interface BeforeAfter {
  readonly before: Figures;
  readonly after: Figures;
}

/** The JSON document: `calibrationSchema`. */
export interface CalibrationDocument {
  readonly schema: 1;
  readonly perturb: string;
  readonly model: {
    readonly name: string;
    readonly sha256: string | null;
    readonly classes: number;
    readonly inputShape: number[];
    readonly head: string;
  };
  readonly data: Calibration["data"];
  readonly temperature: number;
  readonly clean: BeforeAfter;
  readonly attacked: (BeforeAfter & { readonly attacks: string[]; readonly norm: string; readonly epsilon: number })[];
  readonly warnings: Note[];
}

export function calibrationDocument(result: Calibration): CalibrationDocument {
  const { name, sha256, classes, inputShape, head } = result.model;
  const figures = ({ bins, ...rest }: CalibrationFigures): Figures => ({ ...rest, bins: [...bins] });
  return {
    schema: 1,
    perturb: VERSION,
    model: { name, sha256, classes, inputShape: [...inputShape], head },
    data: result.data,
    temperature: result.temperature,
    clean: { before: figures(result.clean.before), after: figures(result.clean.after) },
    attacked: result.attacked.map(({ attacks, norm, epsilon, before, after }) => ({
      attacks: [...attacks],
      norm,
      epsilon,
      before: figures(before),
      after: figures(after),
    })),
    warnings: [...result.warnings],
  };
}
