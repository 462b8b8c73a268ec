import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { dense, floats, graphOf, numbers, open, using } from "../../../test/support/models.ts";
import { writeOnnx } from "../../onnx/file.ts";
import { openSurrogate } from "./model.ts";

const [C, H, W] = [3, 4, 5];
const weights = numbers(C * H * W * 2, 3);
const first = graphOf([C, H, W], (b, v) => dense(b, b.add("Flatten", [v]), weights, [0.1, -0.1]));
const last = graphOf([H, W, C], (b, v) =>
  dense(b, b.add("Flatten", [b.transpose(v, [0, 3, 1, 2])]), weights, [0.1, -0.1]),
);
const x = floats([2, C, H, W], numbers(2 * C * H * W, 4, 0, 1));
const goal = { kind: "untargeted", labels: Int32Array.of(0, 1) } as const;
const normalization = { mean: [0.2, 0.4, 0.6], std: [0.1, 0.2, 0.3] };

it("a surrogate of the command line is of either layout", async () => {
  const folder = await mkdtemp(join(tmpdir(), "perturb-"));
  try {
    const surrogate = join(folder, "last.onnx");
    await writeFile(surrogate, writeOnnx(last));
    const given = { surrogate, device: "cpu", isolate: false, ...normalization } as const;
    const model = (await openSurrogate(given as Parameters<typeof openSurrogate>[0], [C, H, W]))!;
    expect(model.inputShape).toEqual([C, H, W]);
    await using(model, async () => {
      await using(open(first, { normalization }), async (own) => {
        expect((await model.gradient(x, goal)).gradient.data).toEqual((await own.gradient(x, goal)).gradient.data);
      });
    });
  } finally {
    await rm(folder, { recursive: true });
  }
});
