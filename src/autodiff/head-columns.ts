import type { Node } from "../onnx/graph.ts";
import { type Facts, wideAxes } from "./head-shares.ts";
import { type LogitsFound, type Step, step, stepOf, type Walk } from "./head-steps.ts";

/** Operators that change no element of a column. */
const TRANSPARENT = new Set(["Identity", "Cast", "Reshape", "Squeeze", "Unsqueeze", "Flatten"]);

/**
 * The sigmoids of several classes that are put side by side, each of a model of its own: as of scikit-learn's
 * OneVsRestClassifier. Undefined where they are not all the same function.
 */
export function columnsStep(walk: Walk, facts: Facts, { op, domain, inputs, outputs }: Node): Step | undefined {
  if (op !== "Concat" || domain !== "" || inputs.length < 2) return undefined;
  const [result = "", dims] = [outputs[0], facts.get(outputs[0] ?? "")?.dims];
  if (dims?.length !== 2 || wideAxes(dims).length !== 1 || dims[1] !== inputs.length) return undefined;
  const columns = inputs.map((input) => columnOf(walk, facts, input));
  const found = columns.filter((column) => column !== undefined);
  if (found.length < columns.length) return undefined;
  return step("Sigmoid", result, { found: { logits: result, columns: found } });
}

/** What one column is the sigmoid of. */
function columnOf(walk: Walk, facts: Facts, name: string): LogitsFound | undefined {
  const node = walk.makers.get(name);
  if (!node) return undefined;
  const input = node.inputs[0]!;
  if (node.domain === "" && TRANSPARENT.has(node.op)) return columnOf(walk, facts, input);
  if (node.domain === "" && node.op === "Slice") return secondOf(walk, facts, node);
  const found = stepOf(walk, node);
  const isPlain = found?.op === "Sigmoid" && !found.turns && !found.found.integers && !found.found.classifier;
  return isPlain && facts.get(found.value)?.dims?.length === 2 ? found.found : undefined;
}

/** The probability of class 1 that a linear classifier of two gives. */
function secondOf(walk: Walk, facts: Facts, { inputs }: Node): LogitsFound | undefined {
  const classifier = walk.makers.get(inputs[0]!);
  const [start, end, axis] = inputs.slice(1).map((name) => facts.get(name)?.values?.join());
  const isLogistic =
    classifier?.op === "LinearClassifier" && classifier.attributes.string("post_transform", "NONE") === "LOGISTIC";
  const two = isLogistic && classifier.attributes.floats("intercepts", []).length <= 2;
  if (!two || start !== "1" || end !== "2" || axis !== "1") return undefined;
  return { logits: inputs[0]!, classifier, column: 1 };
}
