import type { Detection, DetectionFigures } from "../../evaluate/detection/detect.ts";
import type { Note } from "../../option.ts";
import { VERSION } from "../../version.ts";

/** The JSON document: `detectionSchema`. */
export interface DetectionDocument {
  readonly schema: 1;
  readonly perturb: string;
  readonly model: {
    readonly name: string;
    readonly sha256: string | null;
    readonly classes: number;
    readonly inputShape: number[];
  };
  readonly data: Detection["data"];
  readonly detector: { readonly name: string; readonly settings: string[]; readonly paper: string };
  readonly attacks: string[];
  readonly norm: string;
  readonly threshold: number;
  readonly clean: Detection["clean"];
  readonly points: {
    readonly epsilon: number;
    readonly unaware: DetectionFigures;
    readonly adaptive: DetectionFigures;
  }[];
  readonly warnings: Note[];
}

export function detectionDocument(result: Detection): DetectionDocument {
  const { name, sha256, classes, inputShape } = result.model;
  const { data, detector, attacks, norm, threshold, clean, points, warnings } = result;
  return {
    schema: 1,
    perturb: VERSION,
    model: { name, sha256, classes, inputShape: [...inputShape] },
    data,
    detector: { ...detector, settings: [...detector.settings] },
    attacks: [...attacks],
    norm,
    threshold,
    clean,
    points: [...points],
    warnings: [...warnings],
  };
}
