import { describe, expect, it } from "vitest";
import { failure } from "../../test/support/datasets.ts";
import { run } from "../../test/support/evaluate.ts";
import { arrayDataset, floats, graphOf, numbers, open, using } from "../../test/support/models.ts";
import { attacks } from "../attacks/index.ts";
import { classifierFile } from "../models/classifier/classifier.ts";
import { inspectGraph } from "../models/classifier/inspect.ts";
import { Attributes } from "../onnx/attributes.ts";
import { readOnnx, writeOnnx } from "../onnx/file.ts";
import type { Ops } from "../onnx/ops.ts";

const weights = floats([4, 3], numbers(12, 4));
const scores = (b: Ops, x: string): string => b.matmul(x, b.constant(weights));
const x = floats([2, 4], [0.1, 0.4, 0.6, 0.9, 0.45, 0.2, 0.8, 0.3]);
const labels = Int32Array.of(0, 2);
const goal = { kind: "untargeted", labels } as const;

/** 15 levels a pixel, by whatever rounds; `scale` is what straight through leaves of it all. */
const defences: Readonly<
  Record<
    string,
    {
      readonly make: (b: Ops, x: string) => string;
      readonly ops: readonly string[];
      readonly scale: number;
      readonly count: number;
    }
  >
> = {
  Round: {
    make: (b, v) => b.div(b.add("Round", [b.mul(v, b.scalar(15, v))]), b.scalar(15, v)),
    ops: ["Round"],
    scale: 1,
    count: 1,
  },
  Floor: {
    make: (b, v) => b.div(b.add("Floor", [b.mul(v, b.scalar(15, v))]), b.scalar(15, v)),
    ops: ["Floor"],
    scale: 1,
    count: 1,
  },
  Sign: { make: (b, v) => b.add("Sign", [b.sub(v, b.scalar(0.5, v))]), ops: ["Sign"], scale: 1, count: 1 },
  "Cast to bytes": {
    make: (b, v) => b.div(b.cast(b.cast(b.mul(v, b.scalar(15, v)), "uint8"), "float32"), b.scalar(15, v)),
    ops: ["Cast"],
    scale: 1,
    count: 1,
  },
  "Cast to int64": {
    make: (b, v) => b.mul(b.cast(b.cast(b.mul(v, b.scalar(15, v)), "int64"), "float32"), b.scalar(2, v)),
    ops: ["Cast"],
    scale: 30,
    count: 1,
  },
  "Greater, then Cast": {
    make: (b, v) => b.cast(b.cast(b.add("Greater", [v, b.scalar(0.5, v)]), "int32"), "float32"),
    ops: ["Greater", "Cast"],
    scale: 1,
    count: 2,
  },
};

describe("straight through", () => {
  it.each(Object.entries(defences))(
    "%s: the gradient of what lies around it, at the logits as they are",
    async (_, { make, ops, scale, count }) => {
      const graph = readOnnx(writeOnnx(graphOf([4], (b, v) => scores(b, make(b, v)))), "m");
      const bare = open(graph);
      const model = open(graph, { straightThrough: ops });
      const logits = (await bare.logits(x)).data;
      const { message } = await failure("no-gradient", () => bare.gradient(x, goal, "margin"));
      expect(message).toMatch(new RegExp(`it stops at ${ops[0]} `));
      const got = await model.gradient(x, goal, "margin");
      expect([...got.logits.data]).toEqual([...logits]);
      expect(model.file.straightThrough).toBe(count);
      for (const [i, label] of labels.entries()) {
        const z = [...logits.subarray(3 * i, 3 * i + 3)];
        const rival = z.indexOf(Math.max(...z.filter((_, c) => c !== label)));
        for (let j = 0; j < 4; j++)
          expect(got.gradient.data[4 * i + j]).toBeCloseTo(
            scale * (weights.data[3 * j + rival]! - weights.data[3 * j + label]!),
            4,
          );
      }
      await bare.release();
      await model.release();
    },
  );

  it("goes by a node's name, whatever it is, through one node alone", async () => {
    const graph = graphOf([4], (b, v) => {
      for (const [i, op] of ["Round", "Round"].entries())
        b.append({
          op,
          domain: "",
          name: `step${i}`,
          inputs: [i === 0 ? v : "r0"],
          outputs: [`r${i}`],
          attributes: Attributes.none,
        });
      return scores(b, "r1");
    });
    expect(inspectGraph("m", graph, undefined, { straightThrough: ["step0"] }).differentiable).toMatchObject({
      error: expect.stringContaining('it stops at Round "step1"') as string,
    });
    expect(inspectGraph("m", graph, undefined, { straightThrough: ["step0", "step1"] })).toMatchObject({
      differentiable: true,
      straightThrough: 2,
    });
  });

  it("names the nodes in the way, and the option that lets the gradient pass", async () => {
    const graph = graphOf([4], (b, v) => scores(b, defences["Sign"]!.make(b, v)));
    const { message } = await failure("no-gradient", () => using(open(graph), (model) => model.gradient(x, goal)));
    expect(message).toMatch(
      /^No gradient flows from "[^"]+" back to "x": it stops at Sign \(output "[^"]+"\)\. .*\(`straightThrough: \["Sign"\]`\)\.$/,
    );
    const chosen = graphOf([4], (b, v) =>
      scores(b, b.add("Expand", [b.cast(b.add("ArgMax", [v], { axis: 1 }), "float32"), b.int64([1, 4])])),
    );
    expect(
      (await failure("no-gradient", () => using(open(chosen), (model) => model.gradient(x, goal)))).message,
    ).toContain("it stops at ArgMax");
    expect(
      (
        await failure("no-gradient", () =>
          using(open(chosen, { straightThrough: ["ArgMax"] }), (model) => model.gradient(x, goal)),
        )
      ).message,
    ).toContain("only where both are alike");
  });

  it("refuses what the model has not", async () => {
    const graph = graphOf([4], (b, v) => scores(b, defences["Round"]!.make(b, v)));
    const { message } = await failure("usage", () => open(graph, { straightThrough: ["Rond"] }));
    expect(message).toContain('no "Rond". Of those that step it has Round. Did you mean Round?');
    await failure("usage", () => open(graph, { straightThrough: ["Cast"] }));
    await failure("usage", () => open(graph, { straightThrough: [""] }));
  });

  it("makes a defence that rounds attackable, and the report says how", async () => {
    const file = classifierFile(
      graphOf([4], (b, v) => scores(b, defences["Floor"]!.make(b, v))),
      { name: "floor", straightThrough: ["Floor"] },
    );
    const samples = floats([100, 4], numbers(400, 9, 0, 1));
    const model = open(graphOf([4], (b, v) => scores(b, defences["Floor"]!.make(b, v))));
    const { data } = await model.logits(samples);
    await model.release();
    const right = Array.from({ length: 100 }, (_, i) =>
      [0, 1, 2].reduce((a, c) => (data[3 * i + c]! > data[3 * i + a]! ? c : a), 0),
    );
    const { evaluation } = await run(file, arrayDataset(samples, right, 3), {
      attacks: [attacks.pgd],
      epsilons: [0.4],
    });
    expect(evaluation.clean.correct).toBe(100);
    expect(evaluation.worst[0]!.correct).toBeLessThan(30);
    const warning = evaluation.warnings.find(({ code }) => code === "straight-through");
    expect(warning?.message).toMatch(
      /^The gradient passes straight through 1 node as if .*`straightThrough: \["Floor"\]`.*such as square/,
    );
  });
});

it("says of a Cast that does not step what does", async () => {
  const compared = graphOf([4], (b, v) => b.cast(b.add("Greater", [scores(b, v), b.scalar(0, v)]), "float32"));
  const mark = (names: readonly string[]) => classifierFile(compared, { name: "m", straightThrough: names });
  const { message } = await failure("usage", () => mark(["Cast"]));
  expect(message).toMatch(
    /the only Cast of the model does not.* What steps is Greater \(`straightThrough: \["Greater"\]`\)/,
  );
  expect(message).not.toMatch("Did you mean");
  expect(mark(["Greater"]).straightThrough).toBe(1);
});
