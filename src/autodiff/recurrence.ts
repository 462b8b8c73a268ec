import { Attributes, outerValues } from "../onnx/attributes.ts";
import { emptyGraph } from "../onnx/builder.ts";
import { writeSubgraph } from "../onnx/file.ts";
import { inliner } from "../onnx/inline.ts";
import { Ops } from "../onnx/ops.ts";
import { recurrenceName } from "../onnx/recurrence.ts";
import type { Rule } from "./rule.ts";

export type Backward = (b: Ops, of: string, seed: string, wrt: readonly string[]) => string[];

/**
 * The gradient of a Scan that a recurrent layer was written as: a Scan against its direction, which does each step once more
 * from the states before it, and goes back through it. Its body gives the states after a step, those before it, and its output.
 * Of what the steps take from around them, the weights, there is no gradient: see `canScan`.
 */
export const recurrenceGradient =
  (backward: Backward): Rule =>
  ({ node, x, b, gradientOf }) => {
    const body = node.attributes.graph("body")!;
    const scannedIn = node.attributes.int("num_scan_inputs", 0);
    const states = x.length - scannedIn;
    const [direction] = node.attributes.ints("scan_input_directions", [0]);
    const inner = new Ops(emptyGraph("back", b.opset), b.fresh("back"));
    const taken = new Set(outerValues(body));
    for (const name of taken) inner.input({ name, type: b.fact(name).type, dims: b.fact(name).dims });

    const gradients = node.outputs.map((name, i) => gradientOf(i) ?? b.full(0, name));
    const own = (name: string, value: string, skip: number): string => {
      const { type, dims } = b.fact(value);
      return inner.input({ name: inner.fresh(name), type, dims: dims?.slice(skip) ?? null });
    };
    const arriving = x.slice(0, states).map((value) => own("gradient", value, 0));
    const ofOutput = own("gradient", node.outputs[2 * states]!, 1);
    const before = x.slice(0, states).map((value) => own("state", value, 0));
    const inputs = x.slice(states).map((value) => own("input", value, 1));

    const made = inliner(inner)(node, body, [...before, ...inputs], (part) => inner.append(part));
    const weighted = [...arriving.map((g, s) => inner.mul(made[s]!, g)), inner.mul(made[2 * states]!, ofOutput)];
    const of = inner.sum(weighted);
    const found = backward(inner, of, inner.full(1, of), [...before, inputs[0]!]);
    const outputs = found.map((value) => inner.alias(inner.fresh("out"), value));

    const scanned = [gradients[2 * states]!, ...node.outputs.slice(states, 2 * states), ...x.slice(states)];
    const against = (count: number) => Array<number>(count).fill(1 - direction!);
    const results = outputs.map(() => b.fresh("Scan"));
    b.append({
      op: "Scan",
      domain: "",
      name: recurrenceName(b.fresh("back")),
      inputs: [...gradients.slice(0, states), ...scanned],
      outputs: results,
      attributes: Attributes.from({
        body: { graph: writeSubgraph(inner.finish(outputs), taken) },
        num_scan_inputs: scanned.length,
        scan_input_directions: against(scanned.length),
        scan_output_directions: against(1),
      }),
    });
    // Of whether a sequence goes on there is none.
    return [...results, ...x.slice(states + 1).map(() => null)];
  };
