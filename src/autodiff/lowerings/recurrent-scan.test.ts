import { describe, expect, it } from "vitest";
import { withProgram } from "../../../test/support/gradient-check.ts";
import { floats, numbers } from "../../../test/support/models.ts";
import { emptyGraph } from "../../onnx/builder.ts";
import type { Graph } from "../../onnx/graph.ts";
import { Ops } from "../../onnx/ops.ts";
import { type Tensor, tensor } from "../../tensor.ts";
import { backward } from "../engine.ts";
import { lower } from "../lower.ts";

const [STEPS, BATCH, IN, HIDDEN] = [33, 3, 5, 4];
const GATES = { RNN: 1, GRU: 3, LSTM: 4 } as const;
type Op = keyof typeof GATES;

interface Kind {
  readonly op: Op;
  readonly direction?: "forward" | "reverse" | "bidirectional";
  readonly batchFirst?: boolean;
  readonly lengths?: readonly number[];
  readonly initial?: boolean;
  readonly peepholes?: boolean;
  readonly more?: Readonly<Record<string, number | { float: number } | { strings: readonly string[] }>>;
}

/** A layer whose weights are inputs too: they keep it from being a Scan where they are differentiated. */
function layer({ op, direction = "forward", batchFirst = false, lengths, initial, peepholes, more = {} }: Kind) {
  const D = direction === "bidirectional" ? 2 : 1;
  const rows = GATES[op] * HIDDEN;
  const b = new Ops(emptyGraph("layer"));
  const feeds: Record<string, Tensor> = {};
  let seed = 1;
  const input = (name: string, dims: readonly number[]): string => {
    feeds[name] = floats(
      dims,
      numbers(
        dims.reduce((p, d) => p * d, 1),
        seed++,
      ),
    );
    return b.input({ name, type: "float32", dims: dims.map((d) => (d === BATCH ? "N" : d)) });
  };
  const x = input("x", batchFirst ? [BATCH, STEPS, IN] : [STEPS, BATCH, IN]);
  const [w, r, bias] = [input("w", [D, rows, IN]), input("r", [D, rows, HIDDEN]), input("bias", [D, 2 * rows])];
  const state = batchFirst ? [BATCH, D, HIDDEN] : [D, BATCH, HIDDEN];
  const lens = lengths ? b.constant(tensor("int32", [BATCH], Int32Array.from(lengths))) : "";
  const h0 = initial ? input("h0", state) : "";
  const c0 = initial && op === "LSTM" ? input("c0", state) : "";
  const inputs = [
    x,
    w,
    r,
    bias,
    lens,
    h0,
    ...(op === "LSTM" ? [c0, peepholes ? input("p", [D, 3 * HIDDEN]) : ""] : []),
  ];
  while (inputs.at(-1) === "") inputs.pop();
  const outputs = b.addMany(op, inputs, op === "LSTM" ? 3 : 2, {
    hidden_size: HIDDEN,
    direction,
    ...(batchFirst && { layout: 1 }),
    ...more,
  });
  for (const [i, name] of outputs.entries()) b.alias(`y${i}`, name);
  const names = outputs.map((_, i) => `y${i}`);
  return { graph: b.finish(names), feeds, names, roots: ["x", ...(initial ? ["h0"] : []), ...(c0 ? ["c0"] : [])] };
}

/** The gradients of the outputs, each weighted, with respect to the roots. */
function differentiated(graph: Graph, names: readonly string[], roots: readonly string[], constant: readonly string[]) {
  const b = new Ops(lower(graph, [...roots, ...constant]));
  const parts = names.map((name, i) =>
    b.reduceSum(
      b.mul(name, b.add("Sin", [b.mul(name, b.scalar(3 + i, name))])),
      [0, 1, 2, 3].slice(0, b.dims(name).length),
      false,
    ),
  );
  const of = b.sum(parts);
  const found = backward(b, of, b.full(1, of), roots);
  for (const [i, value] of found.entries()) b.alias(`g${i}`, value);
  return b.finish([...names, ...found.map((_, i) => `g${i}`)]);
}

const kinds: readonly Kind[] = [
  {
    op: "RNN",
    direction: "bidirectional",
    lengths: [33, 1, 0],
    initial: true,
    more: { activations: { strings: ["Tanh", "Relu"] } },
  },
  { op: "GRU", direction: "bidirectional", lengths: [33, 20, 0], initial: true },
  { op: "GRU", direction: "reverse", initial: true, more: { linear_before_reset: 1 } },
  { op: "LSTM", direction: "bidirectional", lengths: [33, 20, 0], initial: true, peepholes: true },
  { op: "LSTM", direction: "reverse", more: { clip: { float: 0.5 } } },
  { op: "LSTM", initial: true, more: { input_forget: 1 } },
];

describe("a long recurrent layer is a Scan", () => {
  it.each(kinds)(
    "$op $direction $lengths $more: the values of ONNX Runtime, the gradients of its steps in a row",
    async (kind) => {
      const { graph, feeds, names, roots } = layer(kind);
      const scan = differentiated(graph, names, roots, []);
      const unrolled = differentiated(graph, names, roots, ["w", "r"]);
      expect(scan.nodes.map(({ op }) => op)).toContain("Scan");
      expect(unrolled.nodes.map(({ op }) => op)).not.toContain("Scan");
      expect(scan.nodes.length).toBeLessThan(120);
      const run = (of: Graph) => withProgram(of, (program) => program.run(feeds));
      const [original, got, expected] = [await run(graph), await run(scan), await run(unrolled)];
      const near = (a: Tensor, e: Tensor, what: string) => {
        expect(a.dims, what).toEqual(e.dims);
        const [p, q] = [a.data as Float32Array, e.data as Float32Array];
        const largest = q.reduce((m, v) => Math.max(m, Math.abs(v)), 1e-6);
        expect(Math.max(...p.map((v, i) => Math.abs(v - q[i]!))) / largest, what).toBeLessThan(2e-5);
      };
      for (const name of names) near(got[name]!, original[name]!, name);
      for (const [i] of roots.entries()) near(got[`g${i}`]!, expected[`g${i}`]!, roots[i]!);
    },
  );

  it("of two directions from half as many steps on: both are nodes", () => {
    const scans = (steps: number, direction: string) => {
      const [b, D] = [new Ops(emptyGraph("short")), direction === "bidirectional" ? 2 : 1];
      const x = b.input({ name: "x", type: "float32", dims: [steps, "N", IN] });
      const [w, r] = [IN, HIDDEN].map((size) => {
        const dims = [D, 4 * HIDDEN, size];
        return b.constant(floats(dims, numbers(D * 4 * HIDDEN * size, size)));
      });
      const [y] = b.addMany("LSTM", [x, w!, r!], 1, { hidden_size: HIDDEN, direction });
      return lower(b.finish([y!]), ["x"]).nodes.filter(({ op }) => op === "Scan").length;
    };
    expect([scans(16, "bidirectional"), scans(15, "bidirectional")]).toEqual([2, 0]);
    expect([scans(32, "forward"), scans(16, "forward")]).toEqual([1, 0]);
  });

  it("of batch first layers too", () => {
    // ONNX Runtime runs no layout 1: shapes alone.
    const { graph, names, roots } = layer({ op: "LSTM", batchFirst: true, initial: true });
    const scan = differentiated(graph, names, roots, []);
    expect(scan.outputs.map(({ dims }) => dims)).toEqual([
      ["N", STEPS, 1, HIDDEN],
      ["N", 1, HIDDEN],
      ["N", 1, HIDDEN],
      ["N", STEPS, IN],
      ["N", 1, HIDDEN],
      ["N", 1, HIDDEN],
    ]);
  });
});
