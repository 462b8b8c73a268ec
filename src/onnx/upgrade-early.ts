import { Attributes } from "./attributes.ts";
import type { Graph, Node } from "./graph.ts";
import { inferShapes } from "./shapes.ts";

/** The first opset that ONNX Runtime has kernels for. */
const OLDEST = 7;

const EARLY = [1, 2, 3, 4, 5, 6];
/** Operators that changed up to opset 7 in more than the types they take, and the opsets whose nodes can still be read. */
const CHANGED: Readonly<Record<string, readonly number[]>> = {
  Cast: [6],
  Concat: [4, 5, 6],
  GRU: [],
  GlobalLpPool: [2, 3, 4, 5, 6],
  LSTM: [],
  LpPool: [2, 3, 4, 5, 6],
  Pad: [2, 3, 4, 5, 6],
  RNN: [],
  Reshape: [5, 6],
  // The defaults of its attributes, by some digits.
  Selu: [6],
  Split: [2, 3, 4, 5, 6],
  Tile: [6],
  TopK: [],
  Upsample: [],
};

/** Attributes without a meaning from opset 7 on. */
const ONLY_TRAINING = ["consumed_inputs", "is_test"];

/** A graph of opset 1 to 6 as one of opset 7; one that cannot be so rewritten node by node stays as it is. */
export function upgradeEarly(graph: Graph): Graph {
  const opset = graph.opsets.get("") ?? OLDEST;
  if (opset >= OLDEST || graph.nodes.some((node) => isBound(node, opset))) return graph;
  const facts = inferShapes(graph);
  const rankOf = (name: string): number | undefined => facts.get(name)?.dims?.length;
  const nodes = graph.nodes.map((node) => modernized(node, rankOf));
  if (!nodes.every((list) => list !== null)) return graph;
  return { ...graph, nodes: nodes.flat(), opsets: new Map([...graph.opsets, ["", OLDEST]]) };
}

function isBound({ op, domain, attributes }: Node, opset: number): boolean {
  if (domain !== "") return false;
  if (!(Object.hasOwn(CHANGED, op) ? CHANGED[op]! : EARLY).includes(opset)) return true;
  return (op === "Dropout" || op === "BatchNormalization") && attributes.int("is_test", 0) === 0;
}

/** The node as opset 7 has it, behind one that aligns its second operand; null where ranks are not known. */
function modernized(node: Node, rankOf: (name: string) => number | undefined): readonly Node[] | null {
  const { op, domain, attributes, inputs, outputs } = node;
  const broadcasts = attributes.has("broadcast");
  if (domain !== "" || !(broadcasts || op === "PRelu" || ONLY_TRAINING.some((name) => attributes.has(name))))
    return [node];
  const { proto: _, ...fields } = node;
  const dropped = broadcasts ? ["axis", "broadcast", ...ONLY_TRAINING] : ONLY_TRAINING;
  const plain = { ...fields, attributes: new Attributes(attributes.protos.filter((a) => !dropped.includes(a.name))) };
  // Slopes are those of channels.
  const axis = op === "PRelu" ? 1 : broadcasts ? attributes.int("axis", -1) : -1;
  if (axis < 0) return [plain];
  const [rank, own] = [rankOf(inputs[0]!), rankOf(inputs[1]!)];
  if (rank === undefined || own === undefined) return null;
  const missing = rank - axis - own;
  if (missing <= 0) return [plain];
  const aligned = `${outputs[0]}/aligned`;
  const axes = Array.from({ length: missing }, (_, i) => own + i);
  const align = { op: "Unsqueeze", domain, name: "", inputs: [inputs[1]!], outputs: [aligned] };
  return [
    { ...align, attributes: Attributes.from({ axes }) },
    { ...plain, inputs: [inputs[0]!, aligned, ...inputs.slice(2)] },
  ];
}
