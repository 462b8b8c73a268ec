import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { ClassifierFile } from "../../models/classifier/classifier.ts";

/** The weights that lie outside of a model's file, by SHA-256: the file itself holds only their names. */
export async function weightFacts(
  which: string,
  { folder, onnx }: Pick<ClassifierFile, "folder" | "onnx">,
): Promise<[string, string][]> {
  if (folder === undefined) return [];
  const [{ externalFiles }, { readOnnx }] = await Promise.all([
    import("../../models/formats/external.ts"),
    import("../../onnx/file.ts"),
  ]);
  return Promise.all(
    externalFiles(readOnnx(onnx)).map(async (file): Promise<[string, string]> => {
      return [`SHA-256 of the weights of ${which} in ${file}`, await fileSha256(join(folder, file))];
    }),
  );
}

/** SHA-256 of a file in hex, which may be larger than memory. */
async function fileSha256(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}
