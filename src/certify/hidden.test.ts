import { expect, it } from "vitest";
import { CLASSES, type FalseClaim, hidingKinds, trainHiding } from "../../test/support/hidden-counterexamples.ts";
import { withLeastFinder } from "../../test/support/least-found.ts";
import { proofsOf } from "../../test/support/proofs.ts";
import type { Graph } from "../onnx/graph.ts";
import { randomFor } from "../random.ts";
import { tensor } from "../tensor.ts";
import { ball } from "./bounds/box.ts";

/** Whether neither many samples nor PGD find an input of another class. */
const isHidden = (graph: Graph, { x, label, epsilon }: FalseClaim): Promise<boolean> =>
  withLeastFinder(graph, { points: 2000, starts: 20, steps: 30 }, randomFor(1, 1), async ({ least }) => {
    const rows = tensor("float32", [CLASSES - 1, CLASSES], new Float32Array((CLASSES - 1) * CLASSES));
    for (let row = 0; row < CLASSES - 1; row++) {
      rows.data[row * CLASSES + label] = 1;
      rows.data[row * CLASSES + (row < label ? row : row + 1)] = -1;
    }
    const margins = await least(ball(x, epsilon, { lower: -4, upper: 4 }), rows);
    return margins.every((margin) => margin > 0);
  });

/** More by hand, of every kind in turn: NETWORKS=24 EPOCHS=600 npm test -- src/certify/hidden.test.ts */
const NETWORKS = Number(process.env["NETWORKS"] ?? 1);
const EPOCHS = Number(process.env["EPOCHS"] ?? 60);

it.each(Array.from({ length: NETWORKS }, (_, n) => [n, hidingKinds[n % hidingKinds.length]!] as const))(
  "nothing is proven of a network that was trained to hide a counterexample (%i)",
  async (n, kind) => {
    const { graph, claims } = await trainHiding(kind, 100 + n, EPOCHS);
    const answers: string[] = [];
    let hidden = 0;
    for (const claim of claims) {
      if (await isHidden(graph, claim)) hidden++;
      const { proven, answer } = await proofsOf(graph, claim, { range: 4, timeout: 3 });
      expect(proven, kind.name).toEqual([]);
      answers.push(answer);
    }
    if (NETWORKS > 1)
      console.info(`${kind.name}: ${hidden} of ${claims.length} hidden from PGD; ${answers.join(", ")}`);
    expect(claims.length).toBeGreaterThan(0);
  },
  600_000,
);
