import { describe, expect, it } from "vitest";
import { failure } from "../../test/support/datasets.ts";
import { floats, graphOf } from "../../test/support/models.ts";
import { subgraph } from "../../test/support/subgraph.ts";
import type { AttributeValue } from "./attributes.ts";
import { emptyGraph } from "./builder.ts";
import { checkCounts } from "./counts.ts";
import { writeNode } from "./node-proto.ts";
import { Ops } from "./ops.ts";

type Values = Readonly<Record<string, AttributeValue>>;
const convolved = (attributes: Values, kernel = 1) =>
  graphOf([3, 8, 8], (b, x) =>
    b.add("Conv", [x, b.constant(floats([2, 3, kernel, kernel], new Float32Array(6 * kernel ** 2)))], attributes),
  );
const tiled = (...repeats: number[]) => graphOf([4], (b, x) => b.add("Tile", [x, b.int64(repeats)]));

describe("counts that end the process of whoever runs them", () => {
  it.each<[string, Values]>([
    ["group", { group: 0 }],
    ["group", { group: -1 }],
    ["strides", { strides: [1, 0] }],
    ["dilations", { dilations: [0, 1] }],
    ["kernel_shape", { kernel_shape: [-1, 1] }],
    ["pads", { pads: [0, 0, -1, 0] }],
    ["strides", { strides: [2 ** 40, 1] }],
  ])("%s: %j is refused by the name of its node", async (name, attributes) => {
    const error = await failure("invalid-file", async () => checkCounts(convolved(attributes)));
    expect(error.message).toContain("Conv");
    expect(error.message).toContain(name);
  });

  it("repeats are not negative", async () => {
    const error = await failure("invalid-file", async () => checkCounts(tiled(1, -2)));
    expect(error.message).toContain("[1, -2]");
    checkCounts(tiled(1, 0));
  });

  it("are found in sub-graphs", async () => {
    const body = subgraph(17, [], (b) => [b.constant(floats([], [1]))]);
    const conv = convolved({ strides: [0, 1] }).nodes.find(({ op }) => op === "Conv")!;
    body.node.push(writeNode(conv));
    const branches = { then_branch: { graph: body }, else_branch: { graph: body } };
    const graph = graphOf([1], (b, x) => b.add("If", [b.cast(x, "bool")], branches));
    await failure("invalid-file", async () => checkCounts(graph));
  });

  it("of negative padding Pad may have: it cuts", () => {
    const graph = graphOf([8], (b, x) => b.add("Pad", [x, b.int64([0, -2, 0, -1])]));
    checkCounts(graph);
    const old = new Ops(emptyGraph("old", 9));
    const x = old.input({ name: "x", type: "float32", dims: ["N", 8] });
    checkCounts(old.finish([old.add("Pad", [x], { pads: [0, -2, 0, -1] })]));
  });
});

describe("sizes that no memory holds", () => {
  it("padding is bounded by the window, or by 1024", async () => {
    await failure("unsupported", async () => checkCounts(convolved({ pads: [0, 1_000_000, 0, 1_000_000] })));
    for (const pads of [
      [1, 1, 1, 1],
      [1024, 0, 1024, 0],
    ])
      checkCounts(convolved({ pads }));
    checkCounts(convolved({ pads: [1500, 0, 1500, 0], dilations: [750, 1] }, 3));
  });

  it("values are bounded where their shape is known", async () => {
    const error = await failure("unsupported", async () =>
      checkCounts(graphOf([2 ** 10, 2 ** 10], (b, x) => b.add("Tile", [x, b.int64([1, 2 ** 12, 1])]))),
    );
    expect(error.message).toContain("Tile");
    await failure("unsupported", async () =>
      checkCounts(graphOf([4], (b, x) => b.add("Expand", [x, b.int64([1, 2 ** 30, 4])]))),
    );
    checkCounts(tiled(1, 1000));
  });
});
