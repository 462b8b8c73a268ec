import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts", "web/**/*.test.ts"],
    // What is built is taken as it is.
    server: { deps: { external: [/\/dist\//] } },
    setupFiles: ["test/support/fast-check.ts"],
    // One file on each core: much of a test's time is spent waiting for a browser or for another process.
    maxWorkers: "100%",
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // What is waited for comes, on a machine that does other things too, or the test has failed.
    expect: { poll: { timeout: 60_000, interval: 20 } },
  },
});
