import { expect, it } from "vitest";
import { withProgram } from "../../test/support/gradient-check.ts";
import { tensor } from "../tensor.ts";
import { emptyGraph } from "./builder.ts";
import { merged } from "./merged.ts";
import { Ops } from "./ops.ts";

it("nodes that compute the same become one, others stay, and so do the values", async () => {
  const b = new Ops(emptyGraph("twice"));
  const x = b.input({ name: "x", type: "float32", dims: [2] });
  const half = () => b.mul(b.exp(x), b.scalar(0.5, x));
  const [one, other] = [half(), half()];
  b.alias("sum", b.plus(one, other));
  // Of other attributes, of other inputs, drawn anew, and two outputs that are the same.
  const leaky = (alpha: number) => b.add("LeakyRelu", [x], { alpha: { float: alpha } });
  b.alias("leaks", b.sub(leaky(0.1), leaky(0.2)));
  b.alias("draws", b.sub(b.add("RandomNormalLike", [x]), b.add("RandomNormalLike", [x])));
  b.alias("first", b.neg(x));
  b.alias("second", b.neg(x));
  const graph = b.finish(["sum", "leaks", "draws", "first", "second"]);
  const less = merged(graph);
  const count = (op: string) => less.nodes.filter((node) => node.op === op).length;
  expect([count("Exp"), count("Mul"), count("LeakyRelu"), count("RandomNormalLike"), count("Neg")]).toEqual([
    1, 1, 2, 2, 1,
  ]);
  const values = { x: tensor("float32", [2], Float32Array.of(-1, 2)) };
  const [before, after] = await Promise.all([graph, less].map((g) => withProgram(g, (program) => program.run(values))));
  for (const name of ["sum", "leaks", "first", "second"]) expect(after![name]!.data).toEqual(before![name]!.data);
  expect(after!["draws"]!.data).not.toEqual(new Float32Array(2));
});
