import { backward } from "../../autodiff/engine.ts";
import { type Graph, prune } from "../../onnx/graph.ts";
import { Ops } from "../../onnx/ops.ts";

/** A network with Relus that is linear but for these. */
export interface Linearised {
  /** The output of the Relu that reads each value. */
  readonly relus: ReadonlyMap<string, string>;
  /**
   * Sends rows of a value, `seed` [rows, ...], backwards through y = slopes·z + free in the place of each Relu: gives what reaches the input, `slope`, and
   * the `free` of each Relu before the value. `at` is the value at `x`. All have as many rows.
   */
  readonly of: (value: string) => Graph;
}

export const slopesOf = (value: string): string => `${value}/slopes`;
export const freeOf = (value: string): string => `${value}/free`;
export const reaching = (value: string): string => `${value}/reaching`;

/** @param values those that nodes read that are not linear. Undefined where one is read by anything but a Relu. */
export function linearised(graph: Graph, values: readonly string[]): Linearised | undefined {
  const relus = new Map<string, string>();
  for (const value of values) {
    const readers = graph.nodes.filter(({ inputs }) => inputs.includes(value));
    if (readers.length !== 1 || readers[0]!.op !== "Relu") return undefined;
    relus.set(value, readers[0]!.outputs[0]!);
  }
  const [x] = graph.inputs;
  const known = new Ops(graph);
  const sample = (value: string) => ({ type: "float32" as const, dims: [x!.dims![0]!, ...known.sizes(value, 1)] });
  return {
    relus,
    of(value) {
      const { nodes } = prune(graph, [{ name: value, ...sample(value) }]);
      const bent = [...relus].filter(([, y]) => nodes.some(({ outputs }) => outputs.includes(y))).map(([z]) => z);
      const cut = nodes.flatMap((node) => {
        const z = bent.find((name) => relus.get(name) === node.outputs[0]);
        if (z === undefined) return [node];
        const part = `${z}/part`;
        const { domain, attributes } = node;
        const plain = { domain, attributes, name: "" };
        return [
          { ...plain, op: "Mul", inputs: [z, slopesOf(z)], outputs: [part] },
          { ...plain, op: "Add", inputs: [part, freeOf(z)], outputs: node.outputs },
        ];
      });
      const inputs = bent.flatMap((z) => [slopesOf(z), freeOf(z)].map((name) => ({ name, ...sample(z) })));
      const b = new Ops({ ...graph, nodes: cut, inputs: [x!, ...inputs] });
      const seed = b.input({ name: "seed", ...sample(value) });
      const [slope, ...others] = backward(b, value, seed, [x!.name, ...bent.map(freeOf)]);
      b.alias("slope", slope!);
      b.alias("at", value);
      for (const [i, z] of bent.entries()) b.alias(reaching(z), others[i]!);
      return b.finish(["slope", "at", ...bent.map(reaching)]);
    },
  };
}
