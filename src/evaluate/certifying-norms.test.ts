import { expect, it } from "vitest";
import { run } from "../../test/support/evaluate.ts";
import { arrayDataset, floats, numbers, smallNetwork } from "../../test/support/models.ts";
import { predict } from "../attack.ts";
import { fmn } from "../attacks/least-change/fmn.ts";
import { classifierFile } from "../models/classifier/classifier.ts";
import { openClassifier } from "../models/classifier/graph-model.ts";
import { normFor } from "../norm.ts";
import { randomFor } from "../random.ts";
import { nodeRuntime } from "../runtime/ort.node.ts";

const CLASSES = 4;
const INPUTS = 12;
const SAMPLES = 16;
const file = classifierFile(smallNetwork([INPUTS], CLASSES), { name: "small" });
const x = floats([SAMPLES, INPUTS], numbers(SAMPLES * INPUTS, 5, 0, 1));

it.each([
  ["l2", [0.01, 0.05, 0.2]],
  ["l1", [0.02, 0.1, 0.4]],
  ["l0", [1, 2, 3]],
] as const)("certifies in %s at no ε at which an attack or a draw from the ball succeeds", async (name, epsilons) => {
  const model = openClassifier(file, nodeRuntime("cpu", 1));
  const labels = [...predict(await model.logits(x))];
  const data = arrayDataset(x, labels, CLASSES);
  const options = { attacks: [fmn], epsilons, norm: name, certify: { digits: 3 } } as const;
  const { records, evaluation } = await run(file, data, options);
  expect(evaluation.warnings.map(({ code }) => code)).not.toContain("proof-contradicted");
  const norm = normFor(name, [INPUTS]);
  const radii = records!.map(({ certifiedEpsilon }) => certifiedEpsilon ?? 0);
  if (name !== "l0") expect(Math.max(...radii)).toBeGreaterThan(0);
  for (const { index, certifiedEpsilon, epsilon, label } of records!) {
    const proven = certifiedEpsilon ?? 0;
    if (epsilon !== null) expect(proven).toBeLessThan(epsilon);
    if (name === "l0") expect(Number.isInteger(proven)).toBe(true);
    if (proven === 0) continue;
    const tries = 1000;
    const own = x.data.subarray(index * INPUTS, (index + 1) * INPUTS) as Float32Array;
    const points = new Float32Array(tries * INPUTS);
    const random = randomFor(31, index);
    for (let t = 0; t < tries; t++) {
      const out = points.subarray(t * INPUTS, (t + 1) * INPUTS);
      const g = Float32Array.from(out, () => 2 * random.uniform() - 1);
      if (t % 2 === 0) norm.ascend(out, own, g, proven, model.bounds);
      else norm.uniform(out, own, proven, random);
      norm.project(out, own, proven, model.bounds);
    }
    expect([...new Set(predict(await model.logits(floats([tries, INPUTS], points))))]).toEqual([label]);
  }
  await model.release();
});
