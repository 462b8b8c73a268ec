import { wrap, proxy } from "comlink";
import { render } from "preact";
import type { Engine } from "./engine.ts";

const worker = new Worker(new URL("./engine/engine.worker.ts", import.meta.url), { type: "module", name: "engine" });
(globalThis as any).engine = wrap<Engine>(worker);
(globalThis as any).proxy = proxy;
render(<p>perturb</p>, document.getElementById("page")!);
