import { isMarked, straightThroughName } from "../../autodiff/straight-through.ts";
import { PerturbError } from "../../errors.ts";
import { checkKind } from "../../known-options.ts";
import { layoutOf } from "../../layout.ts";
import type { Graph, Node } from "../../onnx/graph.ts";
import type { Ops } from "../../onnx/ops.ts";
import { renameValues } from "../../onnx/rewrite.ts";
import { option } from "../../option.ts";
import { chosenDefence } from "../defences/chosen.ts";
import { defend } from "../defences/front.ts";
import type { Detector } from "../detector.ts";

/**
 * Feature squeezing (Xu, Evans and Qi 2018, §V): the L1 distance between the probabilities of a sample and those of the sample squeezed, the
 * largest over several squeezers. These are defences that do not draw at random; by default fewer bits (1 of grey pictures, else 5, as in the
 * paper) and a median filter (of side 3; the paper's has side 2). Gradients pass rounding unchanged, as those of defences do.
 * @param squeezers such as ["bits:1", "median:3"]. @throws usage for what is none
 */
export function squeeze(squeezers?: readonly string[]): Detector {
  if (squeezers !== undefined)
    checkKind("The squeezers", squeezers, [
      "a list of at least one",
      (value) => Array.isArray(value) && value.length > 0,
    ]);
  const given = squeezers?.map(chosenSqueezer);
  return {
    name: "squeeze",
    title: "feature squeezing",
    paper: "https://arxiv.org/abs/1704.01155",
    fit({ inputShape, bounds }) {
      const names = given ?? [isGrey(inputShape) ? "bits:1" : "bits:5", "median:3"];
      return {
        settings: names,
        score({ b, graph, logits }) {
          const probabilities = b.add("Softmax", [logits], { axis: 1 });
          const distances = names.map((name) => {
            const squeezed = copied(b, graph, defend(graph, { defences: [name], bounds }));
            const apart = b.sub(probabilities, b.add("Softmax", [squeezed], { axis: 1 }));
            return b.reduceSum(b.add("Abs", [apart]), [1], false);
          });
          return distances.length === 1 ? distances[0]! : b.add("Max", distances);
        },
      };
    },
  };
}

function chosenSqueezer(text: string): string {
  const { defence, text: whole } = chosenDefence(text);
  if (!defence.isRandom) return whole;
  throw new PerturbError(
    "usage",
    `${defence.name} draws at random, and a squeezer does not. Give others (${option("squeezers", ["bits:1", "median:3"])}).`,
  );
}

const isGrey = (shape: readonly number[]): boolean => {
  const layout = layoutOf(shape);
  return shape.length === 2 || shape[layout === "channels-first" ? 0 : 2] === 1;
};

/** The network once more, on the weights it has, behind what stands in front of it there; gives its logits. */
function copied(b: Ops, network: Graph, defended: Graph): string {
  const shared = new Set([...network.inputs.map(({ name }) => name), ...network.initializers.keys()]);
  const names = new Map<string, string>();
  for (const [name, proto] of defended.initializers) if (!shared.has(name)) names.set(name, b.adopt(proto));
  for (const name of defended.nodes.flatMap(({ outputs }) => outputs)) if (name !== "") names.set(name, b.fresh(name));
  for (const node of renameValues(defended, names).nodes) b.append(renamed(b, node));
  return names.get("logits")!;
}

/** No runtime takes the name of a node twice; that by which a node passes gradients on is kept. */
function renamed(b: Ops, node: Node): Node {
  const { proto: _, ...own } = node;
  return { ...own, name: isMarked(node) ? straightThroughName(b.fresh(node.op)) : "" };
}
