import type { ElementType } from "../../tensor.ts";
import { broadcast } from "../dims.ts";
import type { Fact, ShapeContext, ShapeRule } from "../facts.ts";
import { elementType } from "../tensor-proto.ts";
import { linearShapes } from "./linear.ts";
import { selectionShapes } from "./selection.ts";
import { windowShapes } from "./window.ts";

type TypeOf = (context: ShapeContext) => ElementType | null;

const typeOfInput =
  (i: number): TypeOf =>
  ({ input }) =>
    input(i).type;

const firstOf = (facts: Fact | readonly Fact[]): Fact => ("type" in facts ? facts : facts[0]!);

/** The shape that an operator gives of the inputs at these places, among which scales and zero points stand. */
const like =
  (
    rule: ShapeRule | undefined,
    places: readonly number[] | ((count: number) => readonly number[]),
    type: TypeOf,
  ): ShapeRule =>
  (context) => {
    const { node, input } = context;
    const at = typeof places === "function" ? places(node.inputs.length) : places;
    const picked = { ...node, inputs: at.map((i) => node.inputs[i] ?? "") };
    const { dims } = firstOf(rule!({ ...context, node: picked, input: (i) => input(at[i] ?? -1) }));
    return { type: type(context), dims };
  };

const same: ShapeRule = ({ input }) => ({ type: input(0).type, dims: input(0).dims });

/** Channels in the last axis are not told apart here. */
const channelsFirst =
  (rule: ShapeRule | undefined): ShapeRule =>
  (context) =>
    context.node.attributes.int("channels_last", 0) === 1
      ? { type: context.input(0).type, dims: context.input(0).dims?.map(() => null) ?? null }
      : { ...firstOf(rule!(context)), type: context.input(0).type };

const quantize: ShapeRule = ({ node, input }) => {
  const given = node.attributes.int("output_dtype", 0);
  const type = given ? elementType(given) : node.inputs[2] ? input(2).type : "uint8";
  return { type: type ?? null, dims: input(0).dims };
};

const dequantize: ShapeRule = ({ node, input }) => {
  const given = node.attributes.int("output_dtype", 0);
  return { type: (given ? elementType(given) : input(1).type) ?? null, dims: input(0).dims };
};

/** Integers with a scale: of the standard. */
export const quantizationShapes: Readonly<Record<string, ShapeRule>> = {
  QuantizeLinear: quantize,
  DequantizeLinear: dequantize,
  DynamicQuantizeLinear: ({ input }) => [
    { type: "uint8", dims: input(0).dims },
    { type: "float32", dims: [] },
    { type: "uint8", dims: [] },
  ],
  MatMulInteger: like(linearShapes["MatMul"], [0, 1], () => "int32"),
  ConvInteger: like(windowShapes["Conv"], [0, 1], () => "int32"),
  QLinearMatMul: like(linearShapes["MatMul"], [0, 3], typeOfInput(7)),
  QLinearConv: like(windowShapes["Conv"], [0, 3], typeOfInput(7)),
};

const broadcastOf =
  (...places: readonly number[]): ShapeRule =>
  ({ input }) => ({ type: input(places.at(-1)!).type, dims: places.map((i) => input(i).dims).reduce(broadcast) });

/** Every third input from the third on. */
const everyThird = (count: number) => Array.from({ length: Math.ceil((count - 2) / 3) }, (_, i) => 2 + 3 * i);

/** Integers with a scale: of ONNX Runtime (com.microsoft). */
export const microsoftQuantizationShapes: Readonly<Record<string, ShapeRule>> = {
  QuantizeLinear: quantize,
  DequantizeLinear: dequantize,
  QLinearAdd: broadcastOf(0, 3),
  QLinearMul: broadcastOf(0, 3),
  QLinearWhere: broadcastOf(0, 1, 4),
  QLinearSigmoid: same,
  QLinearLeakyRelu: same,
  QLinearSoftmax: same,
  QLinearAveragePool: channelsFirst(windowShapes["AveragePool"]),
  QLinearGlobalAveragePool: channelsFirst(windowShapes["GlobalAveragePool"]),
  QLinearConcat: like(selectionShapes["Concat"], everyThird, typeOfInput(2)),
  QGemm: like(linearShapes["Gemm"], [0, 3], ({ node, input }) => (node.inputs[7] ? input(8).type : "float32")),
  DynamicQuantizeMatMul: like(linearShapes["MatMul"], [0, 1], () => "float32"),
  MatMulIntegerToFloat: like(linearShapes["MatMul"], [0, 1], typeOfInput(2)),
};
