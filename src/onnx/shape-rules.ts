import type { ShapeRule } from "./facts.ts";
import { recurrenceShapes } from "./recurrence.ts";
import { attentionShapes } from "./shape-rules/attention.ts";
import { constantShapes } from "./shape-rules/constant.ts";
import { einsumShapes } from "./shape-rules/einsum.ts";
import { elementwiseShapes } from "./shape-rules/elementwise.ts";
import { fourierShapes } from "./shape-rules/fourier.ts";
import { indexingShapes } from "./shape-rules/indexing.ts";
import { linearShapes } from "./shape-rules/linear.ts";
import { lossShapes } from "./shape-rules/loss.ts";
import { mlShapes } from "./shape-rules/ml.ts";
import { movementShapes } from "./shape-rules/movement.ts";
import { microsoftQuantizationShapes, quantizationShapes } from "./shape-rules/quantization.ts";
import { randomShapes } from "./shape-rules/random.ts";
import { recurrentShapes } from "./shape-rules/recurrent.ts";
import { reductionShapes } from "./shape-rules/reduction.ts";
import { regionShapes } from "./shape-rules/regions.ts";
import { resizeShapes } from "./shape-rules/resize.ts";
import { selectionShapes } from "./shape-rules/selection.ts";
import { windowShapes } from "./shape-rules/window.ts";

/** How each operator's output shapes follow from its inputs. Operators without an entry give unknown shapes. */
export const shapeRules: Readonly<Record<string, ShapeRule>> = {
  ...elementwiseShapes,
  ...reductionShapes,
  ...recurrentShapes,
  ...recurrenceShapes,
  ...windowShapes,
  ...regionShapes,
  ...linearShapes,
  ...movementShapes,
  ...selectionShapes,
  ...indexingShapes,
  ...einsumShapes,
  ...resizeShapes,
  ...quantizationShapes,
  ...constantShapes,
  ...attentionShapes,
  ...lossShapes,
  ...fourierShapes,
  ...randomShapes,
};

/** The same for the operators of ONNX Runtime, com.microsoft. */
const microsoftShapeRules: Readonly<Record<string, ShapeRule>> = {
  ...microsoftQuantizationShapes,
};

/** The rules of each domain. */
export const shapeRulesOf: Readonly<Record<string, Readonly<Record<string, ShapeRule>>>> = {
  "": shapeRules,
  "com.microsoft": microsoftShapeRules,
  "ai.onnx.ml": mlShapes,
};
