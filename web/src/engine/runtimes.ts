import { webRuntime } from "../../../src/runtime/ort-web.ts";
import type { Runtime } from "../../../src/runtime.ts";
import type { WebDevice } from "../engine.ts";
import { breathing } from "./breathing.ts";

const opened = new Map<WebDevice, Promise<Runtime>>();

/** The runtime of this thread, which loads when it is first needed. Several threads need a page that is isolated. */
export function runtimeFor(device: WebDevice): Promise<Runtime> {
  const threads = globalThis.crossOriginIsolated ? navigator.hardwareConcurrency : 1;
  const known = opened.get(device) ?? webRuntime({ device, threads }).then(breathing);
  opened.set(device, known);
  known.catch(() => opened.delete(device));
  return known;
}
