import { describe, expect, it } from "vitest";
import { dense, floats, graphOf, numbers, open, using } from "../../../test/support/models.ts";
import { predict } from "../../attack.ts";
import { certifiedModel } from "../../evaluate/certificates.ts";
import type { Graph } from "../../onnx/graph.ts";
import type { FloatTensor } from "../../tensor.ts";
import { openProver } from "./prover.ts";

const [INPUTS, HIDDEN, CLASSES, SAMPLES] = [5, 8, 3, 10];
const x = floats([SAMPLES, INPUTS], numbers(SAMPLES * INPUTS, 5, 0.3, 0.7));

/** One score for each class, by itself between 0 and 1. */
const scored = (head: "Sigmoid" | "HardSigmoid", scale: number, shift: number): Graph =>
  graphOf([INPUTS], (b, v) => {
    const hidden = b.add("Relu", [dense(b, v, numbers(INPUTS * HIDDEN, 1), new Array<number>(HIDDEN).fill(0.1))]);
    const weights = numbers(HIDDEN * CLASSES, 2).map((w) => w * scale);
    return b.add(head, [dense(b, hidden, weights, [shift, shift, shift + scale / 10])]);
  });

async function answers(graph: Graph, epsilon: number) {
  return using(open(graph), async (model) => {
    const labels = predict(await model.logits(x));
    const prover = await openProver(model);
    const question = { x, labels, epsilons: new Array<number>(SAMPLES).fill(epsilon) };
    const found = await prover.methods.find(({ name }) => name === "crown")!.decide(question);
    await prover.release();
    const tried: number[][] = [];
    for (let t = 0; t < 200; t++) {
      const moves = numbers(SAMPLES * INPUTS, 100 + t).map((d) => epsilon * (t % 2 === 0 ? Math.sign(d) : d));
      const near: FloatTensor = floats(
        x.dims,
        x.data.map((value, i) => value + moves[i]!),
      );
      tried.push([...predict(await model.logits(near))]);
    }
    return { found, labels, tried };
  });
}

describe("several scores without a softmax", () => {
  it.each(["Sigmoid", "HardSigmoid"] as const)("are proven as %s gives them", async (head) => {
    const { found, labels, tried } = await answers(scored(head, 1, 0), 0.02);
    const proven = [...found.keys()].filter((i) => found[i]!.kind === "proven");
    expect(proven.length).toBeGreaterThan(SAMPLES / 2);
    for (const i of proven) for (const classes of tried) expect(classes[i]).toBe(labels[i]);
  });

  it("are not where float32 rounds them to the same value, however far the logits are apart", async () => {
    const { found } = await answers(scored("Sigmoid", 3, 60), 0);
    expect(found.map(({ kind }) => kind)).toEqual(new Array(SAMPLES).fill("open"));
  });

  it("have no certificates, whose checker knows no sigmoid", async () => {
    await using(open(scored("Sigmoid", 1, 0)), async (model) => {
      await expect(certifiedModel(model, { norm: "linf", target: null })).rejects.toThrow(/Sigmoid/);
    });
  });
});
