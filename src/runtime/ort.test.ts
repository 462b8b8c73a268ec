import { expect, it } from "vitest";
import { failure } from "../../test/support/datasets.ts";
import { ortRuntime } from "./ort.ts";

/** ONNX Runtime whose WebAssembly ends by a trap when a graph is loaded, or when it is run. */
const trapping = (at: "load" | "run") => {
  const trap = () => Promise.reject(new WebAssembly.RuntimeError("divide by zero"));
  const session = { inputNames: ["x"], outputNames: ["y"], run: trap, release: async () => undefined };
  return { Tensor: class {}, InferenceSession: { create: at === "load" ? trap : async () => session } };
};
const runtimeOf = (at: "load" | "run") => ortRuntime(trapping(at) as unknown as Parameters<typeof ortRuntime>[0]);

it("says of WebAssembly that has ended what to do before the next model", async () => {
  const loading = await failure("runtime", () => runtimeOf("load").load(new Uint8Array()));
  const program = await runtimeOf("run").load(new Uint8Array());
  const running = await failure("runtime", () => program.run({}));
  for (const { message } of [loading, running]) expect(message).toMatch(/divide by zero.*reload the page/);
});
