import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { failure, survives } from "../../test/support/datasets.ts";
import { parseClassList } from "./class-list.ts";

const read = (text: string) => [...parseClassList(text, "f").labels];

describe("parseClassList", () => {
  it.each([
    ["line k is class k", "\uFEFFb\r\na\r\nsea lion\r\n\r\n", { b: 0, a: 1, "sea lion": 2, sea: 2 }],
    ["numbers alone are names", "10\n3\n7", { 10: 0, 3: 1, 7: 2 }],
    ["index and name", "2 a\n0, b c\n1: d", { a: 2, "b c": 0, d: 1 }],
    ["name and index", "a 2\nb c,0\n", { a: 2, "b c": 0 }],
    ["a table with a head", 'name,index\ncat,1\n"sea lion",0\n', { cat: 1, "sea lion": 0 }],
    ["a table with spaces", "Class, Index\ncat, 1\ndog, 0", { cat: 1, dog: 0 }],
    ["a table of folders that are numbers", "folder,class\n10,0\n3,1\n", { 10: 0, 3: 1 }],
    ["a table the other way", "index;folder\n0;10\n1;3", { 10: 0, 3: 1 }],
    ["names that end in numbers", "class 1\nclass 2", { "class 1": 0, "class 2": 1 }],
    ["Keras's class_indices", '{"class_indices": {"cat": 1, "dog": 0}}', { cat: 1, dog: 0 }],
    ["classes as text", '{"label2id": {"cat": "1", "dog": "0"}}', { cat: 1, dog: 0 }],
    ["a list inside", '{"names": ["dog", "cat"], "nc": 2}', { cat: 1, dog: 0 }],
    ["a JSON list", '["a", "b"]', { a: 0, b: 1 }],
    ["a JSON map by index", '{"1": "a", "0": "b"}', { b: 0, a: 1 }],
    ["ImageNet's index", '{"0": ["n1", "tench"], "1": ["n2", "goldfish"]}', { n1: 0, tench: 0, n2: 1, goldfish: 1 }],
    ["a JSON map by name", '{"a": 1, "7": 0}', { a: 1, 7: 0 }],
    ["a model's configuration", '{"model_type": "vit", "id2label": {"0": "a", "1": "b"}}', { a: 0, b: 1 }],
  ])("reads %s", (_, text, labels) => {
    expect(Object.fromEntries(read(text))).toEqual(labels);
  });

  it("takes the first word of synset lines, where no two share it", () => {
    const list = parseClassList("n01 tench, Tinca tinca\nn02 goldfish", "f");
    expect(list.labels.get("n02")).toBe(1);
    expect(list.names).toEqual(["n01 tench, Tinca tinca", "n02 goldfish"]);
    expect(parseClassList("sea lion\nsea snake", "f").labels.has("sea")).toBe(false);
  });

  it("names classes between those listed by their numbers", () => {
    expect(parseClassList("a 2\nb 0", "f").names).toEqual(["b", "1", "a"]);
  });

  it.each([
    ["nothing", " \n"],
    ["an empty line in between", "a\n\nb"],
    ["two numbers in each line", "1 2\n2 1"],
    ["two classes of one name", "a\na"],
    ["a head that would be class 0", "class\ncat\ndog"],
    ["a first line without a number", "cat\ndog 1\nant 2"],
    ["two numbers under a head that does not tell", "class,label\n10,0\n3,1"],
    ["a class beyond any", '{"a": 2000000}'],
    ["a class that is no number", '{"a": 0.5}'],
    ["JSON of another kind", '{"a": {"b": 1}}'],
    ["damaged JSON", '["a"'],
  ])("refuses %s", async (_, text) => {
    await failure("invalid-file", () => read(text));
  });

  it("survives any text", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string(), async (text) => survives(() => read(text))),
      { numRuns: 300 },
    );
  });
});
