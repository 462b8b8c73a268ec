import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeSetting, encodeSetting } from "./link.ts";
import { DEFAULT_SETTING, type InputChoice, type Setting } from "./setting.ts";

const input: fc.Arbitrary<InputChoice> = fc.oneof(
  fc.record({ kind: fc.constant("sample" as const), index: fc.nat() }),
  fc.record({
    kind: fc.constant("own" as const),
    x: fc.float32Array({ minLength: 1, maxLength: 784, noNaN: true, noDefaultInfinity: true }),
    label: fc.option(fc.nat(999)),
    name: fc.stringMatching(/^[\w .-]{1,40}$/),
    sample: fc.nat(),
  }),
);

const settings: fc.Arbitrary<Setting> = fc
  .record({
    model: fc.constantFrom("lenet-mnist", "conv-mnist-robust", "my net.onnx"),
    second: fc.constantFrom(null, "conv-mnist-robust"),
    device: fc.constantFrom("cpu" as const, "webgpu" as const),
    input,
    attack: fc.constantFrom("fgsm", "apgd-ce"),
    options: fc.dictionary(
      fc.stringMatching(/^[a-z]\w{0,9}$/),
      fc.oneof(
        fc.boolean(),
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.constantFrom("cross-entropy", "0.25eps"),
      ),
      { maxKeys: 4 },
    ),
    norm: fc.constantFrom("linf" as const, "l2" as const, "l0" as const),
    epsilon: fc.double({ min: 0, max: 100, noNaN: true }),
    target: fc.option(fc.nat(999)),
    seed: fc.nat(),
    levels: fc.constantFrom(null, 256 as const),
    frame: fc.option(fc.nat(64)),
    amplify: fc.constantFrom(null, 1, 10),
    epsilons: fc
      .uniqueArray(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 8 })
      .map((list) => list.map((value) => value + 0).sort((a, b) => a - b)),
    limit: fc.integer({ min: 1, max: 10_000 }),
  })
  .map((all) => ({ ...all, sha256: all.model === "my net.onnx" ? "ab".repeat(32) : null }));

describe("a link", () => {
  it("is empty for the defaults", () => {
    expect(encodeSetting(DEFAULT_SETTING)).toBe("");
    expect(decodeSetting("")).toEqual(DEFAULT_SETTING);
  });

  it("can be read by a person", () => {
    const setting: Setting = { ...DEFAULT_SETTING, attack: "pgd", options: { steps: 10 }, epsilon: 0.2, target: 3 };
    expect(encodeSetting(setting)).toBe("attack=pgd&set=steps%3D10&epsilon=0.2&target=3");
  });

  it("takes lengths as they are written: absolute, as a fraction too, or relative to ε", () => {
    const lengthOf = (text: string) => decodeSetting(`attack=pgd&set=stepSize=${text}`).options["stepSize"];
    expect(["0.0625", "2/255", "0.25eps"].map(lengthOf)).toEqual([0.0625, 2 / 255, "0.25eps"]);
  });

  it("restores every setting to the bit", () => {
    fc.assert(
      fc.property(settings, (setting) => {
        // A link of thousands of random floats is longer than any that is read.
        const text = encodeSetting(setting);
        fc.pre(text.length <= 8192);
        const { options, ...rest } = decodeSetting(`#${text}`);
        const { options: expected, ...others } = setting;
        expect(rest).toEqual({ ...others, epsilons: setting.epsilons.map(Number) });
        expect(options).toEqual(Object.fromEntries(Object.entries(expected).map(([k, v]) => [k, v === 0 ? 0 : v])));
      }),
    );
  });

  it("knows a file of one's own by its hash, whatever its name", () => {
    const sha256 = "ab".repeat(32);
    const names = [
      ["my net.onnx", "my net.onnx"],
      ["a\u202e\u0007\nb.onnx", "ab.onnx"],
      [`${"x".repeat(255)}.onnx`, "x".repeat(120)],
    ] as const;
    for (const [model, restored] of names)
      expect(decodeSetting(encodeSetting({ ...DEFAULT_SETTING, model, sha256 }))).toEqual({
        ...DEFAULT_SETTING,
        model: restored,
        sha256,
      });
    // Without it there is nothing to wait for.
    expect(decodeSetting("model=my+net.onnx")).toEqual(DEFAULT_SETTING);
  });

  it("that makes no sense gives the defaults, whatever it holds", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.webQueryParameters(),
          fc.base64String().map((b) => `pixels=${b}`),
        ),
        (text) => {
          const { input, epsilon, limit } = decodeSetting(text);
          expect(epsilon).toBeGreaterThanOrEqual(0);
          expect(limit).toBeGreaterThan(0);
          if (input.kind === "own") expect(input.x.length).toBeLessThanOrEqual(4096);
        },
      ),
    );
    const wrong =
      "model=%00&sample=-1&epsilon=NaN&norm=l7&seed=.5&levels=2&epsilons=.2,.1&limit=0&attack=../x&second=no";
    expect(decodeSetting(wrong)).toEqual(DEFAULT_SETTING);
  });
});
