#!/usr/bin/env node
import { existsSync } from "node:fs";

const main = new URL("../dist/program/main.js", import.meta.url);
if (existsSync(main)) await (await import(main.href)).main(process.argv);
else {
  process.stderr.write("perturb: this checkout is not built yet. Run `npm start` or `node scripts/setup.js` once.\n");
  process.exitCode = 2;
}
