import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { firstBatch } from "../../../test/support/datasets.ts";
import { runtime } from "../../../test/support/gradient-check.ts";
import { asClassifier } from "../../autodiff/differentiate.ts";
import { openDataset } from "../../datasets/locate.node.ts";
import { readOnnx } from "../../onnx/file.ts";
import { type FloatTensor, takeRows, tensor } from "../../tensor.ts";
import { openBounds } from "../bounds/bounds.ts";
import { ball } from "../bounds/box.ts";
import { checkCertificate } from "./check.ts";
import { certificateLine, readCertificate } from "./format.ts";
import { readLayers } from "./read.ts";
import { writeCertificate } from "./write.ts";

const folder = new URL("../../../../shared/reference/certify/auto_lirpa/", import.meta.url);
const note = existsSync(folder) ? "" : " (skipped: there is no ../shared/reference/certify)";
const IMAGES = 10;

describe.skipIf(note !== "")(`certificates of MNIST images${note}`, () => {
  it.each(["fc", "kw"])(
    "%s: prove what the bounds of float32 prove, with margins as large, and hold again when they are read",
    async (name) => {
      const { epsilon, labels } = JSON.parse(readFileSync(new URL(`bounds_${name}.json`, folder), "utf8")) as {
        readonly epsilon: number;
        readonly labels: readonly number[];
      };
      const { graph } = asClassifier(readOnnx(readFileSync(new URL(`${name}.onnx`, folder))));
      const { x } = await firstBatch(await openDataset("mnist"), IMAGES);
      const box = ball(x as FloatTensor, epsilon, { lower: 0, upper: 1 });
      const seed = tensor("float32", [9 * IMAGES, 10], new Float32Array(90 * IMAGES));
      for (let row = 0; row < 9 * IMAGES; row++) {
        const label = labels[Math.floor(row / 9)]!;
        seed.data[10 * row + label] = 1;
        seed.data[10 * row + (row % 9 < label ? row % 9 : (row % 9) + 1)] = -1;
      }
      const bounds = await openBounds(graph, runtime);
      const theirs = await bounds.lower(box, {
        seed,
        samples: Int32Array.from({ length: 9 * IMAGES }, (_, row) => Math.floor(row / 9)),
      });
      await bounds.release();
      const network = readLayers(graph);
      for (let i = 0; i < IMAGES; i++) {
        const [lower, upper] = [box.lower, box.upper].map((end) => takeRows(end, [i]).data as Float32Array);
        const question = { sample: i, label: labels[i]!, lower: lower!, upper: upper! };
        const certificate = writeCertificate(network, question);
        const own = [...theirs.subarray(9 * i, 9 * i + 9)];
        expect(certificate !== undefined, `image ${i}`).toBe(own.every((margin) => margin > 0));
        if (!certificate) continue;
        const read = readCertificate(certificateLine(certificate), 2, network);
        expect(read).toEqual(certificate);
        const checked = checkCertificate(network, read);
        if (!checked.holds) throw new Error(checked.reason);
        for (const [k, margin] of checked.margins.entries())
          expect(margin - own[k]!, `image ${i}`).toBeGreaterThan(-1e-4 * Math.abs(own[k]!));
      }
    },
  );
});
