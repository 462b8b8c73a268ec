import { PerturbError } from "../errors.ts";

/** The opset from which on an operator exists, for those that came after opset 7, the oldest that ONNX Runtime runs. */
const SINCE: Readonly<Record<string, number>> = {
  Expand: 8,
  ConstantOfShape: 9,
  IsNaN: 9,
  MaxUnpool: 9,
  NonZero: 9,
  Sign: 9,
  Where: 9,
  Range: 11,
  GreaterOrEqual: 12,
  LessOrEqual: 12,
};

/** @throws unsupported when the operator is newer than the opset */
export function checkSince(op: string, opset: number): void {
  const since = SINCE[op] ?? 1;
  if (opset >= since) return;
  throw new PerturbError(
    "unsupported",
    `The operator ${op} is needed, which came with opset ${since}, and the model declares opset ${opset}. Export the model with opset ${since} or newer.`,
    { data: { op, since, opset } },
  );
}
