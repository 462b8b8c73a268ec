import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fixture } from "../../../test/support/report.ts";
import { type Element, parseXml } from "../../../test/support/xml.ts";
import { withGates } from "../../evaluate/results/gates.ts";
import { toJunit } from "./junit.ts";

const child = (element: Element, name: string) => element.children.find((one) => one.name === name);
const children = (element: Element, name: string) => element.children.filter((one) => one.name === name);

function suiteOf(xml: string): Element {
  const root = parseXml(xml);
  expect(root.name).toBe("testsuites");
  expect(root.children.map(({ name }) => name)).toEqual(["testsuite"]);
  const suite = root.children[0]!;
  for (const { attributes } of [root, suite])
    expect(attributes).toMatchObject({
      tests: String(children(suite, "testcase").length),
      failures: String(children(suite, "testcase").filter((test) => child(test, "failure")).length),
      errors: "0",
      time: "1.420",
    });
  return suite;
}

describe("toJunit", () => {
  const { evaluation } = fixture({ attacks: ["fgsm", "pgd"] });

  it("has a test for the clean accuracy and one for each ε", () => {
    const suite = suiteOf(toJunit(evaluation));
    expect(suite.attributes).toMatchObject({ name: "perturb.lenet.mnist", timestamp: "2026-11-22T14:05:31" });
    const tests = children(suite, "testcase");
    expect(tests.map(({ attributes }) => attributes["name"])).toEqual([
      "clean",
      ...[0.05, 0.1, 0.15, 0.2, 0.25, 0.3].map((epsilon) => `L∞ ε = ${epsilon}`),
    ]);
    expect(new Set(tests.map(({ attributes }) => attributes["classname"]))).toEqual(new Set(["perturb.lenet.mnist"]));
    expect(child(tests[0]!, "system-out")!.text).toMatch(/^accuracy 98\.10%: 9,810 of 10,000, 95% interval 97\.81/);
    // As the schema of JUnit has them.
    expect(suite.children.map(({ name }) => name)).toEqual([
      "properties",
      ...tests.map(() => "testcase"),
      "system-err",
    ]);
    const properties = child(suite, "properties")!.children.map(({ attributes: { name, value } }) => [name, value]);
    expect(Object.fromEntries(properties)).toMatchObject({ model: "lenet", attacks: "fgsm, pgd", seed: "0" });
  });

  it("fails the test of a gate that was not met alone, and says by how much and by what", () => {
    const failures = (accuracy: number, epsilon: number) =>
      children(suiteOf(toJunit(withGates(evaluation, [{ epsilon, atLeast: accuracy }]))), "testcase")
        .filter((test) => child(test, "failure"))
        .map((test) => [test.attributes["name"], child(test, "failure")!.attributes["message"]]);
    const { accuracy } = evaluation.worst[1]!;
    expect(failures(accuracy, 0.1)).toEqual([]);
    expect(failures(0.999, 0.1)).toEqual([
      ["L∞ ε = 0.1", "robust accuracy 68.08% is under 99.90% at ε = 0.1; fgsm fooled most, 1,300 samples"],
    ]);
    // 0.05 + 0.05 + 0.05, as a range may have it.
    expect(failures(1, 0.15000000000000002)).toHaveLength(1);
  });

  it("has one test for ε = 0, the clean one, which a gate at ε = 0 fails", () => {
    const [first] = evaluation.worst;
    const { clean } = evaluation;
    const attacks = evaluation.attacks.map((a) => ({ ...a, fooled: [0, ...a.fooled] }));
    const options = { ...evaluation.options, epsilons: [0, ...evaluation.options.epsilons] };
    const from0 = {
      ...evaluation,
      options,
      attacks,
      worst: [{ ...first!, ...clean, epsilon: 0 }, ...evaluation.worst],
    };
    const tests = (atLeast: number) =>
      children(suiteOf(toJunit(withGates(from0, [{ epsilon: 0, atLeast }]))), "testcase").map((test) => [
        test.attributes["name"],
        child(test, "failure")?.attributes["message"],
      ]);
    expect(tests(0.9).map(([name]) => name)).toEqual(
      children(suiteOf(toJunit(evaluation)), "testcase").map(({ attributes }) => attributes["name"]),
    );
    expect(tests(0.9).every(([, message]) => message === undefined)).toBe(true);
    expect(tests(0.99)[0]).toEqual(["clean", "robust accuracy 98.10% is under 99.00% at ε = 0"]);
    expect(
      tests(0.99)
        .slice(1)
        .every(([, message]) => message === undefined),
    ).toBe(true);
  });

  it("fails where nothing was fooled, too", () => {
    const unfooled = {
      ...evaluation,
      attacks: evaluation.attacks.map((a) => ({ ...a, fooled: a.fooled.map(() => 0) })),
    };
    const xml = toJunit(withGates(unfooled, [{ epsilon: 0.3, atLeast: 1 }]));
    expect(xml).toMatch(/is under 100\.00%/);
    expect(xml).not.toMatch(/fooled most/);
  });

  it("carries the warnings as error output", () => {
    const { evaluation: doubtful } = fixture({
      warnings: [
        { code: "a", message: 'Gradients <vanish> & "saturate".' },
        { code: "b", message: "ε is 1." },
      ],
    });
    expect(child(suiteOf(toJunit(doubtful)), "system-err")!.text).toBe(
      'warning: Gradients <vanish> & "saturate".\nwarning: ε is 1.\n',
    );
    expect(child(suiteOf(toJunit(evaluation)), "system-err")!.text).toBe("");
  });

  it("is well-formed whatever names hold", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "binary" }),
        fc.constantFrom("", "]]>", "\0", "\ud800", "\ufffe", "&amp;", '"><'),
        (name, odd) => {
          const text = name + odd;
          const { evaluation: e } = fixture({
            modelName: text,
            attacks: [text],
            warnings: [{ code: "x", message: text }],
          });
          const named = { ...e, data: { ...e.data, name: text } };
          suiteOf(toJunit(withGates(named, [{ epsilon: 0.1, atLeast: 1 }])));
        },
      ),
      { numRuns: 50 },
    );
  });
});

// A check that cannot fail checks nothing.
it("parseXml refuses what is no XML", () => {
  const head = '<?xml version="1.0" encoding="UTF-8"?>\n';
  for (const body of [
    "<a>",
    "<a></b>",
    "<a>&</a>",
    "<a><</a>",
    "<a/><b/>",
    '<a b="1" b="2"/>',
    "<a>\u0001</a>",
    "<a b=1/>",
    "x",
  ])
    expect(() => parseXml(head + body), body).toThrow();
  expect(parseXml(`${head}<a b="&lt;"/>`).attributes).toEqual({ b: "<" });
});
