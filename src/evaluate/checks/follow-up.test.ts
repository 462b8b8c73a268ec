import { beforeAll, describe, expect, it } from "vitest";
import { floats, lenetGraph, open, using } from "../../../test/support/models.ts";
import { attacks } from "../../attacks/index.ts";
import { asClassifier } from "../../autodiff/differentiate.ts";
import type { Dataset } from "../../dataset.ts";
import { openDataset } from "../../datasets/locate.node.ts";
import { emptyGraph } from "../../onnx/builder.ts";
import type { Graph } from "../../onnx/graph.ts";
import { Ops } from "../../onnx/ops.ts";
import { renameValues } from "../../onnx/rewrite.ts";
import { type EvaluateOptions, evaluate } from "../evaluation.ts";

let mnist: Dataset;
beforeAll(async () => {
  mnist = await openDataset("mnist");
});

const pgd = attacks.pgd.with({ steps: 10, stepSize: "0.25eps" });
const square = attacks.square.with({ queries: 300 });

/** LeNet with something done to its logits, or to its input. */
const changed = (tail: (b: Ops, z: string) => string): Graph => {
  const graph = lenetGraph();
  const b = new Ops(graph, "tail");
  return b.finish([tail(b, graph.outputs[0]!.name)]);
};
const noise = (b: Ops, z: string, scale: number): string =>
  b.plus(z, b.mul(b.add("RandomNormalLike", [z], { dtype: 1 }), b.scalar(scale, z)));

const warningsFor = (graph: Graph, given: Partial<EvaluateOptions> = {}) =>
  using(open(graph), async (model) => {
    const all = { attacks: [pgd], epsilons: [0.1], limit: 100, ...given };
    const { evaluation } = await evaluate(model, mnist, all);
    return new Map(evaluation.warnings.map(({ code, message }) => [code, message]));
  });

/** LeNet behind a front that has a gradient of zero wherever it exists. */
function masked(): Graph {
  // Pixels rounded to eight values: the derivative of Round is zero wherever it exists.
  const { graph } = asClassifier(lenetGraph());
  const b = new Ops({ ...emptyGraph("head"), opsets: graph.opsets }, "head");
  const x = b.input(graph.inputs[0]!);
  const steps = b.scalar(7, x);
  // A trace of x keeps a path for the gradient, which is zero: without one, the model is refused before anything runs.
  b.alias("x_rounded", b.plus(b.div(b.add("Round", [b.mul(x, steps)]), steps), b.mul(x, b.scalar(0, x))));
  const front = b.finish(["x_rounded"]);
  const inner = renameValues(graph, new Map([["x", "x_rounded"]]));
  return {
    ...inner,
    inputs: front.inputs,
    nodes: [...front.nodes, ...inner.nodes],
    initializers: new Map([...front.initializers, ...inner.initializers]),
  };
}

describe("checks that follow an evaluation", () => {
  it("say nothing of a sound model under a sound attack", async () => {
    expect([
      ...(await warningsFor(lenetGraph(), { attacks: [attacks.pgd.with({ steps: 60, restarts: 3 })] })).keys(),
    ]).toEqual([]);
  });

  it("of a model that draws at random, with how far its logits move", async () => {
    const random = changed((b, z) => noise(b, z, 3));
    const found = await warningsFor(random);
    expect(found.get("random-model")).toMatch(/moved by up to \d+(\.\d+)? on 16 samples.*`eot: 20`/);
    expect((await warningsFor(random, { eot: 4 })).get("random-model")).toMatch(
      /average several runs of the model, but each verdict/,
    );
  });

  it("of gradients masked by quantised activations: zero gradients, samples not fooled at any ε, and weaker than Square", async () => {
    const found = await warningsFor(masked(), {
      attacks: [pgd, square],
      epsilons: [0.3],
    });
    expect(found.get("zero-gradient")).toMatch(/gradient of \d+ of \d+/);
    expect(found.get("black-box-stronger")).toMatch(/^square sees no gradients, yet it fooled \d+ of the \d+/);
    expect((await warningsFor(masked())).get("large-epsilon")).toMatch(/At ε = 1, .* \d+ of 10 samples are not fooled/);
  });

  it("of a surrogate that leads where masked gradients do not", async () => {
    await using(open(lenetGraph()), async (surrogate) => {
      const given = { attacks: [pgd, attacks.transfer], epsilons: [0.3], surrogate };
      expect((await warningsFor(masked(), given)).get("transfer-stronger")).toMatch(
        /^transfer works on another model, yet it fooled \d+ of the \d+ samples that pgd had not fooled/,
      );
      expect((await warningsFor(lenetGraph(), given)).has("transfer-stronger")).toBe(false);
    });
  });

  it("of logits that are far apart, whose gradient is tiny and leads on: not that it is masked", async () => {
    const steep = changed((b, z) => b.mul(z, b.constant(floats([10], new Array<number>(10).fill(1e4)))));
    const found = await warningsFor(steep, { attacks: [pgd, square], epsilons: [0.3] });
    expect(found.get("tiny-gradient")).toMatch(/^The gradient of \d+ of \d+ attacked samples is tiny/);
    for (const code of ["zero-gradient", "black-box-stronger", "large-epsilon"])
      expect(found.has(code), code).toBe(false);
  });

  it("of an attack that had not converged", async () => {
    const short = [attacks.pgd.with({ steps: 2, stepSize: "0.2eps", randomStart: false })];
    expect((await warningsFor(lenetGraph(), { attacks: short, epsilons: [0.15] })).get("more-steps-gain")).toMatch(
      /^pgd with 4 times the steps and one more restart fools \d+ of 10 samples/,
    );
  });

  it("can be left out", async () => {
    const random = changed((b, z) => noise(b, z, 3));
    expect([...(await warningsFor(random, { followUp: false })).keys()]).not.toContain("random-model");
  });

  it("of attacks for the least change that gradients mislead, with what a cheap one finds", async () => {
    const given = { attacks: [attacks.fmn], norm: "l2", epsilons: [1], limit: 10 } as const;
    expect((await warningsFor(masked(), given)).get("nearer-found")).toMatch(
      /^hopskipjump, with 200 queries for each of 2 samples, finds .* at a median distance of \d+\.\d+, where fmn finds no point/,
    );
    expect((await warningsFor(lenetGraph(), given)).get("nearer-found")).toBeUndefined();
    const few = { ...given, attacks: [attacks.ddn.with({ steps: 3, radius: 9 })] };
    expect((await warningsFor(lenetGraph(), few)).get("nearer-found")).toMatch(
      /^pdgd, .* times nearer than ddn: the median distance is .* Take the attack least/,
    );
  });
});
