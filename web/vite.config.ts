import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { bundledFiles } from "./bundled.ts";
import { mnistFiles } from "./mnist.ts";
import { palette } from "./palette.ts";

// A static folder for any sub-path: every address in it is relative.
export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  base: "./",
  publicDir: false,
  plugins: [palette()],
  worker: { format: "es", plugins: () => [mnistFiles(), bundledFiles()] },
  build: {
    outDir: "../dist-web/playground",
    emptyOutDir: true,
    target: "es2023",
    // Nothing inline: the page's policy allows files of its own only.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1024,
  },
});
