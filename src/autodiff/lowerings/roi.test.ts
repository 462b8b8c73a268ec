import { describe, expect, it } from "vitest";
import { numbers } from "../../../test/support/gradient-check.ts";
import { PerturbError } from "../../errors.ts";
import type { AttributeValue } from "../../onnx/attributes.ts";
import { emptyGraph } from "../../onnx/builder.ts";
import { Ops } from "../../onnx/ops.ts";
import { backward } from "../engine.ts";
import { lower } from "../lower.ts";

type Attributes = Readonly<Record<string, AttributeValue>>;

/** What is said where the gradient of an operator by its first input is refused. */
function refusal(build: (b: Ops, x: string) => string, dims: readonly number[]): string {
  const b = new Ops(emptyGraph("refused", 18));
  const y = build(b, b.input({ name: "x", type: "float32", dims }));
  try {
    const lowered = new Ops(lower(b.finish([y]), ["x"]), "gradient");
    backward(lowered, y, lowered.full(1, y), ["x"]);
  } catch (error) {
    if (error instanceof PerturbError && error.code === "no-gradient") return error.message;
    throw error;
  }
  return "nothing refused";
}

const align =
  (attributes: Attributes, region: readonly number[] | null) =>
  (b: Ops, x: string): string => {
    const regions = region
      ? b.constant(numbers("float32", [1, 4], region))
      : b.input({ name: "regions", type: "float32", dims: [1, 4] });
    return b.add("RoiAlign", [x, regions, b.int64([0])], { output_height: 2, output_width: 2, ...attributes });
  };
const pool =
  (attributes: Attributes) =>
  (b: Ops, x: string): string =>
    b.add("MaxRoiPool", [x, b.constant(numbers("float32", [1, 5], [0, 1, 1, 3, 3]))], attributes);
const image = [1, 2, 6, 5];

describe("regions and matrices that cannot be spelled out are refused", () => {
  it.each<[string, (b: Ops, x: string) => string, readonly number[], string]>([
    ["RoiAlign", align({}, null), image, "a sampling_ratio of 0 and regions that are not constant"],
    ["RoiAlign", align({ mode: "min" }, [0, 0, 2, 2]), image, 'mode "min"'],
    ["RoiAlign", align({ mode: "max" }, [2, 0, 2, 2]), image, 'mode "max" and empty regions'],
    ["RoiAlign", align({}, [0, 0, 1e9, 1e9]), image, "so many points"],
    ["MaxRoiPool", pool({ pooled_shape: [2, 1e6] }), image, "2 by 1000000 bins"],
    ["Det", (b, x) => b.add("Det", [x]), [2, 7, 7], "matrices of more than 6 rows"],
  ])("%s", (op, build, dims, why) => {
    expect(refusal(build, dims)).toContain(`the gradient of ${op} with ${why} is not available`);
  });
});
