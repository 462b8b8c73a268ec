import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import {
  FunctionProtoSchema,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  type StringStringEntryProto,
  StringStringEntryProtoSchema,
  type TensorProto,
  TensorProto_DataLocation,
  TensorProtoSchema,
} from "onnx-buf";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { failure } from "../../../test/support/datasets.ts";
import { withExternalData } from "../../../test/support/external.ts";
import { floats, linearGraph } from "../../../test/support/models.ts";
import { changed } from "../../../test/support/onnx.ts";
import { subgraph } from "../../../test/support/subgraph.ts";
import { emptyGraph } from "../../onnx/builder.ts";
import { writeOnnx } from "../../onnx/file.ts";
import { Ops } from "../../onnx/ops.ts";
import { tensorsOf } from "../../onnx/tensors.ts";
import { nodeRuntime } from "../../runtime/ort.node.ts";
import { openModel, openModelGraph } from "../open.node.ts";
import { openModel as openBytes } from "../open.ts";
import { isExternal } from "./external.ts";

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
    for (const offset of ["0x0", " 0", "0.0", "0e0"])
      await failure("invalid-file", async () => openModelGraph(await externalModel({ offset })));
  });

  it("a link out of the folder is refused, of small tensors too, and one that stays inside is followed", async () => {
    const outside = await mkdtemp(join(tmpdir(), "perturb-"));
    try {
      await writeFile(join(outside, "secret.bin"), new Uint8Array(weights.byteLength));
      await symlink(join(outside, "secret.bin"), join(folder, "link.data"));
      await symlink("net.data", join(folder, "inner.data"));
      const error = await failure("unsafe-file", async () =>
        openModelGraph(await externalModel({ location: "link.data" })),
      );
      expect(error.message).toContain("is a link to");
      await failure("unsafe-file", () => openModelGraph(nested("small.onnx", "link.data")));
      expect((await openModelGraph(await externalModel({ location: "inner.data" }))).folder).toBe(folder);
    } finally {
      await rm(outside, { recursive: true });
    }
  });

  it.skipIf(process.platform === "win32")("a pipe is refused without a wait for whoever writes to it", async () => {
    execFileSync("mkfifo", [join(folder, "pipe.data")]);
    await failure("not-found", async () => openModelGraph(await externalModel({ location: "pipe.data" })));
  });
});

/** logits = x + (0.5, 2) by an If, whose bodies hold that constant in another file, as an initializer and as an attribute. */
function nested(file: string, location: string): string {
  const moved = (t: TensorProto) => {
    t.rawData = new Uint8Array();
    t.dataLocation = TensorProto_DataLocation.EXTERNAL;
    t.externalData = entries({ location, offset: 0, length: 8 });
  };
  const b = new Ops(emptyGraph("nested"));
  const x = b.input({ name: "x", type: "float32", dims: ["N", 2] });
  const shift = floats([2], [0.5, 2]);
  const asInitializer = subgraph(17, [], (body) => [body.plus(x, body.constant(shift))]);
  for (const t of asInitializer.initializer) moved(t);
  const asAttribute = subgraph(17, [], (body) => [body.plus(x, body.add("Constant", [], { value: shift }))]);
  for (const { attribute } of asAttribute.node) for (const { t } of attribute) if (t) moved(t);
  const isPositive = b.add("Greater", [b.reduceSum(x, [0, 1], false), b.constant(floats([], [0]))]);
  const branches = { then_branch: { graph: asInitializer }, else_branch: { graph: asAttribute } };
  b.alias("y", b.reshape(b.add("If", [isPositive], branches), [-1, 2]));
  const path = join(folder, file);
  writeFileSync(path, writeOnnx(b.finish(["y"])));
  return path;
}

describe("tensors of sub-graphs in another file", () => {
  it("are read beside the model, and nothing is left for the runtime to look for", async () => {
    await writeFile(join(folder, "shift.data"), new Uint8Array(Float32Array.of(0.5, 2).buffer));
    const path = nested("nested.onnx", "shift.data");
    const { graph, folder: left } = await openModelGraph(path);
    expect([...tensorsOf(graph)].filter(isExternal)).toEqual([]);
    expect(left).toBeUndefined();
    const model = await openModel(path);
    try {
      const logits = async (...x: number[]) => [...(await model.logits(floats([1, 2], x))).data];
      expect([await logits(0.25, 0.5), await logits(-0.5, 0.25)]).toEqual([
        [0.75, 2.5],
        [0, 2.25],
      ]);
    } finally {
      await model.release();
    }
  });

  it("are refused outside of the folder, and where there are the bytes of the model alone", async () => {
    await failure("unsafe-file", () => openModelGraph(nested("out.onnx", "../net.data")));
    await failure("not-found", () => openModelGraph(nested("gone.onnx", "gone.data")));
    const bytes = readFileSync(nested("bytes.onnx", "shift.data"));
    const error = await failure("unsupported", () => openBytes(bytes, { runtime: nodeRuntime("cpu", 1) }));
    expect(error.message).toContain("shift.data");
  });

  it("of functions are read beside the model, too", async () => {
    const bytes = changed(whole, (model) => {
      const value = create(TensorProtoSchema, {
        dims: [2n],
        dataType: 1,
        dataLocation: TensorProto_DataLocation.EXTERNAL,
      });
      value.externalData = entries({ location: "shift.data", length: 8 });
      const domain = "local";
      model.opsetImport.push(create(OperatorSetIdProtoSchema, { domain, version: 1n }));
      model.functions.push(
        create(FunctionProtoSchema, {
          name: "Shifted",
          domain,
          input: ["a"],
          output: ["b"],
          opsetImport: [{ domain: "", version: 17n }],
          node: [
            { opType: "Constant", output: ["c"], attribute: [{ name: "value", type: 4, t: value }] },
            { opType: "Add", input: ["a", "c"], output: ["b"] },
          ],
        }),
      );
      const [output] = model.graph!.output;
      model.graph!.node.push(
        create(NodeProtoSchema, { opType: "Shifted", domain, input: [output!.name], output: ["z"] }),
      );
      output!.name = "z";
    });
    const path = join(folder, "function.onnx");
    await writeFile(path, bytes);
    expect([...tensorsOf((await openModelGraph(path)).graph)].filter(isExternal)).toEqual([]);
    const model = await openModel(path);
    try {
      const zeros = floats([1, FEATURES], new Float32Array(FEATURES));
      expect([...(await model.logits(zeros)).data]).toEqual([0.75, 1.5]);
    } finally {
      await model.release();
    }
  });
});
