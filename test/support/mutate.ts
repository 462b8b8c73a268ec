import type { GraphProto, ModelProto, NodeProto } from "onnx-buf";
import { rules } from "../../src/autodiff/rules.ts";
import { shapeRules } from "../../src/onnx/shape-rules.ts";
import type { Random } from "../../src/random.ts";

const OPERATORS = [...new Set([...Object.keys(rules), ...Object.keys(shapeRules)])];
const INTEGERS = [0n, 1n, -1n, 2n, 3n, -2n, 7n, 100n, 2n ** 31n, 2n ** 40n, 2n ** 63n - 1n, -(2n ** 63n)];

/** One to four changes to a model that leave its file in order, and seldom its meaning. */
export function mutate(model: ModelProto, random: Random): void {
  const graph = model.graph!;
  const pick = <T>(list: readonly T[]): T => list[random.integer(list.length)]!;
  const changes: ((node: NodeProto) => void)[] = [
    (node) => {
      node.opType = pick(OPERATORS);
    },
    (node) => {
      if (node.input.length > 0) node.input[random.integer(node.input.length)] = pick(names(graph));
    },
    (node) => {
      node.input.push(pick(names(graph)));
    },
    (node) => {
      node.input.length = random.integer(node.input.length + 1);
    },
    (node) => {
      node.attribute.splice(random.integer(node.attribute.length + 1), 1);
    },
    (node) => {
      const attribute = node.attribute[random.integer(node.attribute.length + 1)];
      if (attribute) attribute.i = pick(INTEGERS);
      if (attribute && attribute.ints.length > 0)
        attribute.ints[random.integer(attribute.ints.length)] = pick(INTEGERS);
    },
    (node) => {
      const attribute = node.attribute.find((a) => a.ints.length > 0);
      if (attribute) attribute.ints.length = random.integer(attribute.ints.length);
    },
    () => {
      const type = graph.input[0]!.type!.value;
      if (type.case === "tensorType") pick(type.value.shape!.dim).value = { case: "dimValue", value: pick(INTEGERS) };
    },
    () => {
      model.opsetImport[0]!.version = BigInt(1 + random.integer(22));
    },
  ];
  for (let left = 1 + random.integer(4); left > 0; left--) pick(changes)(pick(graph.node));
}

const names = (graph: GraphProto): string[] => [
  "",
  ...graph.input.map((v) => v.name),
  ...graph.initializer.map((t) => t.name),
  ...graph.node.flatMap((n) => n.output),
];
