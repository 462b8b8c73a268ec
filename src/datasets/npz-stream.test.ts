import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { failure } from "../../test/support/datasets.ts";
import { product, tensor } from "../tensor.ts";
import { readNpz } from "./npz.ts";
import { type ByteSink, createNpz } from "./npz-stream.ts";

/** A file in memory. */
function memory(): ByteSink & { bytes: () => Uint8Array } {
  let content = new Uint8Array(0);
  return {
    bytes: () => content,
    async write(position, bytes) {
      const grown = new Uint8Array(Math.max(content.length, position + bytes.length));
      grown.set(content);
      grown.set(bytes, position);
      content = grown;
    },
    read: async (start, end) => content.subarray(start, end),
  };
}

describe("createNpz", () => {
  it("gives what was written, whatever the order of the rows", async () => {
    const shapes = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 0, maxLength: 2 });
    await fc.assert(
      fc.asyncProperty(shapes, fc.shuffledSubarray([0, 1, 2, 3, 4], { minLength: 5 }), async (shape, order) => {
        const a = tensor(
          "float32",
          [5, ...shape],
          Float32Array.from({ length: 5 * product(shape) }, (_, i) => i / 3),
        );
        const b = tensor("int32", [5], Int32Array.of(7, -1, 0, 2 ** 31 - 1, -(2 ** 31)));
        const sink = memory();
        const npz = createNpz({ a: { type: "float32", dims: a.dims }, b: { type: "int32", dims: b.dims } }, sink);
        const size = product(shape);
        for (const row of order) {
          await npz.write("b", row, tensor("int32", [1], b.data.slice(row, row + 1)));
          await npz.write("a", row, tensor("float32", [1, ...shape], a.data.slice(row * size, (row + 1) * size)));
        }
        await npz.finish();
        expect([...readNpz(sink.bytes(), "x.npz")]).toEqual([
          ["a", a],
          ["b", b],
        ]);
      }),
      { numRuns: 50 },
    );
  });

  it("refuses more than a zip archive can address, before anything is written", async () => {
    await failure("unsupported", () => createNpz({ x: { type: "float32", dims: [2 ** 22, 256] } }, memory()));
  });

  it("refuses rows of another shape or type", async () => {
    const npz = createNpz({ x: { type: "float32", dims: [2, 3] } }, memory());
    await failure("internal", () => npz.write("x", 0, tensor("float32", [1, 2], new Float32Array(2))));
    await failure("internal", () => npz.write("x", 2, tensor("float32", [1, 3], new Float32Array(3))));
    await failure("internal", () => npz.write("x", 0, tensor("int32", [1, 3], new Int32Array(3))));
  });
});
