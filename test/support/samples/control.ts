import type { controlLowerings } from "../../../src/autodiff/lowerings/control.ts";
import type { AttributeValue } from "../../../src/onnx/attributes.ts";
import type { Ops } from "../../../src/onnx/ops.ts";
import { tensor } from "../../../src/tensor.ts";
import type { Sample, SampleInput } from "../gradient-check.ts";
import { given, subgraph } from "../subgraph.ts";

const bool = (b: Ops, value: boolean): string => b.constant(tensor("bool", [], Uint8Array.of(Number(value))));
const int = (b: Ops, value: number): string => b.constant(tensor("int64", [], BigInt64Array.of(BigInt(value))));

const opsets = [7, 11, 13, 17, 21];
const modern = [11, 13, 17, 21];
const image = { dims: [2, 3, 4], declared: ["N", 3, 4] } as const;

const sample = (
  name: string,
  inputs: Readonly<Record<string, SampleInput>>,
  build: (b: Ops, x: Readonly<Record<string, string>>) => string,
  at: readonly number[] = opsets,
): Sample => ({ name, opsets: at, inputs, build });

/** One way doubles and squares, the other is the sine of half. */
const branches = (b: Ops, x: string) => ({
  then_branch: {
    graph: subgraph(b.opset, [], (t) => [t.mul(t.mul(x, x), t.constant(tensor("float64", [], Float64Array.of(2))))]),
  },
  else_branch: {
    graph: subgraph(b.opset, [], (e) => [
      e.add("Sin", [e.div(x, e.constant(tensor("float64", [], Float64Array.of(2))))]),
    ]),
  },
});

const condition = (name: string, make: (b: Ops, x: string) => string, at?: readonly number[]): Sample =>
  sample(name, { x: image }, (b, { x }) => b.mul(b.add("If", [make(b, x!)], branches(b, x!)), x!), at);

const loop = (
  b: Ops,
  count: string,
  first: string,
  initial: readonly string[],
  outputs: number,
  body: (i: Ops, x: readonly string[]) => readonly string[],
): string[] => {
  const state = initial.map(() => "float64" as const);
  return b.addMany("Loop", [count, first, ...initial], outputs, {
    body: { graph: subgraph(b.opset, given("int64", "bool", ...state), body) },
  });
};

const scan = (
  b: Ops,
  inputs: readonly string[],
  outputs: number,
  attributes: Readonly<Record<string, AttributeValue>>,
  body: (i: Ops, x: readonly string[]) => readonly string[],
): string[] =>
  b.addMany("Scan", b.opset < 9 ? ["", ...inputs] : inputs, outputs, {
    ...attributes,
    body: { graph: subgraph(b.opset, given(...inputs.map(() => "float64" as const)), body) },
  });

/** Sums what is scanned, each step's square added; gives the sums on the way too. */
const running = (i: Ops, [sum, x]: readonly string[]): string[] => {
  const next = i.plus(i.add("Sin", [sum!]), i.mul(x!, x!));
  return [next, i.mul(next, x!)];
};

const scanned = (
  name: string,
  dims: readonly number[],
  axis: number,
  attributes: Readonly<Record<string, AttributeValue>>,
  outAxis = 0,
  at = [9, ...modern],
): Sample => {
  const rest = dims.filter((_, i) => i !== axis);
  return sample(
    name,
    { s: { dims: rest }, x: { dims } },
    (b, { s, x }) => {
      const [last, all] = scan(b, [s!, x!], 2, { num_scan_inputs: 1, ...attributes }, running);
      return b.plus(b.mul(all!, all!), b.unsqueeze(last!, [outAxis]));
    },
    at,
  );
};

export const controlSamples = {
  If: [
    condition("a constant that holds", (b) => bool(b, true)),
    condition("a constant that does not", (b) => bool(b, false)),
    condition("a size", (b, x) => b.add("Equal", [b.slice(b.shape(x), [0], [2], [3]), b.int64([4])])),
    condition("a size, cast and denied", (b, x) => b.add("Not", [b.cast(b.slice(b.shape(x), [0], [1], [2]), "bool")])),
    sample("branches in branches, of a value between", { x: image }, (b, { x }) => {
      const h = b.add("Sin", [x!]);
      const inner = (i: Ops) => i.add("If", [bool(i, false)], branches(i, h));
      const outer = {
        then_branch: { graph: subgraph(b.opset, [], (i) => [i.mul(inner(i), x!)]) },
        else_branch: { graph: subgraph(b.opset, [], (i) => [i.neg(x!)]) },
      };
      return b.add("If", [bool(b, true)], outer);
    }),
    sample(
      "two outputs",
      { x: image, y: image },
      (b, { x, y }) => {
        const graph = subgraph(b.opset, [], (i) => [i.mul(x!, y!), i.add("Sin", [y!])]);
        const [p, q] = b.addMany("If", [bool(b, true)], 2, { then_branch: { graph }, else_branch: { graph } });
        return b.mul(p!, q!);
      },
      [11, 17],
    ),
    sample(
      "a condition on the run, where no gradient passes",
      { x: image, c: { dims: [1], values: [1], type: "bool" } },
      (b, { x, c }) => {
        const shape = (sizes: readonly number[]) => ({ graph: subgraph(b.opset, [], (i) => [i.int64(sizes)]) });
        const to = b.add("If", [c!], { then_branch: shape([6, 4]), else_branch: shape([4, 6]) });
        const fixed = b.reshape(b.add("Sin", [b.add("Reshape", [x!, to])]), [6, 4]);
        return b.mul(fixed, fixed);
      },
      [13, 17, 21],
    ),
  ],
  Loop: [
    sample(
      "a count",
      { x: image },
      (b, { x }) =>
        loop(b, int(b, 3), bool(b, true), [x!], 1, (i, [, c, h]) => [
          i.add("Identity", [c!]),
          i.add("Sin", [i.mul(h!, x!)]),
        ])[0]!,
    ),
    sample(
      "the number of the trip, and collected outputs",
      { x: { dims: [2, 3] }, h: { dims: [2, 3] } },
      (b, { x, h }) => {
        const [last, all] = loop(b, int(b, 3), "", [h!], 2, (i, [trip, c, v]) => {
          const next = i.mul(i.plus(v!, x!), i.cast(trip!, "float64"));
          return [i.add("Identity", [c!]), next, i.add("Sin", [next])];
        });
        return b.plus(b.mul(all!, all!), last!);
      },
      modern,
    ),
    sample(
      "one trip, collected",
      { x: { dims: [2] } },
      (b, { x }) => loop(b, int(b, 1), "", [], 1, (i) => [bool(i, true), i.mul(x!, x!)])[0]!,
      modern,
    ),
    sample("no trips", { x: image }, (b, { x }) =>
      b.mul(x!, loop(b, int(b, 0), "", [x!], 1, (i, [, c, h]) => [i.add("Identity", [c!]), i.neg(h!)])[0]!),
    ),
    sample("a condition that is false from the start", { x: image }, (b, { x }) =>
      b.mul(x!, loop(b, "", bool(b, false), [x!], 1, (i, [, c, h]) => [i.add("Identity", [c!]), i.neg(h!)])[0]!),
    ),
    sample(
      "while a number counts",
      { x: image },
      (b, { x }) => {
        const body = subgraph(b.opset, given("int64", "bool", "int64", "float64"), (i, [, , n, h]) => {
          const next = i.plus(n!, int(i, 2));
          return [i.add("Less", [next, int(i, 5)]), next, i.mul(h!, i.add("Sin", [x!]))];
        });
        return b.addMany("Loop", ["", bool(b, true), int(b, 0), x!], 2, { body: { graph: body } })[1]!;
      },
      modern,
    ),
    sample(
      "the body ends it before the count",
      { x: image },
      (b, { x }) =>
        loop(b, int(b, 9), "", [x!], 1, (i, [trip, , h]) => [i.add("Less", [trip!, int(i, 1)]), i.mul(h!, x!)])[0]!,
      modern,
    ),
    sample(
      "a loop and a branch within",
      { x: { dims: [2, 3] } },
      (b, { x }) => {
        const inner = (i: Ops, h: string) =>
          loop(i, int(i, 2), bool(i, true), [h], 1, (j, [, c, v]) => [
            j.add("Identity", [c!]),
            j.mul(v!, j.add("Sin", [h])),
          ])[0]!;
        return loop(b, int(b, 2), bool(b, true), [x!], 1, (i, [trip, c, h]) => {
          const first = i.add("Equal", [trip!, int(i, 0)]);
          const way = {
            then_branch: { graph: subgraph(i.opset, [], (t) => [t.neg(h!)]) },
            else_branch: { graph: subgraph(i.opset, [], (e) => [e.mul(h!, x!)]) },
          };
          return [i.add("Identity", [c!]), inner(i, i.add("If", [first], way))];
        })[0]!;
      },
      modern,
    ),
    sample(
      "a shape that grows",
      { x: { dims: [2, 1] } },
      (b, { x }) =>
        loop(b, int(b, 2), "", [x!], 1, (i, [, c, h]) => [
          i.add("Identity", [c!]),
          i.add("Concat", [h!, i.mul(h!, x!)], { axis: 1 }),
        ])[0]!,
      modern,
    ),
  ],
  Scan: [
    scanned("forwards", [3, 2], 0, {}),
    scanned("one step", [1, 2], 0, {}),
    scanned("backwards", [3, 2], 0, { scan_input_directions: [1] }),
    scanned("outputs the other way round", [3, 2], 0, { scan_output_directions: [1] }),
    scanned("other axes", [2, 3], 1, { scan_input_axes: [1], scan_output_axes: [1] }, 1),
    scanned("negative axes", [2, 3], 1, { scan_input_axes: [-1], scan_output_axes: [-1] }, 1, modern),
    sample(
      "two inputs in opposite directions, no state, an open batch",
      { x: { dims: [2, 3], declared: ["N", 3] }, y: { dims: [3] } },
      (b, { x, y }) =>
        scan(
          b,
          [x!, y!],
          1,
          { num_scan_inputs: 2, scan_input_axes: [1, 0], scan_input_directions: [0, 1] },
          (i, [p, q]) => [i.mul(i.mul(p!, p!), q!)],
        )[0]!,
      [9, ...modern],
    ),
    sample(
      "with a batch",
      { s: { dims: [2, 2] }, x: { dims: [2, 3, 2] } },
      (b, { s, x }) => {
        const [last, all] = scan(b, [s!, x!], 2, { num_scan_inputs: 1, directions: [1] }, running);
        return b.plus(all!, b.unsqueeze(last!, [1]));
      },
      [8],
    ),
  ],
} satisfies Record<keyof typeof controlLowerings, readonly Sample[]>;
