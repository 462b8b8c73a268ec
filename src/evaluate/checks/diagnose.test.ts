import { describe, expect, it } from "vitest";
import { dense, floats, graphOf, numbers, open, using } from "../../../test/support/models.ts";
import { predict } from "../../attack.ts";
import { layoutOf } from "../../layout.ts";
import { type ChannelOrder, type Normalization, normalizeInput } from "../../models/classifier/preprocess.ts";
import { type FloatTensor, product } from "../../tensor.ts";
import { diagnose } from "./diagnose.ts";

const COUNT = 100;
const CLASSES = 6;
const IMAGENET = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
const CAFFE = { mean: [103.939, 116.779, 123.68], std: [1], scale: 255, channels: "bgr" as const };

/** A network of either layout, whose classes are told by the colours of the values that it wants. */
const network = (shape: readonly number[]) =>
  graphOf(shape, (b, x) => {
    const axis = layoutOf(shape) === "channels-last" ? [1, 2] : [2, 3];
    const colours = b.add("ReduceMean", [x], { axes: axis, keepdims: 0 });
    // Squares too, so that scale and offset count.
    return dense(b, b.add("Concat", [colours, b.mul(colours, colours)], { axis: 1 }), numbers(6 * CLASSES, 21), [
      ...numbers(CLASSES, 22),
    ]);
  });

/** Flat patches: the mean of a sample spreads over all colours. */
function patches(shape: readonly number[]): FloatTensor {
  const colours = numbers(3 * COUNT, 23, 0, 1);
  const size = product(shape);
  const last = layoutOf(shape) === "channels-last";
  return floats(
    [COUNT, ...shape],
    Array.from({ length: COUNT * size }, (_, i) => {
      const inside = i % size;
      return colours[3 * Math.floor(i / size) + (last ? inside % 3 : Math.floor(inside / (size / 3)))]!;
    }),
  );
}

/** The preprocessing that a message tells to type, over the one that was given. */
function advised(message: string, given: Normalization | undefined): Normalization {
  const value = (name: string): unknown => {
    const text = new RegExp(`\`${name.replace(".", "\\.")}: ([^\`]*)\``).exec(message)?.[1];
    return text === undefined ? undefined : (JSON.parse(text) as unknown);
  };
  return {
    mean: (value("normalization.mean") as number[] | undefined) ?? given?.mean ?? [0],
    std: (value("normalization.std") as number[] | undefined) ?? given?.std ?? [1],
    scale: (value("preprocessing.scale") as number | undefined) ?? given?.scale ?? 1,
    channels: (value("preprocessing.channels") as ChannelOrder | undefined) ?? given?.channels ?? "rgb",
  };
}

const correct = (predictions: Int32Array, labels: Int32Array) => predictions.filter((p, i) => p === labels[i]).length;

describe.each([[[3, 4, 5]], [[4, 5, 3]]])("samples of %j", (shape) => {
  const x = patches(shape);
  const graph = network(shape);

  it.each<[string, Normalization, Normalization | undefined]>([
    ["-1 to 1", { mean: [0.5], std: [0.5] }, undefined],
    ["ImageNet's", IMAGENET, undefined],
    ["0 to 255", { mean: [0], std: [1 / 255] }, undefined],
    ["BGR", { mean: [0], std: [1], channels: "bgr" }, undefined],
    ["caffe's", CAFFE, undefined],
    ["-1 to 1 where ImageNet's was given", { mean: [0.5], std: [0.5] }, IMAGENET],
    ["BGR where RGB was given", { ...IMAGENET, channels: "bgr" }, IMAGENET],
    ["caffe's without its channels", CAFFE, { ...CAFFE, channels: "rgb" }],
  ])("the advice for a network that wants %s gives the accuracy that it promises", async (_, wanted, given) => {
    const labels = await using(open(graph, { normalization: wanted }), async (model) => predict(await model.logits(x)));
    const batch = { x, labels, indices: Int32Array.from(labels.keys()) };
    const warning = await using(open(graph, given && { normalization: given }), (model) =>
      diagnose(model, batch, given),
    );
    expect(warning?.code).toBe("likely-cause");
    const causes = warning!.message.split("; or ");
    const promised = causes.map((cause) => Number(/(\d+\.\d+) % of 100 samples/.exec(cause)![1]));
    // The true one is among those that are named, and each holds what it says.
    expect(Math.max(...promised)).toBe(100);
    for (const [k, cause] of causes.entries()) {
      if (/leave them out|inverted|labels count/.test(cause)) continue;
      const followed = advised(cause, given);
      const got = await using(open(graph, { normalization: followed }), async (model) =>
        correct(predict(await model.logits(x)), labels),
      );
      expect(Math.abs(got - promised[k]!), `${cause}: ${got}`).toBeLessThanOrEqual(1);
    }
  });
});

it("names both causes where samples cannot tell them apart", async () => {
  // Dark against bright: half of the range is 0 in one normalization, and nearly so in the other.
  const shape = [3, 2, 2];
  const graph = graphOf(shape, (b, x) => {
    const mean = b.add("ReduceMean", [x], { axes: [1, 2, 3], keepdims: 0 });
    return b.add("Concat", [b.neg(b.unsqueeze(mean, [1])), b.unsqueeze(mean, [1])], { axis: 1 });
  });
  const grey = numbers(COUNT, 5, 0, 1).map((v) => (v < 0.5 ? v * 0.8 : 0.2 + v * 0.8));
  const x = floats(
    [COUNT, ...shape],
    Array.from({ length: COUNT * 12 }, (_, i) => grey[Math.floor(i / 12)]!),
  );
  const labels = Int32Array.from(grey, (v) => Number(v > 0.5));
  await using(open(graph), async (model) => {
    const { message } = (await diagnose(model, { x, labels, indices: labels }))!;
    expect(message).toMatch(/pixels from -1 to 1 .*ImageNet's normalization|ImageNet's normalization .*from -1 to 1/);
    expect(message).toMatch("cannot tell");
  });
});

describe("inverted values", () => {
  const cause = async (shape: readonly number[], labelOf: (grey: number) => number) => {
    const size = product(shape);
    // Class 1 is dark, and a dark sample is what this one takes for it: the mean of a sample is below 0.3.
    const graph = graphOf(shape, (b, x) => {
      const flat = b.add("Flatten", [x], { axis: 1 });
      const z = b.sub(b.scalar(0.3, x), b.add("ReduceMean", [flat], { axes: [1], keepdims: 1 }));
      return b.add("Concat", [b.neg(z), z], { axis: 1 });
    });
    const grey = numbers(COUNT, 5, 0, 1);
    const x = floats(
      [COUNT, ...shape],
      Array.from({ length: COUNT * size }, (_, i) => grey[Math.floor(i / size)]!),
    );
    const labels = Int32Array.from(grey, labelOf);
    return using(open(graph), async (model) => (await diagnose(model, { x, labels, indices: labels }))?.message ?? "");
  };
  const bright = (v: number) => Number(v > 0.7);
  const swapped = (v: number) => Number(v >= 0.3);

  it.each([[[1, 4, 4]], [[8, 8]], [[64]]])(
    "are looked for in pictures of %j, with no option promised",
    async (shape) => {
      expect(await cause(shape, bright)).toMatch(/inverted pixels .*no option inverts them/);
    },
  );

  it.each([[[6]], [[50]], [[4, 20]]])("are none of tables of %j", async (shape) => {
    expect(await cause(shape, bright)).not.toMatch(/pixels|MNIST/);
  });

  it.each([[[1, 4, 4]], [[6]]])("are not named where the classes of %j are swapped", async (shape) => {
    const message = await cause(shape, swapped);
    expect(message).toMatch(/the classes are in another order.*100\.00 %/);
    expect(message).not.toMatch("inverted");
  });
});

it("reverses channels in front of mean and std, in both layouts", async () => {
  for (const shape of [
    [3, 2, 2],
    [2, 2, 3],
  ]) {
    const graph = normalizeInput(network(shape), { mean: [1, 2, 3], std: [1], scale: 255, channels: "bgr" });
    const x = patches(shape);
    const flipped = floats(
      x.dims,
      x.data.map((_, i) => {
        const inside = i % 12;
        const c = shape[0] === 3 ? Math.floor(inside / 4) : inside % 3;
        const step = shape[0] === 3 ? 4 : 1;
        return 255 * x.data[i + (2 - 2 * c) * step]! - [1, 2, 3][c]!;
      }),
    );
    const [a, b] = [
      await using(open(graph), async (model) => (await model.logits(x)).data),
      await using(open(network(shape)), async (model) => (await model.logits(flipped)).data),
    ];
    for (const [i, v] of a.entries()) expect(v / b[i]!).toBeCloseTo(1, 4);
  }
});
