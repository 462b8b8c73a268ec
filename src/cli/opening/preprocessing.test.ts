import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { ownConfiguration, preprocessingGiven } from "./preprocessing.ts";

const CONFIGURATION = JSON.stringify({
  do_rescale: true,
  rescale_factor: 1 / 255,
  do_normalize: true,
  image_mean: [0.5, 0.5, 0.5],
  image_std: [0.25, 0.25, 0.25],
});

it("follows a configuration beside the model, unless something is said of preprocessing", async () => {
  const folder = mkdtempSync(join(tmpdir(), "perturb-"));
  const model = join(folder, "net.onnx");
  expect(await ownConfiguration(model, {})).toBeUndefined();
  writeFileSync(join(folder, "preprocessor_config.json"), CONFIGURATION);
  const own = await ownConfiguration(model, {});
  expect(own?.note.message).toContain("--preprocess none");
  expect(await preprocessingGiven({ preprocess: own!.path })).toMatchObject({
    mean: [0.5, 0.5, 0.5],
    std: [0.25, 0.25, 0.25],
  });
  for (const given of [{ mean: [0.5] }, { preprocess: "none" }, { crop: 224 }])
    expect(await ownConfiguration(model, given)).toBeUndefined();
  expect(await preprocessingGiven({ preprocess: "none" })).toEqual({});
  writeFileSync(join(folder, "preprocessor_config.json"), '{"architectures": ["Net"]}');
  expect(await ownConfiguration(model, {})).toBeUndefined();
});
