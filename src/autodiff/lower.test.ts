import { readFileSync } from "node:fs";
import type { GraphProto } from "onnx-buf";
import { describe, expect, it } from "vitest";
import { failure } from "../../test/support/datasets.ts";
import { withProgram } from "../../test/support/gradient-check.ts";
import { given, subgraph } from "../../test/support/subgraph.ts";
import { readNpz } from "../datasets/npz.ts";
import { emptyGraph } from "../onnx/builder.ts";
import { readOnnx } from "../onnx/file.ts";
import type { Graph } from "../onnx/graph.ts";
import { Ops } from "../onnx/ops.ts";
import { tensor } from "../tensor.ts";
import { asClassifier, differentiate } from "./differentiate.ts";
import { lower } from "./lower.ts";

const OPSET = 17;

function graphOf(build: (b: Ops, x: string) => string): Graph {
  const b = new Ops(emptyGraph("g", OPSET));
  b.alias("y", build(b, b.input({ name: "x", type: "float32", dims: ["N", 4] })));
  return b.finish(["y"]);
}

const body = (build: (b: Ops) => string): GraphProto => subgraph(OPSET, [], (b) => [build(b)]);
const branches = (x: string) => ({
  then_branch: { graph: body((b) => b.neg(x)) },
  else_branch: { graph: body((b) => b.exp(x)) },
});
const int = (b: Ops, value: number | bigint) => b.constant(tensor("int64", [], BigInt64Array.of(BigInt(value))));
const bool = (b: Ops, value: boolean) => b.constant(tensor("bool", [], Uint8Array.of(Number(value))));
const positive = (b: Ops, x: string) => b.add("Greater", [b.add("ReduceSum", [x], { keepdims: 0 }), b.scalar(0, x)]);
const manyRows = (b: Ops, x: string) => b.add("Equal", [b.slice(b.shape(x), [0], [0], [1]), b.int64([3])]);

/** A loop that negates; `count` "" for none. */
const loop = (b: Ops, count: string, condition: string, x: string) =>
  b.add("Loop", [count, condition, x], {
    body: { graph: subgraph(OPSET, given("int64", "bool", "float32"), (i, [, c, h]) => [c!, i.neg(h!)]) },
  });

describe("control flow whose course is known", () => {
  const fixture = (file: string) =>
    new Uint8Array(readFileSync(new URL(`../../test/fixtures/onnx/${file}`, import.meta.url)));

  it("a classifier that torch scripted, with an if on a shape, loops and lists: logits and gradients are torch's", async () => {
    const torch = readNpz(fixture("scripted.npz"), "scripted.npz");
    const graph = differentiate(asClassifier(readOnnx(fixture("scripted.onnx"))));
    const feeds = { x: torch.get("x")!, labels: torch.get("y")! };
    const { logits, gradient } = await withProgram(graph, (program) => program.run(feeds));
    for (const [got, expected] of [
      [logits!, torch.get("logits")!],
      [gradient!, torch.get("grad")!],
    ] as const)
      for (const [i, value] of Array.from(expected.data as Float32Array).entries())
        expect(Math.abs((got.data as Float32Array)[i]! - value)).toBeLessThan(1e-6);
  });

  it("is written out also where no gradient passes, so that shapes behind it are known", () => {
    const graph = graphOf((b, x) => {
      const sizes = (...list: number[]) => ({ graph: body((i) => i.int64(list)) });
      return b.add("Reshape", [
        x,
        b.add("If", [bool(b, true)], { then_branch: sizes(-1, 2, 2), else_branch: sizes(4) }),
      ]);
    });
    const lowered = lower(graph, []);
    expect(lowered.nodes.map((node) => node.op)).not.toContain("If");
    expect(lowered.outputs[0]!.dims).toEqual(["N", 2, 2]);
  });

  it("stays as it is where it is not known and no gradient passes, whatever it holds", () => {
    const graph = graphOf((b, x) => {
      const ways = {
        then_branch: { graph: body((i) => i.int64([4])) },
        else_branch: { graph: body((i) => i.int64([4])) },
      };
      return b.mul(x, b.add("Expand", [b.scalar(2, x), b.add("If", [manyRows(b, x)], ways)]));
    });
    expect(lower(graph, ["x"]).nodes.map((node) => node.op)).toContain("If");
    const unknown = graphOf((b, x) => b.add("If", [positive(b, x)], branches(x)));
    expect(lower(unknown, []).nodes.map((node) => node.op)).toContain("If");
  });

  it("twice: names stay apart", async () => {
    const way = (x: string, next: GraphProto) => ({
      then_branch: { graph: next },
      else_branch: { graph: body((i) => i.exp(x)) },
    });
    const graph = graphOf((b, x) => {
      // The inner If stays at first, with names of its own; the outer ones are written out.
      const inner = body((i) =>
        i.add(
          "If",
          [i.add("Identity", ["late"])],
          way(
            x,
            body((j) => j.neg(x)),
          ),
        ),
      );
      const first = b.add("If", [bool(b, true)], way(x, inner));
      return b.plus(first, b.add("If", [bool(b, true)], way(x, inner)));
    });
    const late = { name: "late", type: "bool", dims: [] } as const;
    const once = lower({ ...graph, inputs: [...graph.inputs, late] }, []);
    const again = lower(once, []);
    const feeds = {
      x: tensor("float32", [1, 4], Float32Array.of(1, 2, 3, 4)),
      late: tensor("bool", [], Uint8Array.of(1)),
    };
    const { y } = await withProgram(again, (program) => program.run(feeds));
    expect(Array.from(y!.data as Float32Array)).toEqual([-2, -4, -6, -8]);
  });
});

describe("control flow that a gradient cannot pass: an error that names the node", () => {
  it.each<[string, string, (b: Ops, x: string) => string]>([
    [
      "a condition on the input, with branches of other shapes",
      "depends on the values of the input",
      (b, x) =>
        b.add("If", [positive(b, x)], {
          ...branches(x),
          else_branch: { graph: subgraph(OPSET, [], (i) => [i.slice(x, [1], [0], [2])]) },
        }),
    ],
    ["a condition on the batch", "cannot be told before running", (b, x) => b.add("If", [manyRows(b, x)], branches(x))],
    [
      "a count on the input",
      "depends on the values of the input",
      (b, x) => loop(b, b.cast(b.add("ReduceMax", [x], { keepdims: 0 }), "int64"), "", x),
    ],
    [
      "a count on the batch",
      "cannot be told before running",
      (b, x) => loop(b, b.squeeze(b.slice(b.shape(x), [0], [0], [1]), [0]), "", x),
    ],
    [
      "a loop until the input says so",
      "depends on the values of the input",
      (b, x) =>
        b.add("Loop", ["", bool(b, true), x], {
          body: {
            graph: subgraph(OPSET, given("int64", "bool", "float32"), (i, [, , h]) => [positive(i, h!), i.neg(h!)]),
          },
        }),
    ],
    [
      "a place in a sequence on the input",
      "depends on the values of the input",
      (b, x) =>
        b.add("SequenceAt", [
          b.add("SequenceConstruct", [x, x]),
          b.cast(b.add("ReduceMax", [x], { keepdims: 0 }), "int64"),
        ]),
    ],
    [
      "a sequence of as many as the batch",
      "needs a fixed size of axis 0",
      (b, x) => b.add("ConcatFromSequence", [b.add("SplitToSequence", [x], { axis: 0 })], { axis: 0 }),
    ],
  ])("%s", async (_, words, build) => {
    const error = await failure("no-gradient", () => lower(graphOf(build), ["x"])).catch(() =>
      failure("unsupported", () => lower(graphOf(build), ["x"])),
    );
    expect(error.message).toContain(words);
    expect(error.message).toMatch(/If|Loop|SequenceAt|"x"/);
    expect(error.message).toContain("xport");
  });

  it("a rank that only a run can tell: the node that makes it so", async () => {
    const graph = graphOf((b, x) => {
      const unknown = b.neg(b.add("If", [positive(b, x)], branches(x)));
      return b.mul(x, b.reshape(b.add("ReduceSum", [b.cast(unknown, "int64")], { keepdims: 0 }), [1]));
    });
    const b = new Ops(graph);
    const negated = graph.nodes.find((node) => node.op === "Neg")!.outputs[0]!;
    expect((await failure("unsupported", () => b.dims(negated))).message).toContain("If (output");
  });
});

describe("hostile files", () => {
  it.each<[string, (b: Ops, x: string) => string]>([
    ["2^20 trips", (b, x) => loop(b, int(b, 2 ** 20), "", x)],
    ["a loop without an end", (b, x) => loop(b, "", bool(b, true), x)],
    [
      "loops in loops that do nothing",
      (b, x) => {
        const around = (inner: (i: Ops, h: string) => string) => ({
          graph: subgraph(OPSET, given("int64", "bool", "float32"), (i, [, c, h]) => [c!, inner(i, h!)]),
        });
        const count = 2 ** 17;
        return b.add("Loop", [int(b, count), "", x], {
          body: around((i, h) => i.add("Loop", [int(i, count), "", h], { body: around((_, v) => v) })),
        });
      },
    ],
  ])(
    "%s: an error, soon",
    async (_, build) => {
      const started = performance.now();
      const error = await failure("unsupported", () => lower(graphOf(build), ["x"])).catch(() =>
        failure("no-gradient", () => lower(graphOf(build), ["x"])),
      );
      expect(error.message).toContain("131072 nodes");
      expect(performance.now() - started).toBeLessThan(30_000);
    },
    60_000,
  );

  const nested = (depth: number, x: string): GraphProto =>
    body((b) =>
      depth === 0
        ? b.neg(x)
        : b.add("If", [bool(b, true)], {
            then_branch: { graph: nested(depth - 1, x) },
            else_branch: { graph: nested(0, x) },
          }),
    );
  const nesting = (depth: number) =>
    graphOf((b, x) =>
      b.add("If", [bool(b, true)], { then_branch: { graph: nested(depth, x) }, else_branch: { graph: nested(0, x) } }),
    );

  it("branches in branches: as deep as networks go, and an error beyond", async () => {
    expect(lower(nesting(8), ["x"]).nodes.filter((node) => node.op === "If")).toEqual([]);
    expect((await failure("no-gradient", () => lower(nesting(24), ["x"]))).message).toContain("16 levels");
  });

  it.each<[string, (graph: GraphProto) => void, string]>([
    [
      "a value that nothing makes",
      ({ node }) => void node[0]!.input.splice(0, 1, "nowhere"),
      '"nowhere", which nothing makes',
    ],
    [
      "an output that nothing makes",
      ({ output }) => void Object.assign(output[0]!, { name: "nowhere" }),
      '"nowhere", which nothing makes',
    ],
    ["too few outputs", (graph) => void graph.output.splice(0), "nothing makes its output"],
    [
      "an input too many",
      (graph) => void graph.input.push({ ...graph.output[0]!, name: "more" }),
      "takes 1 inputs, and gets 0",
    ],
    ["a value made twice", (graph) => void graph.node.push(graph.node[0]!), "made twice"],
  ])("a sub-graph with %s", async (_, damage, words) => {
    const graph = body((b) => b.neg("x"));
    damage(graph);
    const broken = graphOf((b, x) =>
      b.add("If", [bool(b, true)], { then_branch: { graph }, else_branch: { graph: body((i) => i.exp(x)) } }),
    );
    expect((await failure("invalid-file", () => lower(broken, ["x"]))).message).toContain(words);
  });

  it("a node without its sub-graph", async () => {
    const broken = graphOf((b, x) => b.plus(x, b.add("If", [bool(b, true)], { then_branch: 1 })));
    expect(lower(broken, ["x"]).nodes.map((node) => node.op)).toContain("If");
    const loopless = graphOf((b, x) => b.add("Loop", ["", "", x]));
    expect((await failure("invalid-file", () => lower(loopless, ["x"]))).message).toContain('"body" is missing');
  });
});
