import { readOnnx, writeOnnx } from "../../onnx/file.ts";
import type { ClassifierFile } from "../classifier/classifier.ts";
import { undefended } from "./recognise.ts";

/** The classifier without the defences in front of it. */
export function withoutDefence(file: ClassifierFile): ClassifierFile {
  const { defence: _, gradients: __, picture: ___, once, ...same } = file;
  return {
    ...same,
    onnx: writeOnnx(undefended(readOnnx(file.onnx, file.name))),
    ...(once && { once: withoutDefence(once) }),
  };
}
