import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { type StringStringEntryProto, StringStringEntryProtoSchema, TensorProto_DataLocation } from "onnx-buf";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { failure } from "../../../test/support/datasets.ts";
import { withExternalData } from "../../../test/support/external.ts";
import { floats, linearGraph } from "../../../test/support/models.ts";
import { changed } from "../../../test/support/onnx.ts";
import { emptyGraph } from "../../onnx/builder.ts";
import { writeOnnx } from "../../onnx/file.ts";
import { Ops } from "../../onnx/ops.ts";
import { openModel, openModelGraph } from "../open.node.ts";

const FEATURES = 5000;
const weights = Float32Array.from({ length: 2 * FEATURES }, (_, i) => Math.sin(i));
const whole = writeOnnx(linearGraph([FEATURES], weights, [0.25, -0.5]));

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "perturb-"));
  // The data of both tensors in one file, the large one first.
  const data = new Uint8Array(weights.byteLength + 64);
  data.set(new Uint8Array(weights.buffer));
  data.set(new Uint8Array(Float32Array.of(0.25, -0.5).buffer), weights.byteLength);
  await writeFile(join(folder, "net.data"), data);
});
afterAll(() => rm(folder, { recursive: true }));

const entries = (fields: Record<string, string | number>): StringStringEntryProto[] =>
  Object.entries(fields).map(([key, value]) => create(StringStringEntryProtoSchema, { key, value: String(value) }));

/** The model with its tensors moved to net.data; `override` changes where the large one is said to lie. */
async function externalModel(override: Record<string, string | number> = {}): Promise<string> {
  const bytes = changed(whole, ({ graph }) => {
    for (const t of graph!.initializer) {
      const large = t.rawData.length > 1000;
      const place = { location: "net.data", offset: large ? 0 : weights.byteLength, length: t.rawData.length };
      t.rawData = new Uint8Array();
      t.dataLocation = TensorProto_DataLocation.EXTERNAL;
      t.externalData = entries(large ? { ...place, ...override } : place);
    }
  });
  const path = join(folder, "net.onnx");
  await writeFile(path, bytes);
  return path;
}

describe("a model with its weights in another file", () => {
  it("gives the same logits and gradients as in one file, and leaves large tensors where they are", async () => {
    const outside = await openModel(await externalModel());
    const path = join(folder, "whole.onnx");
    await writeFile(path, whole);
    const inside = await openModel(path);
    try {
      expect(outside.file.onnx.length).toBeLessThan(2000);
      expect(outside.file.parameters).toBe(inside.file.parameters);
      const x = floats([2, FEATURES], weights);
      const goal = { kind: "untargeted", labels: Int32Array.of(0, 1) } as const;
      expect(await outside.gradient(x, goal)).toEqual(await inside.gradient(x, goal));
    } finally {
      await Promise.all([outside.release(), inside.release()]);
    }
  });

  it("of float16 has its gradient computed in float32, from weights that stay outside", async () => {
    const b = new Ops(emptyGraph("half"));
    const x = b.input({ name: "x", type: "float32", dims: ["N", 2 * FEATURES] });
    // 1, -2 and 0.5 in turn.
    const bits = Uint16Array.from({ length: 4 * FEATURES }, (_, i) => [0x3c00, 0xc000, 0x3800][i % 3]!);
    const w = b.parameter("w", { type: "float16", dims: [2 * FEATURES, 2], data: bits });
    b.alias("y", b.cast(b.matmul(b.cast(x, "float16"), w), "float32"));
    const { onnx, data } = withExternalData(writeOnnx(b.finish(["y"])), "half.data");
    await writeFile(join(folder, "half.onnx"), onnx);
    await writeFile(join(folder, "half.data"), data);
    const model = await openModel(join(folder, "half.onnx"));
    try {
      const labels = Int32Array.of(0);
      const zeros = floats([1, 2 * FEATURES], new Float32Array(2 * FEATURES));
      const { gradient } = await model.gradient(zeros, { kind: "untargeted", labels }, "margin");
      expect(Array.from(gradient.data.slice(0, 3))).toEqual([-3, 0.5, 2.5]);
    } finally {
      await model.release();
    }
  });

  it.each([["../net.data"], ["/etc/passwd"], ["sub/../../net.data"], ["c:\\net.data"], [""], ["net.data\0.txt"]])(
    "a name that leaves the folder is refused: %j",
    async (location) => {
      const error = await failure("unsafe-file", async () => openModelGraph(await externalModel({ location })));
      expect(error.message).toContain("not inside the model's folder");
    },
  );

  it("a missing file, one that is too short, and lengths that do not fit are named", async () => {
    const missing = await failure("not-found", async () => openModelGraph(await externalModel({ location: "gone" })));
    expect(missing.message).toContain("gone");
    await failure("not-found", async () => openModelGraph(await externalModel({ location: "." })));
    for (const place of [{ offset: 100 }, { offset: -4 }, { length: 12 }, { length: 2 ** 60 }, { offset: "x" }])
      await failure("invalid-file", async () => openModelGraph(await externalModel(place)));
  });
});
