import { isMarked } from "../../autodiff/straight-through.ts";
import { type Graph, type Node, prune } from "../../onnx/graph.ts";
import { chosenDefence } from "./chosen.ts";

/** The key of `metadata_props` under which a file names its defences, first the one that samples meet first. */
export const DEFENCE_KEY = "perturb.defence";

const BEGIN = "defence begins: ";
const END = "defence ends: ";

/** Names of the nodes that stand before and behind a defence: every copy of the graph keeps them, and no runtime reads them. */
export const beginName = (text: string): string => BEGIN + text;
export const endName = (text: string): string => END + text;

/** What is known of the defences in a graph. */
export interface DefenceFacts {
  /** As they were asked for, in the order in which samples meet them: "jpeg:75". */
  readonly names: readonly string[];
  readonly isRandom: boolean;
  /** The network takes an encoding, so that it cannot be asked about samples without its defences. */
  readonly encodes?: true;
  /** How many of its nodes pass the gradient straight through. */
  readonly straightThrough: number;
}

interface Span {
  readonly text: string;
  readonly begin: Node;
  readonly end: Node;
}

/** The defences in a graph by the names of their nodes, or undefined where it has none. */
export function defencesOf(graph: Graph): DefenceFacts | undefined {
  const spans = spansOf(graph);
  if (spans.length === 0) return undefined;
  const inside = defenceNodes(graph);
  return {
    names: spans.map(({ text }) => text),
    ...(spans.some(({ text }) => chosenDefence(text).defence.encodes) && { encodes: true as const }),
    isRandom: spans.some(({ text }) => chosenDefence(text).defence.isRandom),
    straightThrough: [...inside].filter(isMarked).length,
  };
}

/** The nodes of defences that a sample passes through. */
export const defenceNodes = (graph: Graph): ReadonlySet<Node> =>
  new Set(spansOf(graph).flatMap((span) => between(graph, span)));

/** The graph with its defences left out: the network that they stand in front of. */
export function undefended(graph: Graph): Graph {
  const around = new Map(spansOf(graph).map(({ begin, end }) => [end, begin]));
  if (around.size === 0) return graph;
  const nodes = graph.nodes.map((node) => {
    const begin = around.get(node);
    if (!begin) return node;
    const { proto: _, ...own } = node;
    return { ...own, name: "", inputs: begin.inputs };
  });
  return prune({ ...graph, nodes });
}

/** Each defence whose beginning and end both stand in the graph, in their order. */
function spansOf({ nodes }: Graph): Span[] {
  const begins = nodes.filter(({ op, name }) => op === "Identity" && name.startsWith(BEGIN));
  const ends = nodes.filter(({ op, name }) => op === "Identity" && name.startsWith(END));
  const isWhole =
    begins.length === ends.length &&
    begins.every(({ name }, i) => name.slice(BEGIN.length) === ends[i]!.name.slice(END.length));
  return isWhole ? begins.map((begin, i) => ({ text: begin.name.slice(BEGIN.length), begin, end: ends[i]! })) : [];
}

/** The nodes from one value to another. */
function between({ nodes }: Graph, { begin, end }: Span): Node[] {
  const reached = new Set(begin.outputs);
  const first = nodes.indexOf(begin);
  return nodes.slice(first + 1, nodes.indexOf(end)).filter((node) => {
    if (!node.inputs.some((name) => reached.has(name))) return false;
    for (const name of node.outputs) reached.add(name);
    return true;
  });
}
