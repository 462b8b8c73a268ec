import { describe, expect, it } from "vitest";
import { findStateDict, stripPrefix, stripWrappers } from "./state-dict.ts";

class T {}
const isT = (value: unknown): value is T => value instanceof T;
const dict = (...names: string[]) => new Map(names.map((name) => [name, new T()]));
const map = (object: Record<string, unknown>) => new Map(Object.entries(object));
const find = (value: unknown) => [...findStateDict(value, isT, "x.pth").keys()];

describe("prefixes", () => {
  it("go when every name has them", () => {
    expect([...stripPrefix(dict("net.a", "net.b"), "net.").keys()]).toEqual(["a", "b"]);
    const mixed = dict("net.a", "b");
    expect(stripPrefix(mixed, "net.")).toBe(mixed);
  });
  it.each(["module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module.", ""])("of wrappers: %j", (prefix) => {
    expect([...stripWrappers(dict(`${prefix}conv.weight`, `${prefix}conv.bias`)).keys()]).toEqual([
      "conv.weight",
      "conv.bias",
    ]);
  });
});

describe("findStateDict", () => {
  it.each(["state_dict", "model_state_dict", "model", "net", "weights"])(
    "finds it in a checkpoint, under %s",
    (key) => {
      const optimizer = map({ state: new Map([[0, map({ step: new T() })]]), param_groups: [] });
      expect(find(map({ epoch: 3, optimizer, [key]: dict("module.a", "module.b"), best: null }))).toEqual(["a", "b"]);
    },
  );
  it("takes a known key although tensors stand beside it", () =>
    expect(find(map({ best: new T(), state_dict: dict("a"), ema: dict("b") }))).toEqual(["a"]));
  it("takes the dict itself", () => expect(find(dict("a", "b"))).toEqual(["a", "b"]));
  it("takes a list, and a lone tensor", () => {
    expect(find([new T(), new T()])).toEqual(["0", "1"]);
    expect(find(new T())).toEqual(["tensor"]);
  });
  it("leaves a module's extra state", () => expect(find(map({ a: new T(), "bn._extra_state": null }))).toEqual(["a"]));

  it.each<[string, unknown, RegExp]>([
    ["nothing", null, /x\.pth: it holds None, no state dict\./],
    ["an empty dict", new Map(), /no state dict\. Its keys: none/],
    ["no tensors", map({ epoch: 3, state_dict: new Map() }), /no state dict\. Its keys: "epoch", "state_dict"/],
    ["two networks", map({ model: dict("a"), net: dict("b") }), /several networks, under "model" and "net"/],
    [
      "two dicts",
      map({ generator: dict("a"), discriminator: dict("b") }),
      /more than one state dict. Its keys: "generator", "disc/,
    ],
    ["other values among tensors", map({ a: new T(), epoch: 3 }), /"epoch" is 3/],
    ["names that are numbers", new Map([[1, new T()]]), /name is 1, no text/],
  ])("refuses %s", (_, value, message) => {
    expect(() => find(value)).toThrow(expect.objectContaining({ code: "unsupported" }));
    expect(() => find(value)).toThrow(message);
    expect(() => find(value)).toThrow(/torch\.save\(model\.state_dict\(\)/);
  });

  it("looks into a dict once, however often it is named", () => {
    const almost = map(Object.fromEntries(Array.from({ length: 50_000 }, (_, i) => [`k${i}`, i])));
    expect(() => find(map(Object.fromEntries(Array.from({ length: 50_000 }, (_, i) => [`d${i}`, almost]))))).toThrow(
      /no state dict/,
    );
  });
});
