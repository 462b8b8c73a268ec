import { constants } from "node:fs";
import { copyFile, mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { messageOf, PerturbError } from "../errors.ts";
import type { Graph } from "../onnx/graph.ts";

/** Puts the files that hold a graph's weights beside it too; `what` names the graph. @throws usage when others of that name are there */
export async function bringWeights(graph: Graph, from: string, to: string, what: string): Promise<void> {
  if (from === to) return;
  const { externalFiles } = await import("../models/formats/external.ts");
  for (const file of externalFiles(graph)) {
    const target = join(to, file);
    await mkdir(dirname(target), { recursive: true });
    await copyFile(join(from, file), target, constants.COPYFILE_EXCL).catch((cause: unknown) => {
      throw new PerturbError(
        "usage",
        `The model keeps its weights in ${file}, and it cannot be copied to ${target}: ${messageOf(cause)}. Save ${what} beside the model, or in an empty folder.`,
        { cause },
      );
    });
  }
}
