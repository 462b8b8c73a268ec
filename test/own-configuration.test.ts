import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readNpy, writeNpy } from "../src/datasets/npy.ts";
import { writeOnnx } from "../src/onnx/file.ts";
import { perturb, scratch } from "./support/cli.ts";
import { floats, linearGraph } from "./support/models.ts";

const X = [0.75, 0.25, 0.5, 0.5];
const W = Float32Array.of(2, 0, 0, 2, 1, 0, 0, 1);
const CONFIGURATION = { do_resize: false, do_normalize: true, image_mean: [0.25], image_std: [0.5] };

let place: ReturnType<typeof scratch>;
beforeAll(() => {
  place = scratch();
  writeFileSync(join(place.path, "net.onnx"), writeOnnx(linearGraph([1, 2, 2], W, [0, 0])));
  writeFileSync(join(place.path, "x.npy"), writeNpy(floats([1, 1, 2, 2], X)));
  writeFileSync(join(place.path, "y.npy"), writeNpy({ type: "int32", dims: [1], data: Int32Array.of(0) }));
  configure(CONFIGURATION);
});
afterAll(() => place.remove());

const configure = (configuration: object) =>
  writeFileSync(join(place.path, "preprocessor_config.json"), JSON.stringify(configuration));
const run = (...args: string[]) => perturb(args, place.path);
const FOLLOWED =
  "note: preprocessor_config.json, beside the model, says how its pictures are prepared, and is followed";

describe("a configuration beside the model", () => {
  // (x - 0.25) / 0.5 is [1, 0, 0.5, 0.5], and the logits are [2.5, 0.5].
  const loss = Math.log(1 + Math.exp(-2));

  it("is followed by gradient", async () => {
    const values = ["--input", "x.npy", "--labels", "y.npy", "--values", "g.npy", "--quiet"];
    const { code, stdout, stderr } = await run("gradient", "net.onnx", ...values);
    expect(code).toBe(0);
    expect(stderr).toContain(FOLLOWED);
    expect(stdout).toContain(`mean loss ${loss.toPrecision(6)}`);
    const p = 1 / (1 + Math.exp(2));
    const expected = [-2, 2, -1, 1].map((w) => expect.closeTo((w * p) / 0.5, 5));
    expect([...(readNpy(readFileSync(join(place.path, "g.npy")), "g.npy").data as Float32Array)]).toEqual(expected);
  });

  it("is followed by saliency", async () => {
    const { code, stdout, stderr } = await run("saliency", "net.onnx", "--image", "x.npy", "--method", "gradient");
    expect(code).toBe(0);
    expect(stderr).toContain(FOLLOWED);
    expect(stdout).toContain("2.5");
  });

  it("is shown by inspect, and so is one that is named", async () => {
    const found = await run("inspect", "net.onnx");
    expect(found.stdout.replaceAll(/\s+/g, " ")).toContain("pixels from 0 to 1 minus 0.25, divided by 0.5");
    expect(found.stdout).toContain("beside the model");
    const named = await run("inspect", "net.onnx", "--preprocess", "imagenet", "--json");
    expect(JSON.parse(named.stdout).preprocess).toMatchObject({ resize: 256, crop: 224 });
    const none = await run("inspect", "net.onnx", "--preprocess", "none");
    expect(none.stdout).toContain("none found: pixels go into the network as they are");
  });

  it("that cannot be followed is refused by each command", async () => {
    configure({ ...CONFIGURATION, do_pad: true });
    for (const args of [
      ["evaluate", "--model", "net.onnx", "--data", "x.npy", "--labels", "y.npy", "--eps", "0.1"],
      ["gradient", "net.onnx", "--out", "gradient.onnx"],
      ["inspect", "net.onnx"],
    ]) {
      const { code, stderr } = await run(...args);
      expect(code).not.toBe(0);
      expect(stderr).toContain("asks for do_pad, which is not followed here");
      expect(stderr).toContain("To leave it out: --preprocess none");
    }
  });
});
