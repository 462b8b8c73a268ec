import { describe, expect, it } from "vitest";
import { collect, failure } from "../../test/support/datasets.ts";
import { linearGraph, numbers, open, using } from "../../test/support/models.ts";
import { attacks } from "../attacks/index.ts";
import { bytesSource } from "../dataset.ts";
import { evaluate } from "../evaluate/evaluation.ts";
import { ARRAY_OF, type ElementType, type Tensor } from "../tensor.ts";
import { openNpy, openNpz } from "./arrays.ts";
import { writeNpy } from "./npy.ts";
import { writeNpz } from "./npz.ts";

const N = 30;
const LABELS: Tensor = { type: "int64", dims: [N], data: BigInt64Array.from({ length: N }, (_, i) => BigInt(i % 3)) };
const BYTES = Array.from(numbers(N * 4, 3, 0, 256), Math.floor);

/** These numbers in an array of a type. */
function array(type: ElementType, values: readonly number[], width = 4): Tensor {
  const wide = type === "int64" || type === "uint64";
  const data = wide
    ? new ARRAY_OF[type](values.length).map((_, i) => BigInt(values[i]!) as never)
    : Object.assign(new ARRAY_OF[type](values.length), values);
  return { type, dims: [values.length / width, width], data } as Tensor;
}
const npy = (x: Tensor, y = LABELS) =>
  openNpy({
    name: "set",
    images: bytesSource("x.npy", writeNpy(x)),
    labels: bytesSource("y.npy", writeNpy({ ...y, dims: [x.dims[0]!], data: y.data.slice(0, x.dims[0]) } as Tensor)),
  });

describe("whole numbers of an array", () => {
  it.each<[ElementType, readonly number[]]>([
    ["bool", [0, 1, 1, 0]],
    ["int8", [-128, -1, 0, 127]],
    ["int16", [-32768, -1, 256, 32767]],
    ["uint16", [0, 1, 256, 65535]],
    ["int32", [-16777216, -3, 300, 16777216]],
    ["uint32", [0, 16777216, 4294967040, 2]],
    ["int64", [-16777216, 0, 2 ** 40, 255]],
    ["uint64", [0, 1, 2 ** 60, 255]],
  ])("of %s are taken as they are, from .npy and .npz, and it is said", async (type, values) => {
    const x = array(type, values);
    const y: Tensor = { type: "int64", dims: [1], data: BigInt64Array.of(0n) };
    const npz = await openNpz({ name: "set", source: bytesSource("set.npz", writeNpz({ x, y })) });
    for (const set of [await npy(x), npz]) {
      expect((await collect(set, { batch: 1 })).x).toEqual(values);
      expect(set.notes?.map(({ message }) => message).join()).toContain(`holds ${type}, whose numbers were taken`);
    }
  });

  it("are refused where float32 has them not", async () => {
    for (const [type, value] of [
      ["int32", 16777217],
      ["int64", 2 ** 40 + 1],
    ] as const) {
      const set = await npy(array(type, [value, 0, 0, 0]));
      expect((await failure("unsupported", () => collect(set, { batch: 1 }))).message).toContain(String(value));
    }
  });
});

describe("pixels in an array of another type", () => {
  const weights = numbers(12, 5);
  const graph = linearGraph([4], weights, [0, 0.1, -0.1]);
  const given = { attacks: [attacks.fgsm], epsilons: [8 / 255], followUp: false };
  const counts = async (...args: Parameters<typeof evaluate>) => {
    const { evaluation } = await evaluate(...args);
    return { counts: [evaluation.clean.correct, evaluation.worst[0]!.correct], warnings: evaluation.warnings };
  };

  it("are refused without their bounds, and with bounds and scale give what bytes give", async () => {
    const bytes = await using(open(graph), async (model) => counts(model, await npy(array("uint8", BYTES)), given));
    expect(bytes.counts[0]).toBeGreaterThan(0);
    expect(bytes.counts[1]).toBeLessThan(bytes.counts[0]!);
    for (const type of ["int16", "int64", "float16"] as const) {
      const half = type === "float16";
      // Halves of whole numbers below 256, by their bits.
      const bits = BYTES.map((v) =>
        v === 0 ? 0 : ((Math.floor(Math.log2(v)) + 15) << 10) | ((v * 2 ** (10 - Math.floor(Math.log2(v)))) & 1023),
      );
      const set = await npy(array(type, half ? bits : BYTES));
      const { message } = await using(open(graph), (model) =>
        failure("out-of-bounds", () => counts(model, set, given)),
      );
      if (!half) expect(message).toMatch(/uint8.*`bounds`.*`preprocessing.scale: "1\/255"`/);
      const scaled = { bounds: { lower: 0, upper: 255 }, normalization: { mean: [0], std: [1], scale: 1 / 255 } };
      const own = await using(open(graph, scaled), (model) => counts(model, set, { ...given, epsilons: [8] }));
      expect(own.counts).toEqual(bytes.counts);
    }
  });

  it("of bytes that are 0 and 1 alone are told to be faint", async () => {
    const bits = await npy(
      array(
        "uint8",
        BYTES.map((v) => v & 1),
      ),
    );
    const { warnings } = await using(open(graph), (model) => counts(model, bits, given));
    expect(warnings.map(({ code }) => code)).toContain("faint-pixels");
    const plain = await using(open(graph), async (model) => counts(model, await npy(array("uint8", BYTES)), given));
    expect(plain.warnings.map(({ code }) => code)).not.toContain("faint-pixels");
  });
});
