import { describe, expect, it } from "vitest";
import { attackSvg } from "./attack-strip.ts";
import { encodePng, pngUri } from "./png.ts";

describe("attackSvg", () => {
  const strip = {
    heading: "7 → 3 <script>",
    details: "fgsm, L∞, ε = 0.2",
    shape: [1, 2, 2],
    bounds: { lower: 0, upper: 1 },
    original: Float32Array.of(0, 0.5, 1, 1),
    adversarial: Float32Array.of(0.2, 0.3, 0.8, 1),
  };

  it("holds the two pictures as they are, and names the scale of the perturbation", () => {
    const svg = attackSvg(strip);
    for (const data of [
      [0, 128, 255, 255],
      [51, 77, 204, 255],
    ])
      expect(svg).toContain(pngUri(encodePng({ width: 2, height: 2, channels: 1, data: Uint8Array.from(data) })));
    expect(svg).toContain("perturbation, ±0.2");
  });

  it("keeps what it is given from being markup", () => {
    expect(attackSvg(strip)).not.toContain("<script>");
  });
});
