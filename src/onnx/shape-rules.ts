import type { ShapeRule } from "./facts.ts";
import { constantShapes } from "./shape-rules/constant.ts";
import { elementwiseShapes } from "./shape-rules/elementwise.ts";
import { linearShapes } from "./shape-rules/linear.ts";
import { movementShapes } from "./shape-rules/movement.ts";
import { reductionShapes } from "./shape-rules/reduction.ts";
import { selectionShapes } from "./shape-rules/selection.ts";
import { windowShapes } from "./shape-rules/window.ts";

/** How each operator's output shapes follow from its inputs. Operators without an entry give unknown shapes. */
export const shapeRules: Readonly<Record<string, ShapeRule>> = {
  ...elementwiseShapes,
  ...reductionShapes,
  ...windowShapes,
  ...linearShapes,
  ...movementShapes,
  ...selectionShapes,
  ...constantShapes,
};
