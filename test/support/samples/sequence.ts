import type { sequenceLowerings } from "../../../src/autodiff/lowerings/sequence.ts";
import type { Ops } from "../../../src/onnx/ops.ts";
import { tensor } from "../../../src/tensor.ts";
import type { Sample, SampleInput } from "../gradient-check.ts";
import { given, subgraph } from "../subgraph.ts";

const int = (b: Ops, value: number): string => b.constant(tensor("int64", [], BigInt64Array.of(BigInt(value))));
const modern = [11, 13, 17, 21];
const image: SampleInput = { dims: [2, 3, 4], declared: ["N", 3, 4] };

const one = (name: string, build: (b: Ops, x: string) => string, opsets = modern, x = image): Sample => ({
  name,
  opsets,
  inputs: { x },
  build: (b, v) => build(b, v["x"]!),
});

/** x, its square and its sine. */
const three = (b: Ops, x: string): string => b.add("SequenceConstruct", [x, b.mul(x, x), b.add("Sin", [x])]);

const take = (b: Ops, sequence: string, at: number): string => b.add("SequenceAt", [sequence, int(b, at)]);

/** What a sequence holds, in one value that tells the order. */
const told = (b: Ops, sequence: string, count: number): string =>
  b.sum(
    Array.from({ length: count }, (_, i) =>
      b.mul(take(b, sequence, i), b.constant(tensor("float64", [], Float64Array.of(i + 1)))),
    ),
  );

const split = (
  name: string,
  axis: number,
  sizes: number | readonly number[] | undefined,
  count: number,
  at = modern,
): Sample =>
  one(
    name,
    (b, x) => {
      const inputs = sizes === undefined ? [x] : [x, typeof sizes === "number" ? int(b, sizes) : b.int64(sizes)];
      const parts = b.add("SplitToSequence", inputs, { axis });
      const sums = Array.from({ length: count }, (_, i) => b.reduceSum(take(b, parts, i), [2], true));
      return b.add(
        "Concat",
        sums.map((s, i) => b.mul(s, b.constant(tensor("float64", [], Float64Array.of(i + 1))))),
        { axis: 1 },
      );
    },
    at,
  );

export const sequenceSamples = {
  SequenceConstruct: [
    one("of three", (b, x) => told(b, three(b, x), 3)),
    one("of one", (b, x) => take(b, b.add("SequenceConstruct", [x]), 0)),
  ],
  SequenceEmpty: [
    one("filled", (b, x) =>
      b.mul(x, take(b, b.add("SequenceInsert", [b.add("SequenceEmpty", [], { dtype: 11 }), b.add("Sin", [x])]), 0)),
    ),
  ],
  SequenceAt: [
    one("from the start", (b, x) => b.mul(take(b, three(b, x), 1), x)),
    one("from the end", (b, x) => take(b, three(b, x), -1)),
    one("at a size", (b, x) =>
      b.add("SequenceAt", [three(b, x), b.sub(b.squeeze(b.slice(b.shape(x), [0], [1], [2]), [0]), int(b, 1))]),
    ),
  ],
  SequenceInsert: [
    one("at the end", (b, x) => told(b, b.add("SequenceInsert", [three(b, x), b.exp(x)]), 4)),
    one("at a place", (b, x) => told(b, b.add("SequenceInsert", [three(b, x), b.exp(x), int(b, 1)]), 4)),
    one("from the end", (b, x) => told(b, b.add("SequenceInsert", [three(b, x), b.exp(x), int(b, -1)]), 4)),
  ],
  SequenceErase: [
    one("the last", (b, x) => told(b, b.add("SequenceErase", [three(b, x)]), 2)),
    one("at a place", (b, x) => told(b, b.add("SequenceErase", [three(b, x), int(b, 0)]), 2)),
    one("from the end", (b, x) => told(b, b.add("SequenceErase", [three(b, x), int(b, -2)]), 2)),
    one("the only one, and filled again", (b, x) =>
      take(b, b.add("SequenceInsert", [b.add("SequenceErase", [b.add("SequenceConstruct", [x])]), b.mul(x, x)]), 0),
    ),
  ],
  SequenceLength: [
    one("as a factor", (b, x) => b.mul(b.add("Sin", [x]), b.cast(b.add("SequenceLength", [three(b, x)]), "float64"))),
    one("as a shape", (b, x) =>
      b.mul(
        x,
        b.add("Reshape", [
          x,
          b.add("Concat", [b.int64([-1]), b.unsqueeze(b.add("SequenceLength", [three(b, x)]), [0]), b.int64([4])], {
            axis: 0,
          }),
        ]),
      ),
    ),
  ],
  SplitToSequence: [
    split("each", 1, undefined, 3),
    split("equal parts, the last one smaller", 1, 2, 2),
    split("listed sizes, negative axis", -2, [1, 2], 2),
    one("each without its axis", (b, x) => told(b, b.add("SplitToSequence", [x], { axis: 1, keepdims: 0 }), 3)),
    one("one part", (b, x) => b.mul(x, take(b, b.add("SplitToSequence", [x, int(b, 3)], { axis: 1 }), 0))),
  ],
  ConcatFromSequence: [
    one("along an axis", (b, x) => b.add("ConcatFromSequence", [three(b, x)], { axis: 1 })),
    one("along a new axis", (b, x) => b.add("ConcatFromSequence", [three(b, x)], { axis: 2, new_axis: 1 })),
    one("along a new last axis", (b, x) => b.add("ConcatFromSequence", [three(b, x)], { axis: -1, new_axis: 1 })),
    one(
      "what a loop collects",
      (b, x) => {
        const body = subgraph(b.opset, [...given("int64", "bool"), { type: null, dims: null }], (i, [trip, c, s]) => {
          const next = i.mul(i.add("Sin", [x]), i.cast(trip!, "float64"));
          return [i.add("Identity", [c!]), i.add("SequenceInsert", [s!, next])];
        });
        const start = b.add("SequenceEmpty", [], { dtype: 11 });
        return b.add("ConcatFromSequence", [b.add("Loop", [int(b, 3), "", start], { body: { graph: body } })], {
          axis: 1,
        });
      },
      [17, 21],
    ),
  ],
  SequenceMap: [
    one(
      "one sequence",
      (b, x) =>
        told(
          b,
          b.add("SequenceMap", [three(b, x)], {
            body: { graph: subgraph(b.opset, given("float64"), (i, [v]) => [i.mul(v!, x)]) },
          }),
          3,
        ),
      [17, 21],
    ),
    one(
      "two sequences and a tensor, two outputs",
      (b, x) => {
        const body = subgraph(b.opset, given("float64", "float64", "float64"), (i, [v, w, t]) => [
          i.mul(v!, w!),
          i.plus(v!, t!),
        ]);
        const [p, q] = b.addMany("SequenceMap", [three(b, x), three(b, b.neg(x)), b.exp(x)], 2, {
          body: { graph: body },
        });
        return b.mul(told(b, p!, 3), told(b, q!, 3));
      },
      [17, 21],
    ),
  ],
  Optional: [
    one("of a value", (b, x) => b.add("OptionalGetElement", [b.add("Optional", [b.mul(x, x)])]), [15, 17, 21]),
  ],
  OptionalGetElement: [
    one(
      "of a sequence",
      (b, x) => told(b, b.add("OptionalGetElement", [b.add("Optional", [three(b, x)])]), 3),
      [15, 17, 21],
    ),
    one(
      "of what is no optional",
      (b, x) => told(b, b.add("OptionalGetElement", [b.add("OptionalGetElement", [three(b, x)])]), 3),
      [18, 21],
    ),
  ],
  OptionalHasElement: [
    one(
      "full",
      (b, x) => {
        const branch = (op: string) => ({ graph: subgraph(b.opset, [], (i) => [i.add(op, [x])]) });
        return b.add("If", [b.add("OptionalHasElement", [b.add("Optional", [x])])], {
          then_branch: branch("Sin"),
          else_branch: branch("Exp"),
        });
      },
      [15, 17, 21],
    ),
    one(
      "none",
      (b, x) => {
        const branch = (op: string) => ({ graph: subgraph(b.opset, [], (i) => [i.add(op, [x])]) });
        return b.add("If", [b.add("OptionalHasElement", [])], {
          then_branch: branch("Sin"),
          else_branch: branch("Exp"),
        });
      },
      [18, 21],
    ),
  ],
} satisfies Record<keyof typeof sequenceLowerings, readonly Sample[]>;
