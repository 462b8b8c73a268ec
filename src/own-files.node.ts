import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** The path of a file or folder of this package, wherever the code that asks for it lies: in src, in dist or in a bundle. */
export const ownFile = (path: string): string =>
  join(dirname(createRequire(import.meta.url).resolve("perturb/package.json")), path);
