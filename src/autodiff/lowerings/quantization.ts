import { Attributes } from "../../onnx/attributes.ts";
import type { Node } from "../../onnx/graph.ts";
import type { Ops } from "../../onnx/ops.ts";
import { ARRAY_OF, tensor } from "../../tensor.ts";
import type { Lowering, LoweringContext, Lowerings } from "../lowering.ts";
import { centred } from "../rules/quantization.ts";

/** The real numbers behind integers. DequantizeLinear in arithmetic, of which every opset has all of it. */
export const dequantized = (b: Ops, value: string, scale: string, zero: string | undefined): string =>
  b.mul(centred(b, value, zero), scale);

/** The integers for real numbers, whose scale and zero point are one for all. */
export const quantized = (b: Ops, value: string, scale: string, zero: string | undefined): string =>
  b.add("QuantizeLinear", [value, scale, ...(zero ? [zero] : [])]);

/** A standard operator with the attributes of a node, but for those named. */
export function again(
  b: Ops,
  node: Node,
  op: string,
  inputs: readonly string[],
  without: readonly string[] = [],
): string {
  const output = b.fresh(op);
  const attributes = new Attributes(node.attributes.protos.filter(({ name }) => !without.includes(name)));
  b.append({ op, domain: "", name: "", inputs, outputs: [output], attributes });
  return output;
}

/** A list of scales or zero points, one an entry of `axis` of a value of this rank, in the shape in which it meets it. */
export function along(b: Ops, list: string | undefined, axis: number, rank: number): string | undefined {
  if (!list || b.dims(list).length !== 1 || b.dims(list)[0] === 1) return list;
  return b.reshape(
    list,
    Array.from({ length: rank }, (_, i) => (i === axis ? -1 : 1)),
  );
}

/** Y = quantised Σ (x - z_x)(w - z_w)·s_x·s_w + bias, whose scale is s_x·s_w. */
const qLinearConv: Lowering = ({ node, x, b }) => {
  const [image, imageScale, imageZero, weights, weightScale, weightZero, scale, zero, bias] = x;
  const rank = b.dims(weights!).length;
  const inputs = [centred(b, image!, imageZero), centred(b, weights!, along(b, weightZero, 0, rank))];
  const sums = again(b, node, "Conv", bias ? [...inputs, b.cast(bias, "float32")] : inputs);
  const unit = b.mul(imageScale!, along(b, weightScale, 1, rank)!);
  return [quantized(b, b.mul(sums, unit), scale!, zero)];
};

/** One scale for each row of the left matrix, for each column of the right one, or one for all. */
const qLinearMatMul: Lowering = ({ x, b }) => {
  const [left, leftScale, leftZero, right, rightScale, rightZero, scale, zero] = x;
  const rows = (list: string | undefined) => along(b, list, 0, 2);
  const sums = b.matmul(centred(b, left!, rows(leftZero)), centred(b, right!, rightZero));
  return [quantized(b, b.mul(sums, b.mul(rows(leftScale)!, rightScale!)), scale!, zero)];
};

/**
 * An operator on bytes whose rule looks at values: done in real numbers, and put back into bytes without loss.
 * @param values how many inputs are bytes, by default all
 */
const onBytes =
  (values = Number.POSITIVE_INFINITY): Lowering =>
  ({ node, x, b }: LoweringContext) => {
    const { type } = b.fact(x[0]!);
    if ((type !== "int8" && type !== "uint8") || node.outputs[1]) return null;
    const y = again(
      b,
      node,
      node.op,
      x.map((name, i) => (name !== "" && i < values ? b.cast(name, "float32") : name)),
    );
    return [quantized(b, y, b.scalar(1, y), b.constant(tensor(type, [], ARRAY_OF[type].of(0) as never)))];
  };

export const quantizationLowerings = {
  QLinearConv: qLinearConv,
  QLinearMatMul: qLinearMatMul,
  Clip: onBytes(),
  Max: onBytes(),
  MaxPool: onBytes(),
  Min: onBytes(),
  ReduceMax: onBytes(1),
  ReduceMin: onBytes(1),
  Relu: onBytes(),
} satisfies Lowerings;
