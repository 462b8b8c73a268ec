import { type Graph, type Node, valuesRead } from "../onnx/graph.ts";
import { Ops } from "../onnx/ops.ts";

/** A graph builder that knows which values change with some of them: it follows each node as it is appended. */
export class Following extends Ops {
  readonly #varying: Set<string>;

  /** @param roots that values change with; none of the graph's own nodes are followed */
  constructor(graph: Graph, roots: readonly string[]) {
    super(graph);
    this.#varying = new Set(roots);
  }

  /** Whether the elements of a value, and not only its shape, depend on one of the roots. */
  varies(name: string): boolean {
    return this.#varying.has(name);
  }

  protected override infer(node: Node): void {
    super.infer(node);
    if (node.op === "Shape" || node.op === "Size" || !valuesRead(node).some((name) => this.#varying.has(name))) return;
    for (const name of node.outputs) if (name !== "") this.#varying.add(name);
  }
}
