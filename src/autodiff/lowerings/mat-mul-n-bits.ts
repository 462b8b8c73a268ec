import type { Node } from "../../onnx/graph.ts";
import { readTensor } from "../../onnx/tensor-proto.ts";
import { type Tensor, tensor } from "../../tensor.ts";
import type { LoweringContext, Lowerings } from "../lowering.ts";
import { unsupported } from "../rules/constants.ts";

/** Number i of a row of numbers of `bits` bits, the lowest bits of a byte first. */
const unpacked = (bytes: ArrayLike<number>, row: number, i: number, bits: number): number =>
  (bytes[row + Math.floor((i * bits) / 8)]! >> ((i * bits) % 8)) & (2 ** bits - 1);

/** Weights [K, N] = (number - zero point)·scale, each block of a column with its own zero point and scale. */
function dequantized(node: Node, packed: Tensor, scales: Tensor, zeroPoints: Tensor | undefined): Tensor {
  const { attributes } = node;
  const [k, n] = [attributes.int("K", 0), attributes.int("N", 0)];
  const [bits, size] = [attributes.int("bits", 4), attributes.int("block_size", 0)];
  const blocks = Math.ceil(k / size);
  const [bytes, zeros] = [packed.data, zeroPoints?.data] as [ArrayLike<number>, ArrayLike<number> | undefined];
  const data = new Float32Array(k * n);
  for (let column = 0; column < n; column++)
    for (let block = 0; block < blocks; block++) {
      const at = column * blocks + block;
      const scale = (scales.data as ArrayLike<number>)[at]!;
      const packedZero = () => unpacked(zeros!, column * Math.ceil((blocks * bits) / 8), block, bits);
      const zero = !zeros ? 2 ** (bits - 1) : zeroPoints!.type === "uint8" ? packedZero() : zeros[at]!;
      for (let i = 0; i < size && block * size + i < k; i++)
        data[(block * size + i) * n + column] = (unpacked(bytes, (at * size * bits) / 8, i, bits) - zero) * scale;
    }
  return tensor("float32", [k, n], data);
}

/** x·W + bias, W stored in 2, 4 or 8 bits an element. */
function matMulNBits({ node, x: [x, packed, scales, zeros, order, bias], b }: LoweringContext): string[] {
  const { attributes } = node;
  const constant = (name: string): Tensor => {
    const proto = b.initializer(name);
    if (!proto) throw unsupported(node, "weights that are not constant");
    return readTensor(proto);
  };
  if (order) throw unsupported(node, "g_idx");
  if (attributes.int("weight_prepacked", 0) !== 0) throw unsupported(node, "prepacked weights");
  // The kernel rounds x to 8 bits there, whose derivative is 0.
  if (attributes.int("accuracy_level", 0) === 4) throw unsupported(node, "an accuracy_level of 4");
  if (![2, 4, 8].includes(attributes.int("bits", 4))) throw unsupported(node, "numbers that cross bytes");
  if (b.fact(x!).type !== "float32") throw unsupported(node, "inputs that are not float32");
  const weights = dequantized(node, constant(packed!), constant(scales!), zeros ? constant(zeros) : undefined);
  const y = b.matmul(x!, b.constant(weights));
  return [bias ? b.plus(y, bias) : y];
}

export const matMulNBitsLowerings = { MatMulNBits: matMulNBits } satisfies Lowerings;
