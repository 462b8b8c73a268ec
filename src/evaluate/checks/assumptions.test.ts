import { describe, expect, it } from "vitest";
import type { ClassFolders, Dataset } from "../../dataset.ts";
import { datasetOf } from "../../datasets/in-memory.ts";
import { assumptionsOf, classesHint } from "./assumptions.ts";

/** A set of folders with one sample each, or as many as is said. */
function setOf(
  numbering: ClassFolders["numbering"],
  labels: readonly number[],
  samples = labels.map(() => 1),
): Dataset {
  const nameOf = (label: number) => (numbering === "order" ? `class ${String.fromCharCode(97 + label)}` : `${label}`);
  const folders = labels.map((label, k) => ({ name: nameOf(label), label, samples: samples[k]! }));
  const data = datasetOf({ name: "set", x: new Float32Array(labels.length), shape: [1], labels });
  return { ...data, classFolders: { numbering, folders } };
}
const messages = (data: Dataset, classes: number) => assumptionsOf(data, classes).map(({ message }) => message);

describe("assumptionsOf", () => {
  it("says nothing of a folder for each class in text order, or of a list", () => {
    expect(messages(setOf("order", [0, 1, 2]), 3)).toEqual([]);
    expect(messages(setOf("names", [0, 1, 2]), 3)).toEqual([]);
    expect(messages(setOf("list", [7, 3]), 12)).toEqual([]);
  });

  it("says how fewer folders than classes were numbered", () => {
    const [order] = messages(setOf("order", [0, 1, 2]), 12);
    expect(order).toContain("set has 3 class folders, and the model has 12 classes");
    expect(order).toContain("classes 0 to 2 in text order");
    expect(order).toContain("`classFile`");
    expect(messages(setOf("names", [3, 5, 8]), 12)[0]).toContain("the numbers of their classes: 3, 5, 8.");
  });

  it("says nothing of the classes of adversarial examples, which were numbered by their model", () => {
    expect(messages({ ...setOf("names", [3, 5, 8]), adversarial: true }, 12)).toEqual([]);
    expect(messages({ ...setOf("order", [0, 1, 2]), adversarial: true }, 12)).toHaveLength(1);
  });

  it("says where numbers and text order differ", () => {
    const [text] = messages(setOf("names", [0, 1, 10, 11, 2, 3, 4, 5, 6, 7, 8, 9]), 12);
    expect(text).toContain('"10" is class 10. In text order it would be class 2.');
  });

  it("says where folders in text order hold numbers in another order", () => {
    const named = (names: readonly string[]): Dataset => {
      const data = setOf("order", [...names.keys()]);
      const folders = data.classFolders!.folders.map((folder, k) => ({ ...folder, name: names[k]! }));
      return { ...data, classFolders: { numbering: "order", folders } };
    };
    const [text] = messages(named(["class_0", "class_1", "class_10", "class_2"]), 4);
    expect(text).toContain('"class_2" is class 3');
    expect(text).toContain("`classFile`");
    expect(messages(named(["0_zebra", "10_ant", "1_bee"]), 3)[0]).toContain('"1_bee" is class 2');
    expect(messages(named(["class_0", "class_1", "class_2"]), 3)).toEqual([]);
    expect(messages(named(["ant", "bee 2", "cat 1"]), 3)).toEqual([]);
  });

  it.each([
    [
      ["1", "2", "zero"],
      "2 of 3 class folders of set are named by numbers",
      '"1" is class 0, "2" is class 1, "zero" is class 2',
    ],
    [["-1", "0", "1"], "3 of 3 class folders", '"-1" is class 0, "0" is class 1, "1" is class 2'],
    [["1.0", "2.0", "ant"], "2 of 3 class folders", '"1.0" is class 0'],
    [["7", "ant", "bee"], "1 of 3 class folders of set is named by a number", '"7" is class 0'],
  ])("says that folders partly named by numbers are in text order: %j", (names, count, how) => {
    const data = setOf("order", [...names.keys()]);
    const folders = data.classFolders!.folders.map((folder, k) => ({ ...folder, name: names[k]! }));
    const said = messages({ ...data, classFolders: { numbering: "order", folders } }, names.length);
    expect(said).toHaveLength(1);
    expect(said[0]).toContain(count);
    expect(said[0]).toContain(how);
    expect(said[0]).toContain("`classFile`");
  });

  it("names classes without samples, and what else the files left open", () => {
    const data = { ...setOf("order", [0, 1, 2], [4, 0, 1]), assumptions: ["Something was assumed."] };
    expect(assumptionsOf(data, 3)).toEqual([
      {
        code: "class-folders",
        message: '1 of 3 class folders of set holds no image: "class b". They count as classes without samples.',
      },
      { code: "data", message: "Something was assumed." },
    ]);
  });

  it("says of too many classes how they were numbered", () => {
    expect(classesHint(setOf("names", [1, 2, 102]))).toContain("from 1 to 102");
    expect(classesHint(datasetOf({ x: new Float32Array(1), shape: [1], labels: [0] }))).toBe("");
  });
});
