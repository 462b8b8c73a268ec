import { readFileSync } from "node:fs";
import type { Plugin } from "vite";
import { mnist } from "../src/datasets/mnist.ts";

const { images, labels } = mnist.splits.test;
const FILES: Readonly<Record<string, string>> = {
  "mnist-test-images": images.file,
  "mnist-test-labels": labels.file,
};

/** The test set as two gzip files of the page: `import url from "mnist-test-images"`. */
export const mnistFiles = (): Plugin => ({
  name: "mnist-files",
  resolveId: (id) => (Object.hasOwn(FILES, id) ? `\0${id}` : null),
  load(id) {
    const file = FILES[id.slice(1)];
    if (!id.startsWith("\0") || file === undefined) return null;
    const source = readFileSync(new URL(`../data/mnist/${file}.gz`, import.meta.url));
    return `export default import.meta.ROLLUP_FILE_URL_${this.emitFile({ type: "asset", name: `${file}.gz`, source })};`;
  },
});
