import { describe, expect, it } from "vitest";
import { providerCases, relativeDistance, type Tensors } from "../../test/support/provider-cases.ts";
import { messageOf } from "../errors.ts";
import { webRuntime } from "../runtime/ort-web.ts";

/** What the WebAssembly build does not do, and why. */
const LACKING: Readonly<Record<string, RegExp>> = {
  // It takes ONNX's inference at its word where the graph says better: sizes of 1 that broadcast.
  "Einsum: ij,ij->ij, sizes of 1": /Can't merge shape info/,
  "Einsum: ...ij,...jk->...ik, sizes of 1": /Can't merge shape info/,
};

describe("ONNX Runtime's WebAssembly build", () => {
  it("gives the values and gradients of the native CPU for every sample of every rule and lowering", async () => {
    const runtime = await webRuntime({ threads: 1 });
    const run = async (model: Uint8Array, feeds: Tensors) => {
      const program = await runtime.load(model);
      try {
        return await program.run(feeds);
      } finally {
        await program.release();
      }
    };
    const failed: Record<string, string> = {};
    for (const { name, model, values } of providerCases()) {
      const { feeds, expected } = await values();
      const results = await run(model, feeds).catch((error: unknown) => messageOf(error));
      if (typeof results === "string") failed[name] = results;
      else
        for (const [key, { data }] of Object.entries(expected))
          expect.soft(relativeDistance(results[key]!.data, data), `${key} of ${name}`).toBeLessThan(1e-4);
    }
    const reasons = Object.entries(LACKING).map(([name, reason]) => [name, expect.stringMatching(reason)]);
    expect(failed).toEqual(Object.fromEntries(reasons));
  }, 240_000);
});
