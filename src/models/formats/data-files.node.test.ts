import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { failure } from "../../../test/support/datasets.ts";
import { withDataFiles } from "../../../test/support/external.ts";
import { smallFile } from "../../../test/support/onnx.ts";
import { readOnnx } from "../../onnx/file.ts";
import { readTensor } from "../../onnx/tensor-proto.ts";
import { readDataFiles } from "./data-files.node.ts";
import { withData } from "./data-files.ts";

let root = "";
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "perturb-"));
});
afterAll(() => rm(root, { recursive: true }));

/** The model with its tensors in these files, saved in a folder of its own. */
async function saved(folder: string, locationOf: (tensor: string) => string) {
  const { onnx, files } = withDataFiles(smallFile(), locationOf);
  const at = join(root, folder);
  await mkdir(join(at, "deep"), { recursive: true });
  for (const [location, bytes] of files) await writeFile(join(at, location), bytes);
  return { at, graph: readOnnx(onnx) };
}

describe("the files beside a model", () => {
  it("are read by their paths, each once, and hold the tensors of the one file", async () => {
    const { at, graph } = await saved("two", (name) => (name.startsWith("conv") ? "./deep//w.bin" : "b.data"));
    const files = await readDataFiles(graph, at, "m");
    expect([...files.keys()].sort()).toEqual(["b.data", "deep/w.bin"]);
    const whole = readOnnx(smallFile());
    for (const [name, t] of withData(graph, files, "m").initializers)
      expect(readTensor(t)).toEqual(readTensor(whole.initializers.get(name)!));
  });

  it("are regular ones inside of its folder", async () => {
    const { at, graph } = await saved("links", (name) => (name.startsWith("conv") ? "w.bin" : "b.data"));
    await rm(join(at, "b.data"));
    await failure("not-found", () => readDataFiles(graph, at, "m"));
    await symlink(join(at, "..", "two", "b.data"), join(at, "b.data"));
    await failure("unsafe-file", () => readDataFiles(graph, at, "m"));
    await rm(join(at, "b.data"));
    await symlink(join(at, "deep"), join(at, "b.data"));
    await failure("not-found", () => readDataFiles(graph, at, "m"));
  });
});
