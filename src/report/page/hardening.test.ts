import { beforeAll, describe, expect, it } from "vitest";
import { arrayDataset, floats, numbers, open, smallNetwork } from "../../../test/support/models.ts";
import { predict } from "../../attack.ts";
import { attacks } from "../../attacks/index.ts";
import { type Compared, compareModels } from "../../evaluate/compare.ts";
import { type Answer, replay } from "../../evaluate/replay.ts";
import { hardeningHtml } from "../files/hardening.ts";
import { learningPlot } from "../plots/learning-plot.ts";
import type { HardeningReport } from "./hardening.ts";

const SHAPE = [1, 4, 4];
const SAMPLES = 24;
const EPSILONS = [0.02, 0.2];
const history = [
  { epoch: 0, training: null, validation: { total: 50, clean: 49, fgsm: 30, pgd: 20 } },
  {
    epoch: 1,
    training: { loss: 0.5, correct: 60, total: 128 },
    validation: { total: 50, clean: 48, fgsm: 45, pgd: 40 },
  },
  { epoch: 2, training: { loss: 0.25, correct: 99, total: 128 }, validation: { total: 50, clean: 50, fgsm: 50, pgd: 1 }, rolledBackTo: 1 }, // biome-ignore format: a table
];
const facts = { data: "<digits>", method: "pgd", norm: "linf", epsilon: 0.2, epochs: 2, samples: 300, freeze: "" } as const; // biome-ignore format: a table

let compared: Compared;
let answers: readonly (readonly Answer[])[];
let own: readonly (readonly Answer[])[];

beforeAll(async () => {
  const [before, after] = [open(smallNetwork(SHAPE, 3)), open(smallNetwork(SHAPE, 3, 50))];
  const x = floats([SAMPLES, ...SHAPE], numbers(SAMPLES * 16, 5, 0, 1));
  const data = arrayDataset(x, [...predict(await before.logits(x))], 3);
  const options = { attacks: [attacks.pgd], epsilons: EPSILONS, certify: { largest: false } } as const;
  compared = await compareModels(before, after, data, { ...options, names: ["before", "after"] });
  answers = await replay(after, compared.results[0]);
  own = await replay(before, compared.results[0]);
  await before.release();
  await after.release();
});

const report = (): HardeningReport => ({ name: "net & more", facts, history, best: 1, compared, answers });

it("a model that is asked about its own adversarial examples answers as it did", () => {
  const { points } = compared.results[0].evaluation;
  expect(points.flatMap(({ examples }) => examples).length).toBeGreaterThan(2);
  for (const [k, { examples }] of points.entries())
    for (const [j, { prediction, confidence }] of examples.entries()) {
      expect(own[k]![j]!.prediction).toBe(prediction);
      expect(own[k]![j]!.confidence).toBeCloseTo(confidence, 6);
    }
});

describe("the report of a hardening", () => {
  it("holds the accuracies of both, what is proven of both, and how the training went", async () => {
    const page = await hardeningHtml(report());
    const percent = (share: number): string => `${(100 * share).toFixed(2)}%`;
    const { comparison, results } = compared;
    for (const { a, b, onlyA, onlyB } of [comparison.clean, ...comparison.points]) {
      expect(page).toContain(`<td>${percent(a.accuracy)}</td><td><b>${percent(b.accuracy)}</b></td>`);
      expect(page).toContain(`<td>${onlyA}</td><td>${onlyB}</td>`);
    }
    const [before, after] = results.map(({ evaluation }) => evaluation.worst[0]!.certified!.accuracy);
    expect(page).toContain(`<td>${percent(before!)}</td><td>${percent(after!)}</td></tr>`);
    expect(page).toContain("<td>0.5000</td><td>96.00%</td><td>90.00%</td><td>80.00%</td><td>kept</td>");
    expect(page).toContain("<td>2.00%</td><td>overfitted: back to 1</td>");
    expect(page).toContain("net &amp; more, hardened on &lt;digits&gt;");
    expect(page).not.toContain("Weights left as they are");
    const got = answers.flatMap((row, k) =>
      row.filter(({ prediction }, j) => prediction === results[0].evaluation.points[k]!.examples[j]!.label),
    );
    expect(page).toContain(`${got.length} of ${answers.flat().length} get their label back`);
    expect(page.match(/<figure class="example">/g)).toHaveLength(answers.flat().length);
  });

  it("says the change as after less before", async () => {
    const { points } = compared.comparison;
    const { a, b } = points.find((point) => point.a.accuracy !== point.b.accuracy)!;
    const change = (100 * (b.accuracy - a.accuracy)).toFixed(2);
    expect(await hardeningHtml(report())).toContain(
      `<td>${change.startsWith("-") ? "−" : "+"}${change.replace("-", "")}</td>`,
    );
  });

  it("is the same text each time, and says where nothing was won", async () => {
    const first = await hardeningHtml(report());
    expect(await hardeningHtml(report())).toBe(first);
    expect(await hardeningHtml({ ...report(), best: 0 })).toContain(
      "No epoch was better than the model as it was given",
    );
  });
});

it("the learning curve holds each count as a share", () => {
  const { data } = learningPlot(history) as unknown as {
    data: { values: { series: string; epoch: number; accuracy: number }[] };
  };
  expect(data.values).toHaveLength(9);
  expect(data.values).toContainEqual({ series: "PGD-10", epoch: 1, accuracy: 0.8 });
  const certified = history.map((epoch) => ({ ...epoch, validation: { ...epoch.validation, certified: 5 } }));
  expect(JSON.stringify(learningPlot(certified))).toContain('"by bounds","epoch":2,"accuracy":0.1');
});
