import type { AttributeValue } from "../../onnx/attributes.ts";
import type { Node } from "../../onnx/graph.ts";
import type { Ops } from "../../onnx/ops.ts";
import type { LoweringContext, Lowerings } from "../lowering.ts";
import { unsupported } from "../rules/constants.ts";

/** The attributes that each activation takes, in the order in which a FusedConv lists them. */
const PARAMETERS: Readonly<Record<string, readonly string[]>> = {
  Relu: [],
  Sigmoid: [],
  Tanh: [],
  Softplus: [],
  Softsign: [],
  LeakyRelu: ["alpha"],
  Elu: ["alpha"],
  Celu: ["alpha"],
  ThresholdedRelu: ["alpha"],
  HardSigmoid: ["alpha", "beta"],
  Selu: ["alpha", "gamma"],
};

/** `y` through the activation of a fused node, whose parameter i, of that name, `parameter` tells. */
function activated(node: Node, b: Ops, y: string, parameter: (name: string, i: number) => number | undefined): string {
  const name = node.attributes.string("activation", "");
  if (name === "") return y;
  if (name === "Clip") return clip(b, y, parameter("min", 0)!, parameter("max", 1)!);
  if (name === "HardSwish") return hardSwish(b, y);
  const names = Object.hasOwn(PARAMETERS, name) ? PARAMETERS[name] : undefined;
  if (!names) throw unsupported(node, `activation "${name}"`);
  const attributes: Record<string, AttributeValue> = {};
  names.forEach((attribute, i) => {
    const value = parameter(attribute, i);
    if (value !== undefined) attributes[attribute] = { float: value };
  });
  return b.add(name, [y], attributes);
}

const clip = (b: Ops, y: string, min: number, max: number): string =>
  b.opset >= 11
    ? b.add("Clip", [y, b.scalar(min, y), b.scalar(max, y)])
    : b.add("Clip", [y], { min: { float: min }, max: { float: max } });

/** The operator came with opset 14. */
const hardSwish = (b: Ops, y: string): string =>
  b.opset >= 14
    ? b.add("HardSwish", [y])
    : b.mul(y, b.add("HardSigmoid", [y], { alpha: { float: 1 / 6 }, beta: { float: 0.5 } }));

/** The attributes of a node that are those of another operator. */
function attributesOf(
  node: Node,
  ints: readonly string[],
  lists: readonly string[] = [],
  floats: readonly string[] = [],
) {
  const { attributes } = node;
  const found: Record<string, AttributeValue> = {};
  for (const name of ints) if (attributes.has(name)) found[name] = attributes.int(name, 0);
  for (const name of lists) if (attributes.has(name)) found[name] = attributes.ints(name, []);
  for (const name of floats) if (attributes.has(name)) found[name] = { float: attributes.float(name, 0) };
  return found;
}

/** activation(Conv(X, W, B) + Z) */
export function fusedConv({ node, x: [image, weights, bias, sum], b }: LoweringContext): string[] {
  const attributes = attributesOf(node, ["group"], ["dilations", "kernel_shape", "pads", "strides"]);
  const auto = node.attributes.string("auto_pad", "NOTSET");
  const y = b.add("Conv", bias ? [image!, weights!, bias] : [image!, weights!], { ...attributes, auto_pad: auto });
  const parameters = node.attributes.floats("activation_params", []);
  return [activated(node, b, sum ? b.plus(y, sum) : y, (_, i) => parameters[i])];
}

/** activation(Gemm(A, B, C)) */
function fusedGemm({ node, x, b }: LoweringContext): string[] {
  const attributes = attributesOf(node, ["transA", "transB"], [], ["alpha", "beta"]);
  const inputs = x.filter((name) => name !== "");
  // C became optional in opset 11.
  if (inputs.length === 2 && b.opset < 11) inputs.push(b.unsqueeze(b.scalar(0, x[0]!), [0]));
  const y = b.add("Gemm", inputs, attributes);
  return [activated(node, b, y, (name) => node.attributes.float(`activation_${name}`, undefined))];
}

/** α·op(A)·op(B), where op may bring the first axis before the last one, and swap the last two. */
function fusedMatMul({ node, x, b }: LoweringContext): string[] {
  const alpha = node.attributes.float("alpha", 1);
  const turned = (i: number, name: string): string => {
    const rank = b.dims(x[i]!).length;
    const perm = [...Array(rank).keys()];
    if (rank < 2) return x[i]!;
    if (node.attributes.int(`transBatch${name}`, 0)) perm.splice(rank - 2, 0, perm.shift()!);
    if (node.attributes.int(`trans${name}`, 0)) perm.splice(rank - 2, 2, perm[rank - 1]!, perm[rank - 2]!);
    return perm.every((axis, j) => axis === j) ? x[i]! : b.transpose(x[i]!, perm);
  };
  const a = turned(0, "A");
  return [b.matmul(alpha === 1 ? a : b.mul(a, b.scalar(alpha, a)), turned(1, "B"))];
}

export const microsoftFusedLowerings = {
  FusedConv: fusedConv,
  FusedGemm: fusedGemm,
  FusedMatMul: fusedMatMul,
  TransposeMatMul: fusedMatMul,
} satisfies Lowerings;
