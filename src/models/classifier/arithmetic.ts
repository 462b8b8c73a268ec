import { isFloat } from "../../onnx/facts.ts";
import { type Graph, type Node, ownInputs } from "../../onnx/graph.ts";
import { elementType, readTensor } from "../../onnx/tensor-proto.ts";
import { toFloat32 } from "../../tensor.ts";

const ARITHMETIC = new Set(["Add", "Sub", "Mul", "Div"]);
/** What may stand between the steps, and is named without numbers. */
const PASSING = new Set(["Cast", "Identity", "Transpose"]);
/** More constants than an image has channels are no normalization. */
const MOST = 4;

/** The arithmetic with constants that a graph does to its only input before anything else, step by step: its preprocessing. */
export function findArithmetic(graph: Graph): string[] {
  const steps: string[] = [];
  const [input, ...others] = ownInputs(graph);
  let value = others.length === 0 ? input?.name : undefined;
  while (value !== undefined) {
    const users = graph.nodes.filter((node) => node.inputs.includes(value!));
    const step = users.length === 1 ? stepOf(graph, users[0]!, value) : undefined;
    if (step === undefined) break;
    steps.push(step);
    value = users[0]!.outputs[0];
  }
  // Steps without numbers at the end belong to the network.
  while (steps.length > 0 && !steps.at(-1)!.includes(" ")) steps.pop();
  return steps;
}

function stepOf(graph: Graph, { op, domain, inputs }: Node, value: string): string | undefined {
  if (domain !== "") return undefined;
  if (PASSING.has(op)) return op;
  if (!ARITHMETIC.has(op) || inputs.length !== 2) return undefined;
  const at = inputs[0] === value ? 1 : 0;
  const numbers = constantNumbers(graph, inputs[at]!);
  if (!numbers) return undefined;
  const text = numbers.map((v) => Number(v.toPrecision(7))).join(",");
  // Sub and Div the other way round are rare enough to be written out.
  return at === 1 || op === "Add" || op === "Mul" ? `${op} ${text}` : `${op} ${text} by it`;
}

function constantNumbers(graph: Graph, name: string): number[] | undefined {
  const proto = graph.initializers.get(name);
  const attribute = graph.nodes.find((node) => node.op === "Constant" && node.outputs[0] === name)?.attributes;
  if (proto && proto.dims.reduce((a, b) => a * b, 1n) > MOST) return undefined;
  const t = proto ? elementType(proto.dataType) && readTensor(proto) : attribute?.tensor("value");
  return t && isFloat(t.type) && t.data.length <= MOST ? Array.from(toFloat32(t).data) : undefined;
}
