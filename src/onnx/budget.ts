import type { AttributeProto, GraphProto } from "onnx-buf";
import { PerturbError } from "../errors.ts";
import { graphsIn } from "./attributes.ts";

/** What rewriting a graph may make, and take: far more than any network needs, and what a computer can bear. */
export const MOST = { nodes: 2 ** 17, bytes: 2 ** 27, seconds: 120 } as const;

/** Nodes between two looks at the clock. */
const LOOK = 256;

/** A node, in a file or made. */
export interface Sized {
  readonly input: readonly string[];
  readonly output: readonly string[];
  readonly attribute: readonly AttributeProto[];
}

/**
 * What is left of the work that one rewriting may do. A few bytes of a file can ask for any number of nodes: so whatever makes
 * some as often as a file says spends them here first.
 */
export class Budget {
  readonly #end = performance.now() + 1000 * MOST.seconds;
  #nodes = 0;
  #bytes = 0;
  #look = LOOK;

  /** A node that is made. @param where names the node of the file that asks for it. @throws unsupported when it is one too many */
  node({ input, output, attribute }: Sized, where: () => string): void {
    const names = output.reduce((sum, name) => sum + name.length, 0);
    this.spend({ nodes: 1, bytes: 8 * input.length + names + attribute.reduce((sum, a) => sum + sizeOf(a), 0) }, where);
  }

  /** Whether so many nodes more would be too many: before they are made one by one. @throws unsupported */
  foresee(nodes: number, where: () => string): void {
    // What is no number is too much, too.
    if (!(this.#nodes + nodes <= MOST.nodes)) throw tooMuch(where(), `is more than ${MOST.nodes} nodes`);
  }

  /** @throws unsupported when it is too much */
  spend({ nodes = 0, bytes = 0 }: { readonly nodes?: number; readonly bytes?: number }, where: () => string): void {
    this.#nodes += nodes;
    this.#bytes += bytes;
    this.foresee(0, where);
    if (!(this.#bytes <= MOST.bytes)) throw tooMuch(where(), `takes more than ${MOST.bytes / 2 ** 20} MiB`);
    this.#look -= nodes;
    if (this.#look > 0) return;
    this.#look = LOOK;
    if (performance.now() > this.#end) throw tooMuch(where(), `takes longer than ${MOST.seconds} seconds`);
  }
}

const tooMuch = (where: string, what: string): PerturbError =>
  new PerturbError(
    "unsupported",
    `${where}: written in simpler operators, the model ${what}. Check the counts of its loops, and the sizes of its axes and sequences.`,
  );

const known = new WeakMap<object, number>();

/** About the bytes that an attribute takes in a file: each node has its own there. */
function sizeOf(attribute: AttributeProto): number {
  const { t, s, ints, floats, strings } = attribute;
  const before = known.get(attribute);
  if (before !== undefined) return before;
  const listed = 8 * ints.length + 4 * floats.length + strings.reduce((sum, text) => sum + text.length, 0);
  const inner = [...graphsIn(attribute)].reduce((sum, graph) => sum + sizeOfGraph(graph), 0);
  const size = s.length + listed + inner + (t ? t.rawData.length + 8 * numbersIn(t) : 0);
  known.set(attribute, size);
  return size;
}

const sizeOfGraph = ({ node, initializer }: GraphProto): number =>
  initializer.reduce((sum, t) => sum + t.rawData.length + 8 * numbersIn(t), 0) +
  node.reduce((sum, { attribute }) => sum + attribute.reduce((of, a) => of + sizeOf(a), 32), 0);

const numbersIn = (t: NonNullable<AttributeProto["t"]>): number =>
  t.floatData.length + t.doubleData.length + t.int32Data.length + t.int64Data.length + t.uint64Data.length;
