import { describe, expect, it } from "vitest";
import { failure } from "../test/support/datasets.ts";
import { fixture, floats, graphOf, open, smallNetwork, twoClassGraph } from "../test/support/models.ts";
import { judge } from "./attack.ts";
import { asClassifier, differentiate } from "./autodiff/differentiate.ts";
import { bytesSource } from "./dataset.ts";
import { openKnown } from "./datasets/known.ts";
import { mnist } from "./datasets/mnist.ts";
import { checkSignal, didYouMean, type ErrorCode, messageOf, PerturbError } from "./errors.ts";
import { planOf } from "./evaluate/course/plan.ts";
import { readModel } from "./models/formats/read.ts";
import { openModel } from "./models/open.node.ts";
import { openEndpoint } from "./models/remote/endpoint.ts";
import { norms } from "./norm.ts";
import { nodeRuntime } from "./runtime/ort.node.ts";
import { ortRuntime } from "./runtime/ort.ts";
import { tensor } from "./tensor.ts";

/** IDX files of one white 1 x 1 image with the label 0: well formed, and not MNIST. */
const notMnist = async (name: string) =>
  bytesSource(
    name,
    Uint8Array.from(
      name.includes("images") ? [0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 255] : [0, 0, 8, 1, 0, 0, 0, 1, 0],
    ),
  );

const withoutCuda = {
  Tensor: class {},
  InferenceSession: { create: () => Promise.reject(new Error("no available backend found")) },
} as unknown as Parameters<typeof ortRuntime>[0];

/** A way to each code: the compiler demands an entry for every one. */
const causes: Record<ErrorCode, () => unknown> = {
  usage: () => planOf({ attacks: [], epsilons: [0.1] }, { name: "m", classes: 2 }),
  "invalid-file": () => readModel(Uint8Array.of(1, 2, 3), "broken.onnx"),
  "unsafe-file": () => readModel(fixture("evil_raw.pth"), "evil_raw.pth", "lenet"),
  checksum: () => openKnown(mnist, "test", notMnist),
  "not-found": () => openModel("no-such-model.onnx"),
  mismatch: () => tensor("float32", [2, 2], new Float32Array(3)),
  "out-of-bounds": () =>
    open(smallNetwork([4], 3)).gradient(floats([1, 4], [0, 0, 0, 0]), { kind: "untargeted", labels: Int32Array.of(3) }),
  unsupported: () => asClassifier(graphOf([2, 3], (b, x) => b.add("Identity", [x]))),
  "no-gradient": () => differentiate(asClassifier(graphOf([3], (b, x) => b.add("Floor", [x])))),
  device: () => ortRuntime(withoutCuda, { name: "fake", device: "cuda" }).load(new Uint8Array()),
  runtime: () => nodeRuntime("cpu", 1).load(Uint8Array.of(1, 2, 3)),
  unreachable: () =>
    openEndpoint("http://127.0.0.1/v2/models/m", { retries: 0, fetch: () => Promise.reject(new Error("refused")) }),
  cancelled: () => checkSignal(AbortSignal.abort()),
  internal: () =>
    judge(
      open(twoClassGraph(Float32Array.of(1, 1))),
      floats([1, 2], [0, 0]),
      floats([2, 1], [0, 0]),
      { kind: "untargeted", labels: Int32Array.of(0) },
      norms.linf,
      0.1,
    ),
};

describe("error codes", () => {
  it.each(Object.entries(causes))("%s is thrown, with a sentence", async (code, cause) => {
    const error = await failure(code as ErrorCode, cause);
    expect(error).toBeInstanceOf(Error);
    expect(error.name).toBe("PerturbError");
    expect(error.message).toMatch(/[.:!?]/);
  });
});

describe("PerturbError", () => {
  it("keeps its data and cause", () => {
    const cause = new Error("below");
    const error = new PerturbError("runtime", "Above.", { data: { offset: 12 }, cause });
    expect([error.code, error.message, error.data, error.cause]).toEqual(["runtime", "Above.", { offset: 12 }, cause]);
  });

  it("has no cause where none was given", () => {
    expect("cause" in new PerturbError("usage", "No.")).toBe(false);
    expect(new PerturbError("usage", "No.").data).toEqual({});
  });
});

describe("checkSignal", () => {
  it("lets work go on until the signal fires, and keeps the reason", () => {
    const controller = new AbortController();
    expect(() => checkSignal(undefined)).not.toThrow();
    expect(() => checkSignal(controller.signal)).not.toThrow();
    controller.abort("enough");
    expect(() => checkSignal(controller.signal)).toThrow(
      expect.objectContaining({ code: "cancelled", cause: "enough" }),
    );
  });
});

describe("messageOf", () => {
  it.each([
    [new Error("text"), "text"],
    ["plain", "plain"],
    [undefined, "undefined"],
    [42, "42"],
  ])("%s", (thrown, message) => expect(messageOf(thrown)).toBe(message));
});

describe("didYouMean", () => {
  const names = ["mnist", "fashion-mnist", "lenet-mnist"];
  it.each([
    ["mnits", " Did you mean mnist?"],
    ["MNIST", " Did you mean mnist?"],
    ["fashon-mnist", " Did you mean fashion-mnist?"],
    ["lenetmnist", " Did you mean lenet-mnist?"],
    ["cifar10", ""],
    ["", ""],
  ])("%s", (word, suggestion) => expect(didYouMean(word, names)).toBe(suggestion));

  it("takes the first of equally close names, and none from none", () => {
    expect(didYouMean("aa", ["ab", "ac"])).toBe(" Did you mean ab?");
    expect(didYouMean("word", [])).toBe("");
  });
});
