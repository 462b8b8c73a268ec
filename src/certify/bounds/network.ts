import { theInput } from "../../autodiff/differentiate.ts";
import { PerturbError } from "../../errors.ts";
import { checkCounts } from "../../onnx/counts.ts";
import { inlineFunctions } from "../../onnx/functions.ts";
import { type Dim, describeDims, describeNode, type Graph, ownInputs } from "../../onnx/graph.ts";
import { Ops } from "../../onnx/ops.ts";
import { computesIn } from "../../onnx/precision.ts";
import { freeNames, renameValues } from "../../onnx/rewrite.ts";
import { inferShapes } from "../../onnx/shapes.ts";
import { upgradeEarly } from "../../onnx/upgrade-early.ts";
import { product } from "../../tensor.ts";
import { vectorsAsRows } from "./vectors.ts";

/** A network as bounds want it: `x` [N, ...] to `y` [N, outputs], beside the graph of the file. */
export interface Network {
  readonly graph: Graph;
  /** Shape of one sample. */
  readonly sample: readonly number[];
  readonly outputs: number;
  /** The input and output of the file, and the shape that one sample has there. */
  readonly file: { readonly input: string; readonly output: string; readonly dims: readonly number[] };
}

/**
 * The network of a file with one input of so many elements, and one output, for any number of samples at a time. Whether the samples
 * do not mix, only a run tells. @throws unsupported, mismatch, invalid-file
 */
export function asNetwork(file: Graph, sizes: { readonly inputs: number; readonly outputs: number }): Network {
  const own = ownInputs(file);
  if (own.length !== 1)
    throw new PerturbError(
      "unsupported",
      `The model has ${own.length} inputs, and one with a single input can be verified. Make the others constants of the file.`,
    );
  if (own[0]!.type !== "float32" && own[0]!.type !== null)
    throw new PerturbError(
      "unsupported",
      `The input "${own[0]!.name}" takes ${own[0]!.type}, and only float32 can be verified. Export the model in float32.`,
    );
  const inlined = upgradeEarly(inlineFunctions(file));
  // Rounded to another precision, the file's own numbers are not those that bounds allow for.
  const other = (["float16", "bfloat16", "float64"] as const).find((type) => computesIn(inlined, [type]));
  if (other)
    throw new PerturbError(
      "unsupported",
      `The model computes in ${other}, and bounds allow for the rounding of float32 alone. Export the model in float32.`,
      { data: { type: other } },
    );
  const original = vectorsAsRows(inlined);
  const input = theInput(original);
  const [output, ...others] = original.outputs;
  if (!output || others.length > 0)
    throw new PerturbError(
      "unsupported",
      `The model has ${original.outputs.length} outputs, and one with a single output can be verified. Export the one that the property is about.`,
    );
  checkCounts(original);
  const dims = input.dims?.map((d) => (typeof d === "number" ? d : 1));
  if (!dims || product(dims) !== sizes.inputs)
    throw new PerturbError(
      "mismatch",
      `The property has ${sizes.inputs} inputs, and the model's input "${input.name}" is ${describeDims(input.dims)}.`,
      { data: { property: sizes.inputs, model: input.dims } },
    );
  // Most files have a first axis for samples; without one, whatever works along the last axis works on more of them.
  const shapes: (readonly Dim[])[] = [...(dims[0] === 1 ? [["N", ...dims.slice(1)]] : []), ["N", ...dims]];
  for (const shape of shapes) {
    const opened = withInput(original, input.name, shape);
    const found = inferShapes(opened).get(output.name)?.dims;
    if (found?.[0] !== "N" || !found.slice(1).every((d): d is number => typeof d === "number")) continue;
    if (product(found.slice(1) as number[]) !== sizes.outputs)
      throw new PerturbError(
        "mismatch",
        `The property has ${sizes.outputs} outputs, and the model's output "${output.name}" has ${product(found.slice(1) as number[])}.`,
        { data: { property: sizes.outputs, model: found } },
      );
    const free = freeNames(opened, ["x", "y", "centre", "lower", "upper", "seed", "bound", "base", "slope"]);
    const named = renameValues(free, new Map([[theInput(free).name, "x"]]));
    const b = new Ops(named);
    b.alias("y", b.reshape(named.outputs[0]!.name, [-1, sizes.outputs]));
    const names = { input: input.name, output: output.name, dims };
    return { graph: b.finish(["y"]), sample: shape.slice(1) as number[], outputs: sizes.outputs, file: names };
  }
  const control = original.nodes.find(({ op }) => op === "If" || op === "Loop" || op === "Scan");
  if (control)
    throw new PerturbError(
      "unsupported",
      `${describeNode(control)}: a model whose course depends on values cannot be verified. Export it without.`,
      { data: { op: control.op } },
    );
  throw new PerturbError(
    "unsupported",
    `The output "${output.name}" has no row for each sample of the input ${describeDims(input.dims)}. Export the model with a first axis for the batch in both.`,
  );
}

const withInput = (graph: Graph, name: string, dims: readonly Dim[]): Graph => ({
  ...graph,
  inputs: graph.inputs.map((v) => (v.name === name ? { ...v, dims } : v)),
});
