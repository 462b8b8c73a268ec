import type { Architecture } from "../architecture.ts";
import { PerturbError } from "../errors.ts";
import { Attributes } from "../onnx/attributes.ts";
import type { Graph, GraphValue, Node } from "../onnx/graph.ts";
import { philox } from "../random.ts";
import { type FloatTensor, product } from "../tensor.ts";
import { STREAM } from "./streams.ts";

type Sites = Architecture["dropout"];

/** The graph in which each dropout node multiplies by an input of its own name: a mask [N, …]. */
export function activateDropout(graph: Graph, sites: Sites): Graph {
  const missing = Object.keys(sites).filter(
    (name) => !graph.nodes.some((node) => node.name === name && node.op === "Dropout"),
  );
  if (missing.length > 0) throw new PerturbError("internal", `The graph has no Dropout named ${missing.join(", ")}.`);
  const masks = Object.entries(sites).map(
    ([name, { mask }]): GraphValue => ({ name, type: "float32", dims: [graph.inputs[0]!.dims![0]!, ...mask] }),
  );
  const nodes = graph.nodes.map((node) => (Object.hasOwn(sites, node.name) ? byMask(node) : node));
  return { ...graph, inputs: [...graph.inputs, ...masks], nodes };
}

const byMask = ({ name, inputs, outputs }: Node): Node => ({
  op: "Mul",
  domain: "",
  name,
  inputs: [inputs[0]!, name],
  outputs: outputs.slice(0, 1),
  attributes: Attributes.none,
});

/**
 * The masks of the samples `indices` in one epoch, by site: 0 for the share `ratio` of elements, 1 / (1 - ratio) for the
 * others (Srivastava et al. 2014, https://jmlr.org/papers/v15/srivastava14a.html, scaled in training as everyone does).
 * A mask is a function of (seed, index, site, epoch): it does not depend on the batch.
 */
export function drawMasks(sites: Sites, indices: Int32Array, seed: number, epoch: number): Record<string, FloatTensor> {
  return Object.fromEntries(
    Object.entries(sites).map(([name, { ratio, mask }], site) => {
      const size = product(mask);
      const data = new Float32Array(indices.length * size);
      for (const [i, index] of indices.entries())
        drawMask(data.subarray(i * size, (i + 1) * size), ratio, [epoch, STREAM.dropout + site, index], seed);
      return [name, { type: "float32", dims: [indices.length, ...mask], data }];
    }),
  );
}

/** As few random bits an element as the ratio needs: one for 1/2, two for 1/4, 32 for 1/3. */
function drawMask(
  mask: Float32Array,
  ratio: number,
  [step, stream, sample]: readonly [number, number, number],
  seed: number,
): void {
  const bits = [1, 2, 4, 8, 16].find((n) => Number.isInteger(ratio * 2 ** n)) ?? 32;
  const perWord = 32 / bits;
  const limit = Math.round(ratio * 2 ** bits);
  const kept = 1 / (1 - ratio);
  const key = [seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0] as const;
  let block: Uint32Array = new Uint32Array(0);
  for (let i = 0; i < mask.length; i++) {
    const word = Math.floor(i / perWord);
    if (i % (4 * perWord) === 0) block = philox([word / 4, step, stream, sample], key);
    const draw = (block[word % 4]! >>> (bits * (i % perWord))) % 2 ** bits;
    mask[i] = draw < limit ? 0 : kept;
  }
}
