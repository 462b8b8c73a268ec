import { describe, expect, it } from "vitest";
import { arrayDataset, floats, open, twoClassGraph, using } from "../../../test/support/models.ts";
import { fgsm } from "../../attacks/gradient/fgsm.ts";
import type { ClassifierOptions } from "../../models/classifier/classifier.ts";
import { readReport, toJson } from "../../report/files/json.ts";
import { toHtml } from "../../report/page/html.ts";
import { evaluate } from "../evaluation.ts";

const graph = twoClassGraph(Float32Array.of(1, 1), -0.25);

/** The report of a run, read back from its file, and the facts that its page tells. */
async function reportOf(
  options: Partial<ClassifierOptions>,
  data = arrayDataset(floats([2, 2], [0, 0.1, 0.5, 0.3]), [0, 1]),
) {
  const result = await using(open(graph, options), (model) =>
    evaluate(model, data, { attacks: [fgsm], epsilons: [0.1], followUp: false }),
  );
  const page = toHtml(result, { svgs: { accuracy: "" } as never });
  const facts = new Map([...page.matchAll(/<dt>([^<]*)<\/dt><dd>([^<]*)</g)].map(([, term, fact]) => [term, fact]));
  return { facts, ...(await readReport(toJson(result.evaluation), "report.json")) };
}

describe("a report says", () => {
  it("what ε is measured in, and the bounds of all elements", async () => {
    const { model, options, facts } = await reportOf({ bounds: { lower: -1, upper: 2 } });
    expect(options.epsilonUnit).toBe("input");
    expect(model.bounds).toEqual({ lower: -1, upper: 2 });
    expect(model.elements).toBeUndefined();
    expect(facts.get("Input")).toBe("2, from -1 to 2");
    expect(facts.get("Norm")).toBe("L∞: ε in the units of the input");
  });

  it("bounds in the units of the data where ε is a share of them", async () => {
    const { model, options, facts } = await reportOf({ bounds: { lower: -0.1, upper: 2 }, epsilonUnit: "range" });
    expect(options.epsilonUnit).toBe("range");
    expect(model.bounds).toEqual({ lower: 0, upper: 1 });
    expect(model.elements).toEqual({ lower: [-0.1], upper: [2] });
    expect(facts.get("Input")).toBe("2, from -0.1 to 2, taken as shares of that range");
    expect(facts.get("Norm")).toBe("L∞: ε in shares of the range between the bounds of each element");
  });

  it("the bounds of each element", async () => {
    const { model, options, facts } = await reportOf({ bounds: { lower: [-0.3, 0], upper: 1.7 } });
    expect(options.epsilonUnit).toBe("input");
    expect(model.elements).toEqual({ lower: [-0.3, 0], upper: [1.7] });
    expect(facts.get("Input")).toBe("2, each element has bounds of its own, within -0.3 to 1.7");
  });

  it("how pictures were made what the network gets", async () => {
    const data = arrayDataset(floats([1, 2], [0, 0.1]), [0], 2);
    const { model, facts } = await reportOf(
      {},
      { ...data, prepared: { resize: 20, crop: [1, 2], interpolation: "bicubic" } },
    );
    expect(model.pictures).toEqual({
      perturbed: false,
      resize: 20,
      interpolation: "bicubic",
      antialias: true,
      crop: [1, 2],
    });
    expect(facts.get("Pictures")).toBe(
      "resized to 20 (shorter side, bicubic) and cropped to 1 × 2; what is attacked is what the network then gets",
    );
    expect((await reportOf({})).model.pictures).toBeUndefined();
  });
});
