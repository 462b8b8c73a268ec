import { PerturbError } from "../errors.ts";
import { own } from "../own.ts";

/** The opset from which on an operator exists, for those that came after opset 7, the oldest that ONNX Runtime runs. */
const SINCE: Readonly<Record<string, number>> = {
  Expand: 8,
  Compress: 9,
  ConstantOfShape: 9,
  IsNaN: 9,
  MaxUnpool: 9,
  NonZero: 9,
  OneHot: 9,
  Sign: 9,
  Where: 9,
  ReverseSequence: 10,
  CumSum: 11,
  GatherElements: 11,
  GatherND: 11,
  Range: 11,
  MatMulInteger: 10,
  DynamicQuantizeLinear: 11,
  QuantizeLinear: 10,
  Round: 11,
  ScatterElements: 11,
  ScatterND: 11,
  Einsum: 12,
  Celu: 12,
  GreaterOrEqual: 12,
  LessOrEqual: 12,
  HardSwish: 14,
  Trilu: 14,
  GridSample: 16,
  DeformConv: 19,
  AffineGrid: 20,
  CumProd: 26,
};

/** @throws unsupported when the operator is newer than the opset */
export function checkSince(op: string, opset: number): void {
  const since = own(SINCE, op) ?? 1;
  if (opset >= since) return;
  throw new PerturbError(
    "unsupported",
    `The operator ${op} is needed, which came with opset ${since}, and the model declares opset ${opset}. Export the model with opset ${since} or newer.`,
    { data: { op, since, opset } },
  );
}
