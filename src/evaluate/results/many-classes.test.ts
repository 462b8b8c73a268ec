import { expect, it } from "vitest";
import { run } from "../../../test/support/evaluate.ts";
import { arrayDataset, floats, graphOf, numbers } from "../../../test/support/models.ts";
import { classifierFile } from "../../models/classifier/classifier.ts";
import { evaluationSchema } from "../../report/files/schema.ts";

it("counts 21,841 classes without a table of their square", async () => {
  const classes = 21_841;
  // The logits are two pixels, and nothing for all other classes.
  const graph = graphOf([2], (b, x) =>
    b.add(
      "Concat",
      [
        x,
        b.mul(
          b.slice(b.add("Expand", [b.slice(x, [1], [0], [1]), b.int64([1, classes - 2])]), [1], [0], [classes - 2]),
          b.scalar(0, x),
        ),
      ],
      { axis: 1 },
    ),
  );
  const x = floats([120, 2], numbers(240, 3, 0.1, 1));
  const labels = Array.from({ length: 120 }, (_, i) => Number(x.data[2 * i + 1]! > x.data[2 * i]!));
  const before = process.memoryUsage().rss;
  const { evaluation } = await run(classifierFile(graph, { name: "many" }), arrayDataset(x, labels, classes), {
    epsilons: [0, 0.05, 0.1, 0.5],
    batch: 60,
  });
  expect(process.memoryUsage().rss - before).toBeLessThan(1e9);
  const { clean, points, warnings } = evaluation;
  expect(clean).toMatchObject({ correct: 120, confusion: [] });
  expect(points.map(({ correct }) => correct)).toEqual(
    [0, 0.05, 0.1, 0.5].map(
      (e) => labels.filter((_, i) => Math.abs(x.data[2 * i + 1]! - x.data[2 * i]!) > 2 * e || e === 0).length,
    ),
  );
  expect(warnings.map(({ code }) => code)).not.toContain("chance-accuracy");
  expect(() => evaluationSchema.parse(evaluation)).not.toThrow();
});
