import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const src = (path) => fileURLToPath(new URL(`../src/${path}`, import.meta.url));

// The command line and its threads in few files, with the packages they use: to find and read 800 modules takes longer than
// to run them. What users import stays as tsc compiles it.
export default defineConfig({
  publicDir: false,
  ssr: { noExternal: true, external: ["onnxruntime-node", "sharp", "onnxruntime-web", "bullmq", "ioredis"] },
  build: {
    ssr: true,
    target: "node20",
    emptyOutDir: true,
    minify: false,
    license: { fileName: "LICENSES.md" },
    rolldownOptions: {
      input: {
        main: src("cli/main.ts"),
        // Beside the files that start them.
        "worker.node": src("evaluate/places/worker.node.ts"),
        "thread-worker.node": src("runtime/thread-worker.node.ts"),
        "process-worker.node": src("runtime/process-worker.node.ts"),
        "draw-worker.node": src("certify/smoothing/draw-worker.node.ts"),
      },
      output: {
        entryFileNames: "[name].js",
        chunkFileNames: "[name]-[hash].js",
        codeSplitting: {
          groups: [{ name: "vega", test: /node_modules[\\/](vega|d3-|topojson|internmap|delaunator)/ }],
        },
      },
    },
  },
});
