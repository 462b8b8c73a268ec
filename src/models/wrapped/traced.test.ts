import { describe, expect, it } from "vitest";
import { type FloatTensor, tensor } from "../../tensor.ts";
import { callbackModel } from "../callback.ts";
import { averaged } from "./averaged.ts";
import { type Query, traced } from "./traced.ts";

const model = callbackModel({
  name: "twice",
  inputShape: [1],
  classes: 2,
  ask: async (x) => tensor("float32", [x.dims[0]!, 2], Float32Array.from([...x.data, ...x.data])),
});
const at = (...values: number[]): FloatTensor => tensor("float32", [values.length, 1], Float32Array.from(values));

describe("traced", () => {
  it("tells each query once it is answered, in order, and whose it was", async () => {
    const heard: Query[] = [];
    const told = traced(model, (query) => void heard.push(query));
    const answer = await told.logits(at(0.25), Int32Array.of(7));
    await told.logits(at(0.5, 0.75));
    expect(heard.map(({ kind, x, samples }) => [kind, [...x.data], samples && [...samples]])).toEqual([
      ["logits", [0.25], [7]],
      ["logits", [0.5, 0.75], undefined],
    ]);
    expect(heard[0]!.logits).toBe(answer);
  });

  it("is known by the model behind it, and has gradients only where that has", async () => {
    const told = traced(model, () => undefined);
    expect("gradient" in told).toBe(false);
    expect(told.origin).toBe(model);
    expect(traced(averaged(model, 2), () => undefined).name).toBe("twice");
  });
});
