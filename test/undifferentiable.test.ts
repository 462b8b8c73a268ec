import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { Attributes } from "../src/onnx/attributes.ts";
import { emptyGraph } from "../src/onnx/builder.ts";
import { writeOnnx } from "../src/onnx/file.ts";
import { Ops } from "../src/onnx/ops.ts";
import { tensor } from "../src/tensor.ts";
import { perturb, scratch } from "./support/cli.ts";
import { floats, numbers } from "./support/models.ts";
import { subgraph } from "./support/subgraph.ts";

const space = scratch();
afterAll(space.remove);

const weights = floats([6, 3], numbers(18, 4));
const scores = (b: Ops, x: string): string => b.matmul(x, b.constant(weights));
const branch = (make: (b: Ops) => string) => ({ graph: subgraph(17, [], (b) => [make(b)]) });

/** Models of 6 features and 3 classes without a usable gradient, and what the error says of each. */
const models: Readonly<Record<string, readonly [(b: Ops, x: string) => string, RegExp]>> = {
  "an unknown domain": [
    (b, x) => {
      const attributes = Attributes.none;
      b.append({ op: "Warp", domain: "com.acme", name: "warp", inputs: [x], outputs: ["warped"], attributes });
      b.append({
        op: "Reshape",
        domain: "",
        name: "",
        inputs: ["warped", b.int64([-1, 6])],
        outputs: ["flat"],
        attributes,
      });
      return scores(b, "flat");
    },
    /com\.acme/,
  ],
  "control flow on the input": [
    (b, x) => {
      const condition = b.add("Greater", [b.squeeze(b.slice(x, [0, 1], [0, 0], [1, 1]), [0, 1]), b.scalar(0, x)]);
      const y = scores(b, x);
      return b.add("If", [condition], {
        then_branch: branch((inner) => inner.neg(y)),
        else_branch: branch((inner) =>
          inner.add("Compress", [y, inner.constant(tensor("bool", [1], Uint8Array.of(1)))], { axis: 0 }),
        ),
      });
    },
    /If .*depends on the values of the input/,
  ],
  "only integers between input and output": [
    (b, x) => b.cast(b.add("ArgMax", [b.reshape(x, [-1, 3, 2])], { axis: 2, keepdims: 0 }), "float32"),
    /No gradient flows/,
  ],
  "a shape that depends on the data": [
    (b, x) => {
      const rows = b.add("Unique", [b.reshape(x, [-1])]);
      return scores(b, b.reshape(rows, [-1, 6]));
    },
    /Unique/,
  ],
};

it.each(Object.entries(models))(
  "%s: one error with the node's name, before anything is written",
  async (name, [make, says]) => {
    const b = new Ops(emptyGraph("m"));
    const outputs = [{ name: "scores", type: "float32", dims: ["N", 3] }] as const;
    b.alias("scores", make(b, b.input({ name: "x", type: "float32", dims: ["N", 6] })));
    const file = `${name.replaceAll(" ", "-")}.onnx`;
    writeFileSync(join(space.path, file), writeOnnx({ ...b.finish(["scores"]), outputs }));
    const { code, stdout, stderr } = await perturb(["gradient", file, "--out", "g.onnx"], space.path);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(stderr).toMatch(says);
    expect(existsSync(join(space.path, "g.onnx"))).toBe(false);
    const inspected = await perturb(["inspect", file], space.path);
    expect(inspected.code).toBe(0);
    expect(inspected.stdout).toMatch(/^gradient +no\. /m);
  },
);
