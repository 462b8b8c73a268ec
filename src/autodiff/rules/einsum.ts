import type { Ops } from "../../onnx/ops.ts";
import { einsumSubscripts } from "../../onnx/shape-rules/einsum.ts";
import { tensor } from "../../tensor.ts";
import type { RuleContext, Rules } from "../rule.ts";
import { unsupported } from "./constants.ts";
import { MAX_SELECTION } from "./selection.ts";

/** A value with one symbol an axis. */
interface Operand {
  readonly value: string;
  readonly axes: readonly string[];
}

/** The symbols that ONNX Runtime takes for axes. */
const LETTERS = "abcdefghijklmnopqrstuvwxyz";

/** By one input: the product of the others and the gradient, summed over what that input does not have. */
function einsumGradient({ node, x, g, b, wants }: RuleContext): (string | null)[] {
  const { inputs, output } = einsumSubscripts(
    node.attributes.string("equation", ""),
    x.map((value) => b.dims(value).length),
  );
  if (new Set([...inputs.flat(), ...output]).size > LETTERS.length)
    throw unsupported(node, `more than ${LETTERS.length} different axes`);
  const repeated = inputs.flatMap((axes, i) => axes.flatMap((a, j) => (axes.indexOf(a) < j ? [b.size(x[i]!, j)] : [])));
  if (repeated.some((size) => size ** 2 > MAX_SELECTION)) throw unsupported(node, "a diagonal so large");
  const operands = inputs.map((axes, i): Operand => ({ value: x[i]!, axes }));
  return operands.map((operand, i) => {
    if (!wants(i)) return null;
    const others = [...operands.filter((_, j) => j !== i), { value: g, axes: output }];
    const shared = [...new Set(operand.axes)].filter((axis) => others.some(({ axes }) => axes.includes(axis)));
    return spread(b, { value: contract(b, others, shared), axes: shared }, operand);
  });
}

/** The Einsum of these operands. */
function contract(b: Ops, operands: readonly Operand[], output: readonly string[]): string {
  const [only, ...more] = operands;
  if (more.length === 0 && only!.axes.join() === output.join()) return only!.value;
  const names = [...new Set(operands.flatMap(({ axes }) => axes))];
  const term = (axes: readonly string[]) => axes.map((axis) => LETTERS[names.indexOf(axis)]).join("");
  const equation = `${operands.map(({ axes }) => term(axes)).join(",")}->${term(output)}`;
  return b.add(
    "Einsum",
    operands.map(({ value }) => value),
    { equation },
  );
}

/** `from`, whose axes come in the order of those of `to`, in the shape of `to`: on the diagonal of an axis that stands twice, and repeated over what is missing. */
function spread(b: Ops, from: Operand, to: Operand): string {
  const missing = to.axes.flatMap((axis, i) => (from.axes.includes(axis) && to.axes.indexOf(axis) === i ? [] : [i]));
  let value = missing.length > 0 ? b.unsqueeze(from.value, missing) : from.value;
  for (const [i, axis] of to.axes.entries()) {
    const first = to.axes.indexOf(axis);
    if (first !== i) value = b.mul(value, identity(b, b.size(to.value, i), [first, i], to));
  }
  const [have, want] = [b.dims(value), b.dims(to.value)];
  // Where the operand was itself broadcast, the engine sums.
  return have.every((d, i) => d !== null && d === want[i]) ? value : b.add("Expand", [value, b.shape(to.value)]);
}

/** The identity matrix over two axes of an operand, of size 1 along the others. */
function identity(b: Ops, size: number, over: readonly number[], { value, axes }: Operand): string {
  const ones = new Float32Array(size * size);
  for (let i = 0; i < size; i++) ones[i * size + i] = 1;
  const dims = axes.map((_, i) => (over.includes(i) ? size : 1));
  const matrix = b.constant(tensor("float32", dims, ones));
  const type = b.fact(value).type ?? "float32";
  return type === "float32" ? matrix : b.cast(matrix, type);
}

export const einsumRules = { Einsum: einsumGradient } satisfies Rules;
