import type { Ops } from "../../onnx/ops.ts";
import type { Lowering, LoweringContext } from "../lowering.ts";
import { unsupported } from "../rules/constants.ts";
import { split } from "./split.ts";

/**
 * Pairs of features are turned by an angle that grows with the position: (a, b) to (a·cos - b·sin, a·sin + b·cos)
 * (Su et al. 2021, https://arxiv.org/abs/2104.09864). X is [batch, heads, sequence, size] or [batch, sequence, heads·size].
 */
const rotaryEmbedding: Lowering = (context) => {
  const { node, x, b } = context;
  const flat = b.dims(x[0]!).length === 3;
  const heads = node.attributes.int("num_heads", 0);
  if (flat && heads === 0) throw unsupported(node, "an input of rank 3 and no num_heads");
  const input = flat ? b.reshape(x[0]!, [0, 0, heads, b.size(x[0]!, 2) / heads]) : x[0]!;
  const size = b.size(input, 3);
  const turned = node.attributes.int("rotary_embedding_dim", 0) || size;
  const [head, ...rest] = turned === size ? [input] : split(b, input, 3, [turned, size - turned]);
  const interleaved = node.attributes.int("interleaved", 0) === 1;
  const result = turn(b, head!, turned / 2, interleaved, angles(context, flat));
  const whole = rest.length > 0 ? b.add("Concat", [result, ...rest], { axis: 3 }) : result;
  return [flat ? b.reshape(whole, [0, 0, heads * size]) : whole];
};

/** cos and sin for each position, with an axis for the heads. */
function angles({ x, b }: LoweringContext, flat: boolean): [cos: string, sin: string] {
  const at = (cache: string): string =>
    b.unsqueeze(x[3] ? b.add("Gather", [cache, x[3]], { axis: 0 }) : cache, [flat ? 2 : 1]);
  return [at(x[1]!), at(x[2]!)];
}

/** Pairs stand side by side where they are interleaved, else half the features apart. */
function turn(b: Ops, a: string, half: number, interleaved: boolean, [cos, sin]: [cos: string, sin: string]): string {
  const pairs = interleaved ? b.reshape(a, [0, 0, 0, half, 2]) : a;
  const axis = interleaved ? 4 : 3;
  const halves = split(b, pairs, axis, interleaved ? [1, 1] : [half, half]);
  const [p, q] = halves.map((part) => (interleaved ? b.squeeze(part, [4]) : part)) as [string, string];
  const result = [b.sub(b.mul(p, cos), b.mul(q, sin)), b.plus(b.mul(p, sin), b.mul(q, cos))];
  const joined = result.map((part) => (interleaved ? b.unsqueeze(part, [4]) : part));
  const whole = b.add("Concat", joined, { axis });
  return interleaved ? b.reshape(whole, [0, 0, 0, 2 * half]) : whole;
}

/** x·sigmoid(α·x) (Ramachandran et al. 2017, https://arxiv.org/abs/1710.05941). */
const swish: Lowering = ({ node, x: [x], b }) => {
  const alpha = node.attributes.float("alpha", 1);
  return [b.mul(x!, b.add("Sigmoid", [alpha === 1 ? x! : b.mul(x!, b.scalar(alpha, x!))]))];
};

export const rotaryLowerings = { RotaryEmbedding: rotaryEmbedding, Swish: swish };
