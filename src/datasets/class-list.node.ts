import { PerturbError } from "../errors.ts";
import { type ClassList, parseClassList } from "./class-list.ts";
import { fileSource } from "./files.node.ts";

/** Bytes that a list of classes may have. */
const LONGEST = 2 ** 26;

/** The list of classes in a file. @throws not-found; invalid-file, as `parseClassList` */
export async function readClassList(path: string): Promise<ClassList> {
  const source = await fileSource(path);
  if (source.size > LONGEST)
    throw new PerturbError("invalid-file", `${path} has ${source.size} bytes, too many for a list of classes.`, {
      data: { classFile: path, size: source.size, limit: LONGEST },
    });
  return parseClassList(new TextDecoder().decode(await source.read(0, source.size)), path);
}
