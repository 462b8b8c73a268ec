import { PerturbError } from "../../errors.ts";
import { readOnnx, writeOnnx } from "../../onnx/file.ts";
import { type Graph, prune } from "../../onnx/graph.ts";
import { renameValues } from "../../onnx/rewrite.ts";
import { option } from "../../option.ts";
import { BEHIND_PICTURE, pictureInFront, preparedPicture } from "../preprocessing/picture-front.ts";
import { pictureWords } from "../preprocessing/preprocessing.ts";
import type { ClassifierFile } from "./classifier.ts";

/** A classifier of pictures for those of another size. @throws mismatch where the network then gets another shape */
export function ofPictures(file: ClassifierFile, shape: readonly number[]): ClassifierFile {
  const { gradients: _, once: __, ...same } = file;
  const network = networkShape(file, shape);
  const graph = pictureInFront(behindPicture(readOnnx(file.onnx, file.name), network), file.picture!, shape);
  return { ...same, onnx: writeOnnx(graph), inputShape: [...shape] };
}

/** What the network gets of pictures of a shape. @throws mismatch where that is another than of those that it was opened for */
export function networkShape(file: ClassifierFile, shape: readonly number[]): readonly number[] {
  const steps = file.picture!;
  const network = preparedPicture(file.inputShape, steps);
  const made = preparedPicture(shape, steps);
  if (String(made) !== String(network))
    throw new PerturbError(
      "mismatch",
      `Pictures of [${shape}], ${pictureWords(steps)}, are [${made}], and those of [${file.inputShape}] are [${network}]. Bring all to one size (${option("preprocessing.crop")}).`,
      { data: { shape, got: made, wanted: network } },
    );
  return network;
}

/** The graph without what makes the network's input of a picture. */
function behindPicture(graph: Graph, network: readonly number[]): Graph {
  const [x, ...rest] = graph.inputs;
  const inner = { ...x!, name: BEHIND_PICTURE, dims: [x!.dims![0]!, ...network] };
  const nodes = graph.nodes.filter(({ outputs }) => !outputs.includes(BEHIND_PICTURE));
  if (nodes.length === graph.nodes.length)
    throw new PerturbError("internal", "The graph of a picture does not name what its network gets.");
  const cut = prune({ ...graph, inputs: [inner, ...rest], nodes });
  return renameValues(cut, new Map([[BEHIND_PICTURE, "x"]]));
}
