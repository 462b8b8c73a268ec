import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { numbers } from "../../../test/support/models.ts";
import { toPixels } from "./picture.ts";
import { svgToPng } from "./png.node.ts";
import { explanationOf, type SaliencyStrip, saliencySvg } from "./saliency.ts";
import { divergingColor, fullScale, mapPixels, overlayPixels, type SignedMap, signedMap } from "./signed.ts";

const mapOf = (...values: number[]): SignedMap => ({
  width: values.length,
  height: 1,
  values: Float32Array.from(values),
});
const strip = (more: Partial<SaliencyStrip> = {}): SaliencyStrip => ({
  heading: "class 3",
  details: "predicted",
  shape: [1, 28, 28],
  bounds: { lower: 0, upper: 1 },
  values: numbers(784, 1, 0, 1),
  maps: [
    { title: "gradient", values: numbers(784, 2) },
    { title: "SmoothGrad", values: numbers(784, 3, -2, 2) },
  ],
  ...more,
});

describe("explanationOf", () => {
  const logits = Float32Array.of(0, Math.log(3), Number.NEGATIVE_INFINITY);
  it("gives class, score and probability, and what is predicted where that differs", () => {
    const model = { name: "net.onnx", head: "softmax" } as const;
    expect(explanationOf(model, "cat.png", logits, 1, 1)).toEqual({
      heading: "class 1 of net.onnx on cat.png",
      details: "predicted, logit 1.099, probability 75.0 %",
    });
    const hidden = explanationOf({ ...model, head: "hidden" }, "cat\u001b.png", logits, 0, 1);
    expect(hidden).toEqual({
      heading: "class 0 of net.onnx on cat\ufffd.png",
      details: "log-probability 0.000, probability 25.0 %; predicted is 1",
    });
  });
});

describe("signedMap", () => {
  it("adds the channels of a pixel up, wherever they stand", () => {
    const sums = [1 - 3 + 5, 2 - 4 + 6];
    expect([...signedMap([3, 1, 2], Float32Array.of(1, 2, -3, -4, 5, 6)).values]).toEqual(sums);
    expect([...signedMap([1, 2, 3], Float32Array.of(1, -3, 5, 2, -4, 6)).values]).toEqual([1, -3, 5, 2, -4, 6]);
    expect([...signedMap([2, 1, 3], Float32Array.of(1, -3, 5, 2, -4, 6)).values]).toEqual(sums);
    expect([...signedMap([4, 1, 2], Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8)).values]).toEqual([16, 20]);
    expect(signedMap([5], Float32Array.of(1, 2, 3, 4, 5))).toEqual({
      width: 3,
      height: 2,
      values: Float32Array.of(1, 2, 3, 4, 5, 0),
    });
  });
});

describe("colours", () => {
  it("run from blue over near white to red, the same on both sides, and end there", () => {
    expect([-2, -1, 0, 1, 2].map(divergingColor)).toEqual([
      [33, 102, 172],
      [33, 102, 172],
      [247, 247, 247],
      [178, 24, 43],
      [178, 24, 43],
    ]);
    expect(divergingColor(0.25)).toEqual([243, 193, 173]);
  });

  it("have the 99th percentile as their full scale; the largest where that is 0", () => {
    const hundred = Float32Array.from({ length: 200 }, (_, i) => (i % 2 ? i : -i));
    expect(fullScale({ width: 200, height: 1, values: hundred })).toBe(197);
    expect(fullScale({ width: 200, height: 1, values: new Float32Array(200).with(7, -3) })).toBe(3);
    expect(fullScale(mapOf(0, 0))).toBe(0);
  });

  it("are near white where a map is 0 everywhere, and leave the sample grey", () => {
    const sample = toPixels([3, 1, 2], Float32Array.of(1, 0, 1, 0, 1, 0.6), { lower: 0, upper: 1 });
    expect([...mapPixels(mapOf(0, 0)).data]).toEqual([247, 247, 247, 247, 247, 247]);
    expect([...overlayPixels(mapOf(0, 0), sample).data]).toEqual([255, 255, 255, 51, 51, 51]);
  });

  it("cover the sample the more, the larger the map", () => {
    const sample = toPixels([1, 1, 3], Float32Array.of(0, 0, 1), { lower: 0, upper: 1 });
    expect([...overlayPixels(mapOf(1, -0.5, 0), sample, 1).data]).toEqual([178, 24, 43, 17, 51, 86, 255, 255, 255]);
  });
});

describe("saliencySvg", () => {
  it("shows the original, and each map with its scale and over the original", () => {
    const svg = saliencySvg(strip());
    expect(svg.match(/<image /g)).toHaveLength(5);
    for (const text of ["original", "gradient", "SmoothGrad"]) expect(svg).toContain(`>${text}</text>`);
    const scale = fullScale(signedMap([1, 28, 28], strip().maps[1]!.values)).toPrecision(3);
    expect(svg).toContain(`>-${scale}</text>`);
    expect(svg).toContain(`>+${scale}</text>`);
  });

  it("says where a map is 0, and is safe with any text", () => {
    const svg = saliencySvg(
      strip({ heading: `<script>"x" & \u0007`, maps: [{ title: "gradient", values: new Float32Array(784) }] }),
    );
    expect(svg).toContain(">0 everywhere</text>");
    expect(svg).toContain("&lt;script&gt;&quot;x&quot; &amp; \ufffd");
  });

  it.each([
    [[1, 28, 28], 196, 196],
    [[3, 224, 224], 224, 224],
    [[3, 640, 320], 160, 320],
    [[64, 96, 3], 192, 128],
  ])("shows %j at a size to look at, by a whole factor", (shape, width, height) => {
    const values = numbers(
      shape.reduce((a, b) => a * b),
      4,
      0,
      1,
    );
    const svg = saliencySvg(strip({ shape, values, maps: [{ title: "gradient", values }] }));
    expect(svg).toContain(`width="${width}" height="${height}" preserveAspectRatio`);
  });

  it("has room for a long heading", () => {
    const long = "class 3 of a-model-with-a-rather-long-name.onnx on a-picture-with-a-name-that-is-no-shorter.png";
    const width = Number(/ width="(\d+)"/.exec(saliencySvg(strip({ heading: long, maps: [] })))![1]);
    expect(width).toBeGreaterThan(8 * long.length);
  });

  it.each([1, 2])("is drawn with hard pixels at scale %i", async (scale) => {
    const svg = saliencySvg(strip());
    const places = Array.from(svg.matchAll(/<image x="(\d+)" y="(\d+)" width="196" height="196"/g), (match) =>
      match.slice(1).map(Number),
    ) as [number, number][];
    const [left, top] = places[1]!;
    const drawn = await sharp(await svgToPng(svg, scale))
      .extract({ left: left * scale, top: top * scale, width: 196 * scale, height: 196 * scale })
      .removeAlpha()
      .raw()
      .toBuffer();
    const pixels = mapPixels(signedMap([1, 28, 28], strip().maps[0]!.values)).data;
    const block = 7 * scale;
    const expected = Uint8Array.from(drawn, (_, i) => {
      const [y, x] = [Math.floor(i / 3 / (196 * scale)), Math.floor(i / 3) % (196 * scale)];
      return pixels[3 * (Math.floor(y / block) * 28 + Math.floor(x / block)) + (i % 3)]!;
    });
    expect(Buffer.compare(drawn, expected)).toBe(0);
  });
});
