import { existsSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { scratch } from "../../test/support/cli.ts";
import { failure } from "../../test/support/datasets.ts";
import { lenetFile } from "../../test/support/models.ts";
import { fgsm } from "../attacks/gradient/fgsm.ts";
import { type Dataset, withShape } from "../dataset.ts";
import { openDataset } from "../datasets/locate.node.ts";
import type { EvaluationResult } from "../evaluate.ts";
import { type GraphModel, openClassifier } from "../models/classifier/graph-model.ts";
import { nodeRuntime } from "../runtime/ort.node.ts";
import { adversarialExamples } from "./adversarial.ts";
import { compare } from "./compare.ts";
import { evaluate, openEvaluation } from "./evaluation.ts";
import { here } from "./places/here.ts";
import { threads } from "./places/threads.node.ts";
import { folderState } from "./state/folder.node.ts";

let model: GraphModel;
let data: Dataset;
beforeAll(async () => {
  model = openClassifier(lenetFile(), nodeRuntime("cpu", 1));
  data = await openDataset("mnist");
});
afterAll(() => model.release());

const options = { attacks: [fgsm], epsilons: [0.1, 0.2], limit: 50, batch: 10 };
/** Without what depends on the clock. */
const timeless = (result: EvaluationResult): unknown =>
  JSON.parse(JSON.stringify(result), (key, value: unknown) =>
    /^(date|seconds|samplesPerSecond)$/.test(key) ? 0 : value,
  );

describe("an evaluation", () => {
  it("is checked when it is opened: nothing is asked of the model", async () => {
    const silent = { ...model, logits: () => Promise.reject(new Error("asked")), gradient: () => Promise.reject() };
    for (const [code, more] of [
      ["usage", { epsilons: [] }],
      ["usage", { limit: -1 }],
      ["usage", { offset: 10_000 }],
      ["usage", { batch: 0 }],
      ["usage", { attacks: [] }],
      ["usage", { target: 10 }],
    ] as const)
      await failure(code, () => openEvaluation(silent, data, { ...options, ...more }));
    await failure("mismatch", () => openEvaluation(silent, { ...data, classes: 11 }, options));
    await failure("mismatch", () =>
      openEvaluation(silent, withShape(data, [784]), { ...options, limit: 1 }).then(() => withShape(data, [783])),
    );
    await (await openEvaluation(silent, data, options)).close();
  });

  it("gives its progress to a loop or to a callback, and the same result", async () => {
    const looped = await openEvaluation(model, data, options);
    const seen: number[] = [];
    for await (const { done, total, soFar } of looped) {
      seen.push(done);
      expect(total).toBe(50);
      expect(soFar().evaluation.data.total).toBe(done);
    }
    expect(seen).toEqual([10, 20, 30, 40, 50]);
    const told: number[] = [];
    const result = await evaluate(model, data, { ...options, onProgress: ({ done }) => told.push(done) });
    expect(told).toEqual(seen);
    expect(timeless(await looped.finish())).toEqual(timeless(result));
    expect(await looped.finish()).toBe(await looped.finish());
    await looped.close();
  });

  it("goes on where a loop was left, and ends where it is closed", async () => {
    const open = await openEvaluation(model, data, options);
    for await (const { done } of open) if (done === 20) break;
    const told: number[] = [];
    const { evaluation } = await open.finish(({ done }) => told.push(done));
    expect(told).toEqual([30, 40, 50]);
    expect(evaluation.clean.total).toBe(50);
    await open.close();
    await open.close();
  });

  it("asks nothing more once it is closed", async () => {
    let asked = 0;
    const counted: GraphModel = {
      ...model,
      gradient: (...question) => {
        asked++;
        return model.gradient(...question);
      },
    };
    const unasked = await openEvaluation(counted, data, options);
    await unasked.close();
    await failure("cancelled", () => unasked.finish());
    expect(asked).toBe(0);
    const begun = await openEvaluation(counted, data, options);
    const finishing = begun.finish(({ done }) => void (done === 20 && begun.close()));
    await failure("cancelled", () => finishing);
    expect(asked).toBe(2);
    await failure("cancelled", () => begun.finish());
  });

  it("keeps to the options and results that were given", async () => {
    const epsilons = [0.1, 0.2];
    const open = await openEvaluation(model, data, { ...options, epsilons });
    epsilons[0] = 0.15;
    const early: [result: EvaluationResult, json: string][] = [];
    for await (const { soFar } of open) {
      const result = soFar();
      early.push([result, JSON.stringify(result)]);
    }
    for (const [result, json] of early) expect(JSON.stringify(result)).toBe(json);
    expect((await open.finish()).evaluation.options.epsilons).toEqual([0.1, 0.2]);
    await open.close();
  });

  it("gives the records of its samples, unless they go elsewhere", async () => {
    const { records, evaluation } = await evaluate(model, data, { ...options, followUp: false });
    expect(records!.map(({ index }) => index)).toEqual(Array.from({ length: 50 }, (_, i) => i));
    expect(records!.filter(({ label, prediction }) => label === prediction).length).toBe(evaluation.clean.correct);
    const elsewhere: number[] = [];
    const without = await evaluate(model, data, { ...options, onRecords: (more) => void elsewhere.push(more.length) });
    expect(without.records).toBeUndefined();
    expect(elsewhere).toEqual([10, 10, 10, 10, 10]);
  });

  it("tells a failure to whoever asks", async () => {
    const failing = { ...model, gradient: () => Promise.reject(new Error("no luck")) };
    const open = await openEvaluation(failing, data, options);
    await expect(open.finish()).rejects.toThrow("no luck");
    await expect(open.finish()).rejects.toThrow("no luck");
    await open.close();
  });
});

/** Options as JavaScript may give them. */
const untyped = (more: object): typeof options => ({ ...options, ...more });

describe("options in JavaScript", () => {
  it.each([
    ["limt", { limt: 100 }, /no option "limt".* Did you mean limit\?/],
    ["epsilon", { epsilon: [0.3] }, /Did you mean epsilons\?/],
    ["attack", { attack: [fgsm] }, /Did you mean attacks\?/],
    ["a controller for its signal", { signal: new AbortController() }, /signal of .* must be the signal/],
    ["radii that are no map", { certified: { 0: 1 } }, /must be a Map/],
    ["a function for a place", { place: () => here }, /place of .* must be a place/],
    ["a path for a state", { state: "runs/a" }, /must be a state|no option "state"/],
    ["a name for a surrogate", { surrogate: "lenet-mnist" }, /must be a model/],
    ["one gate", { gates: { epsilon: 0.1, atLeast: 0.5 } }, /must be a list/],
    ["a gate with another name", { gates: [{ epsilon: 0.1, atleast: 0.5 }] }, /Did you mean atLeast\?/],
    ["an accuracy in words", { gates: [{ epsilon: 0.1, atLeast: "0.5" }] }, /from 0 to 1; got "0.5"/],
    ["one ε", { epsilons: 0.1 }, /Give at least one/],
    ["no ε", { epsilons: undefined }, /Give at least one/],
    ["words for a switch", { followUp: "no" }, /must be true or false/],
    ["what is no function", { onProgress: true }, /must be a function/],
  ])("are refused before anything is asked: %s", async (_, more, message) => {
    const silent = { ...model, logits: () => Promise.reject(new Error("asked")), gradient: () => Promise.reject() };
    for (const open of [
      () => evaluate(silent, data, untyped(more)),
      () => compare(silent, silent, data, untyped(more)),
    ])
      expect((await failure("usage", open)).message).toMatch(message);
  });

  it("are refused by adversarialExamples and compare too", async () => {
    await failure("usage", () => adversarialExamples(model, data, untyped({ limt: 100 })));
    for (const more of [{ state: folderState("never") }, { onRecords: () => undefined }, { names: ["one"] }])
      await failure("usage", () => compare(model, model, data, untyped(more)));
  });

  it("and what is no model, no data or no options", async () => {
    const promised = Promise.resolve(model) as unknown as GraphModel;
    expect((await failure("usage", () => evaluate(promised, data, options))).message).toContain("Await it");
    await failure("usage", () => evaluate(model, "mnist" as unknown as Dataset, options));
    await failure("usage", () => evaluate(model, data, undefined as unknown as typeof options));
  });

  it("and those of places and states", async () => {
    for (const size of [0, -1, 1.5, Number.NaN]) await failure("usage", async () => threads({ size }));
    await failure("usage", async () => threads({ sise: 1 } as object));
    await failure("usage", async () => folderState("never", { resum: true } as object));
    await failure("usage", async () => folderState(undefined as unknown as string));
  });
});

describe("a state in a folder", () => {
  let space: ReturnType<typeof scratch>;
  beforeEach(() => {
    space = scratch();
  });
  afterEach(() => space.remove());
  const inside = () => join(space.path, "run");

  it("lets an evaluation go on, with the same result", async () => {
    const first = await openEvaluation(model, data, { ...options, state: folderState(inside()) });
    expect(first.saved).toBe(false);
    for await (const { done } of first) if (done === 20) break;
    expect(first.saved).toBe(true);
    await failure("usage", () => openEvaluation(model, data, { ...options, state: folderState(inside()) }));
    await first.close();

    const second = await openEvaluation(model, data, { ...options, state: folderState(inside(), { resume: true }) });
    const told: number[] = [];
    const result = await second.finish(({ done }) => told.push(done));
    await second.close();
    expect(second.resumed).toBe(20);
    expect(told).toEqual([10, 20, 30, 40, 50]);
    expect(timeless(result)).toEqual(timeless(await evaluate(model, data, options)));
  });

  it("begins anew where there is nothing, and says what it replaces", async () => {
    const said: string[] = [];
    const warn = (message: string) => void said.push(message);
    const first = await openEvaluation(model, data, {
      ...options,
      state: folderState(inside(), { resume: true, warn }),
    });
    expect(first.resumed).toBe(0);
    for await (const _ of first) break;
    await first.close();
    const second = await openEvaluation(model, data, { ...options, state: folderState(inside(), { warn }) });
    expect(said).toEqual([expect.stringContaining("that this one replaces. To go on with it: folderState")]);
    await second.close();
    expect(existsSync(inside())).toBe(true);
  });

  it("is taken by one evaluation, whatever the folder is called", async () => {
    const first = await openEvaluation(model, data, { ...options, state: folderState(inside()) });
    for await (const _ of first) break;
    symlinkSync(inside(), join(space.path, "alias"));
    const alias = folderState(join(space.path, "alias"), { resume: true });
    await failure("usage", () => openEvaluation(model, data, { ...options, state: alias }));
    await first.close();
  });

  it("of another evaluation is refused by what differs", async () => {
    const first = await openEvaluation(model, data, { ...options, state: folderState(inside()) });
    for await (const _ of first) break;
    await first.close();
    const state = () => folderState(inside(), { resume: true });
    for (const [more, what] of [
      [{ epsilons: [0.1] }, /`epsilons` was 0.1,0.2/],
      [{ seed: 1 }, /`seed` was 0, and is 1/],
      [{ batch: 25 }, /`batch` was 10, and is 25/],
    ] as const)
      expect(
        (await failure("mismatch", () => openEvaluation(model, data, { ...options, ...more, state: state() }))).message,
      ).toMatch(what);
    const own = { ...fgsm };
    expect(
      (await failure("mismatch", () => openEvaluation(model, data, { ...options, attacks: [own], state: state() })))
        .message,
    ).toContain("what fgsm is was none, and is an attack of your own");
    const wrapped = { ...model };
    expect(
      (await failure("mismatch", () => openEvaluation(wrapped, data, { ...options, state: state() }))).message,
    ).toContain("what is around the model was none, and is something");
  });
});

describe("compare", () => {
  it("measures two models by the same options, and says who is who", async () => {
    const comparison = await compare(model, model, data, { ...options, names: ["old", "new"] });
    const { evaluation } = await evaluate(model, data, options);
    expect([comparison.a.name, comparison.b.name]).toEqual(["old", "new"]);
    expect(comparison.clean).toMatchObject({ a: { correct: evaluation.clean.correct }, onlyA: 0, onlyB: 0 });
    expect(comparison.points.map(({ b }) => b.correct)).toEqual(evaluation.worst.map(({ correct }) => correct));
  });
});
