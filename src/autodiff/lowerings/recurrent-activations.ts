import type { Ops } from "../../onnx/ops.ts";
import type { LoweringContext } from "../lowering.ts";
import { unsupported } from "../rules/constants.ts";

export type Activation = (x: string) => string;

interface Kind {
  /** Defaults of α and β, as far as there are such parameters; null where runtimes and the standard disagree. */
  readonly defaults: readonly (number | null)[];
  readonly write: (b: Ops, x: string, alpha: number, beta: number) => string;
}

const plain = (op: string): Kind => ({ defaults: [], write: (b, x) => b.add(op, [x]) });
const withAlpha = (op: string, alpha: number): Kind => ({
  defaults: [alpha],
  write: (b, x, value) => b.add(op, [x], { alpha: { float: value } }),
});

/** x where it is above α, else 0; written so that opset 7 has it. */
const thresholded: Kind["write"] = (b, x, alpha) =>
  b.mul(x, b.cast(b.add("Greater", [x, b.scalar(alpha, x)]), b.fact(x).type ?? "float32"));

const kinds: Readonly<Record<string, Kind>> = {
  relu: plain("Relu"),
  tanh: plain("Tanh"),
  sigmoid: plain("Sigmoid"),
  softsign: plain("Softsign"),
  softplus: plain("Softplus"),
  leakyrelu: withAlpha("LeakyRelu", 0.01),
  elu: withAlpha("Elu", 1),
  hardsigmoid: {
    defaults: [0.2, 0.5],
    write: (b, x, alpha, beta) => b.add("HardSigmoid", [x], { alpha: { float: alpha }, beta: { float: beta } }),
  },
  // α·x + β
  affine: {
    defaults: [null, null],
    write: (b, x, alpha, beta) => b.plus(b.mul(x, b.scalar(alpha, x)), b.scalar(beta, x)),
  },
  // α·tanh(β·x)
  scaledtanh: {
    defaults: [null, null],
    write: (b, x, alpha, beta) => b.mul(b.add("Tanh", [b.mul(x, b.scalar(beta, x))]), b.scalar(alpha, x)),
  },
  thresholdedrelu: { defaults: [null], write: thresholded },
};

/**
 * The activation functions of a recurrent node, those of the forward direction first. Their parameters are taken from
 * the lists in order, each by the next function that has one.
 * @param names by default, in each direction
 * @throws no-gradient
 */
export function activationsOf(
  { node, b }: LoweringContext,
  directions: number,
  names: readonly string[],
): Activation[] {
  const all = Array<readonly string[]>(directions).fill(names).flat();
  const given = node.attributes.strings("activations", undefined);
  const chosen = given && given.length > 0 ? given : all;
  if (chosen.length < all.length) throw unsupported(node, `${chosen.length} activations, of ${all.length} needed,`);
  const lists = ["activation_alpha", "activation_beta"].map((name) => ({
    name,
    left: [...node.attributes.floats(name, [])],
  }));
  return chosen.map((name): Activation => {
    const kind = Object.hasOwn(kinds, name.toLowerCase()) ? kinds[name.toLowerCase()] : undefined;
    if (!kind) throw unsupported(node, `activation "${name}"`);
    const [alpha = 0, beta = 0] = kind.defaults.map((fallback, i) => {
      const value = lists[i]!.left.shift() ?? fallback;
      if (value === null) throw unsupported(node, `activation "${name}" without its ${lists[i]!.name}`);
      return value;
    });
    return (x) => kind.write(b, x, alpha, beta);
  });
}

/** What limits the argument of every gate to [-clip, clip], where the node says so. */
export function clipOf({ node, b }: LoweringContext): Activation {
  const clip = node.attributes.float("clip", undefined);
  if (clip === undefined || clip < 0) return (x) => x;
  return (x) =>
    b.opset >= 11
      ? b.add("Clip", [x, b.scalar(-clip, x), b.scalar(clip, x)])
      : b.add("Clip", [x], { min: { float: -clip }, max: { float: clip } });
}
