import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

// One script without imports, which report.html holds.
export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  publicDir: false,
  build: {
    outDir: "../dist-web/report",
    emptyOutDir: true,
    target: "es2023",
    cssCodeSplit: false,
    lib: {
      entry: "src/report.tsx",
      formats: ["iife"],
      name: "report",
      fileName: () => "report.js",
      cssFileName: "report",
    },
  },
});
