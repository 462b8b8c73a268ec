import { describe, expect, it } from "vitest";
import { numbers } from "../../../test/support/models.ts";
import { labelCauses } from "./label-order.ts";

const labels = Array.from({ length: 100 }, (_, i) => i % 5);
const best = (predictions: readonly number[], of = labels, folders?: Parameters<typeof labelCauses>[2]) =>
  labelCauses(predictions, of, folders).reduce((a, b) => (b.confirmed > a.confirmed ? b : a));

describe("the classes", () => {
  it("in another order are found, with the samples that are then correct", () => {
    const order = [3, 1, 4, 0, 2];
    // One sample in seven is taken for another class.
    const predictions = labels.map((k, i) => (i % 7 === 6 ? 1 : order[k]!));
    const right = predictions.filter((p, i) => p === order[labels[i]!]).length;
    const { cause, correct, confirmed } = best(predictions);
    expect([correct, confirmed]).toEqual([right, right]);
    expect(cause).toContain("it sees label 0 as 3, label 2 as 4, label 3 as 0, label 4 as 2): number the labels");
    const folders = { numbering: "order", folders: [{ name: "cat", label: 0, samples: 20 }] } as const;
    expect(best(predictions, labels, folders).cause).toMatch(/folder "cat" as 3.*\(`classFile`\)$/);
  });

  it("shifted by one are that, and point to the list of folders too", () => {
    const { cause, correct } = best(labels.map((k) => k + 1));
    expect(correct).toBe(100);
    expect(cause).toBe("the labels count from one lower than the model's");
    const folders = { numbering: "order", folders: [] } as const;
    expect(
      best(
        labels.map((k) => k + 1),
        labels,
        folders,
      ).cause,
    ).toContain("`classFile`");
  });

  it("are not read from a constant answer, from chance, or from one sample of each", () => {
    expect(best(labels.map(() => 2)).confirmed).toBe(20);
    const noise = Array.from(numbers(100, 3, 0, 5), Math.floor);
    expect(best(noise).confirmed).toBeLessThan(45);
    const single = Array.from({ length: 100 }, (_, i) => i);
    expect(best([...single].reverse(), single).confirmed).toBeLessThan(10);
  });
});
