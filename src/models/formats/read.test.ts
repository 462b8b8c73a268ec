import { describe, expect, it } from "vitest";
import { failure, survives } from "../../../test/support/datasets.ts";
import { fixture, floats, lenetFile, lenetGraph, numbers, open, using } from "../../../test/support/models.ts";
import { buildArchitecture } from "../../architecture.ts";
import { architectures } from "../../architectures/index.ts";
import { writeOnnx } from "../../onnx/file.ts";
import type { Tensor } from "../../tensor.ts";
import { openModel, openModelGraph, readModelFile } from "../open.node.ts";
import { readModel } from "./read.ts";
import { readWeights } from "./weights.ts";

const x = floats([2, 1, 28, 28], numbers(2 * 784, 1, 0, 1));

describe("readModel", () => {
  it.each(["lenet_zip", "lenet_legacy", "checkpoint_zip", "checkpoint_legacy", "dataparallel_zip"])(
    "%s.pth gives one and the same network",
    async (name) => {
      const reference = await using(open(lenetGraph()), (model) => model.logits(x));
      const graph = readModel(fixture(`${name}.pth`), `${name}.pth`, "lenet");
      expect(await using(open(graph), (model) => model.logits(x))).toEqual(reference);
    },
  );

  it("reads ONNX as it is", async () => {
    const graph = readModel(writeOnnx(lenetGraph()), "lenet.onnx");
    expect(graph.nodes.map((n) => n.op)).toEqual(lenetGraph().nodes.map((n) => n.op));
  });

  it.each(["lenet_zip.pth", "lenet_legacy.pth"])("%s without --arch: asks for it", async (name) => {
    const { message } = await failure("usage", () => readModel(fixture(name), name));
    expect(message).toMatch(`${name} holds weights`);
    expect(message).toMatch('`arch: "lenet"`');
  });

  it.each(["evil_zip.pth", "evil_legacy.pth", "evil_raw.pth", "evil_mixed_zip.pth"])(
    "%s is refused, with --arch and without",
    async (name) => {
      await failure("unsafe-file", () => readModel(fixture(name), name, "lenet"));
      await expect(async () => readModel(fixture(name), name)).rejects.toThrow();
      await survives(() => readModel(fixture(name), name));
    },
  );

  it("refuses ONNX where weights were promised, and noise", async () => {
    await failure("invalid-file", () => readModel(writeOnnx(lenetGraph()), "lenet.onnx", "lenet"));
    await failure("invalid-file", () => readModel(new Uint8Array(64).fill(255), "noise"));
    await failure("invalid-file", () => readModel(new Uint8Array(0), "empty", "lenet"));
  });
});

describe("weights that do not fit", () => {
  const weights = () => new Map<string, Tensor>(readWeights(fixture("lenet_zip.pth"), "lenet_zip.pth"));
  const build = (change: (all: Map<string, Tensor>) => void) => {
    const all = weights();
    change(all);
    return () => buildArchitecture(architectures.lenet, all, "net.pth");
  };

  it("are listed: missing, unexpected and mis-shaped, all at once", async () => {
    const error = await failure(
      "mismatch",
      build((all) => {
        all.set("fc3.weight", floats([2, 3], numbers(6, 1)));
        all.set("toString", floats([1], [0]));
        all.delete("conv1.bias");
        all.delete("fc2.weight");
        all.set("fc1.bias", floats([10, 5], numbers(50, 1)));
      }),
    );
    expect(error.data).toEqual({
      missing: ["conv1.bias [10]", "fc2.weight [10,50]"],
      unexpected: ["fc3.weight [2,3]", "toString [1]"],
      misshaped: ["fc1.bias: [10,5], needs [50]"],
    });
    expect(error.message).toMatch(/^net\.pth does not hold the weights of lenet\./);
    expect(error.message).toMatch(
      /\n {2}missing: conv1\.bias \[10\]; fc2\.weight \[10,50\]\n {2}unexpected: fc3\.weight \[2,3\]; toString \[1\]\n {2}of another shape: fc1\.bias: \[10,5\], needs \[50\]$/,
    );
  });

  it("leave out the lists that are empty", async () => {
    const { message } = await failure(
      "mismatch",
      build((all) => all.delete("conv1.bias")),
    );
    expect(message).not.toMatch(/unexpected|another shape/);
  });

  it.each(["views_zip.pth", "dtypes_zip.pth", "dtypes.safetensors"])("%s is no LeNet", async (name) => {
    const error = await failure("mismatch", () => readModel(fixture(name), name, "lenet"));
    expect(error.data["missing"]).toHaveLength(8);
  });

  it("may come in any float type", async () => {
    const all = weights();
    for (const [name, t] of all)
      all.set(name, { type: "float64", dims: t.dims, data: Float64Array.from(t.data as Float32Array) });
    const graph = buildArchitecture(architectures.lenet, all, "double.pth");
    expect(await using(open(graph), (model) => model.logits(x))).toEqual(
      await using(open(lenetGraph()), (model) => model.logits(x)),
    );
  });
});

describe("architectures", () => {
  it.each(Object.entries(architectures))("%s names itself and describes its graph", (name, architecture) => {
    expect(architecture.name).toBe(name);
    const parameters = new Map(
      Object.entries(architecture.parameters).map(([key, dims]) => [
        key,
        floats(
          dims,
          numbers(
            dims.reduce((a, b) => a * b, 1),
            1,
          ),
        ),
      ]),
    );
    const graph = architecture.build(parameters);
    expect([...graph.initializers.keys()].filter((key) => parameters.has(key)).sort()).toEqual(
      [...parameters.keys()].sort(),
    );
    expect(graph.inputs[0]!.dims!.slice(1)).toEqual(architecture.inputShape);
    expect(graph.outputs[0]!.dims!.at(-1)).toBe(architecture.classes);
    for (const node of Object.keys(architecture.dropout))
      expect(graph.nodes.some((n) => n.name === node && n.op === "Dropout")).toBe(true);
  });
});

describe("opening by path or name", () => {
  const path = (name: string) => new URL(`../../../test/fixtures/pytorch/${name}`, import.meta.url).pathname;

  it("gives the graph, its base name and the SHA-256 of the file", async () => {
    const { name, sha256, shape } = await openModelGraph(path("lenet_zip.pth"), { arch: "lenet" });
    const digest = new Uint8Array(
      await crypto.subtle.digest("SHA-256", fixture("lenet_zip.pth") as Uint8Array<ArrayBuffer>),
    );
    expect({ name, sha256, shape }).toEqual({
      name: "lenet_zip.pth",
      sha256: Array.from(digest, (b) => b.toString(16).padStart(2, "0")).join(""),
      shape: [1, 28, 28],
    });
  });

  it("opens a model ready for use", async () => {
    const model = await openModel(path("lenet_zip.pth"), { arch: "lenet", normalization: { mean: [0], std: [1] } });
    await using(model, async ({ inputShape, classes }) =>
      expect([inputShape, classes]).toEqual([lenetFile().inputShape, 10]),
    );
  });

  it("says what is not there, and what was meant", async () => {
    expect((await failure("not-found", () => readModelFile("no/such/file.onnx"))).message).toMatch(
      "Give a file, or one of lenet-mnist",
    );
    expect((await failure("not-found", () => readModelFile("lenet-mnits"))).message).toMatch(
      "Did you mean lenet-mnist?",
    );
    expect((await failure("not-found", () => readModelFile(path("")))).message).toMatch("is a folder");
    await failure("not-found", () => readModelFile("toString"));
  });
});
