// What a page does with a graph: the browser's half of test/webgpu.test.ts.
import { webRuntime } from "/src/runtime/ort-web.ts";

const arrays = { float32: Float32Array, int64: BigInt64Array };

/** Runs the graph at `url` on a device. Gives the outputs as plain numbers, or the error. */
globalThis.runGraph = async (device, url, feeds) => {
  try {
    const runtime = await webRuntime({ device, threads: 1 });
    const program = await runtime.load(new Uint8Array(await (await fetch(url)).arrayBuffer()));
    const inputs = Object.entries(feeds).map(([name, { type, dims, values }]) => {
      const data = arrays[type].from(values, type === "int64" ? BigInt : Number);
      return [name, { type, dims, data }];
    });
    const results = await program.run(Object.fromEntries(inputs));
    await program.release();
    const outputs = Object.entries(results).map(([name, { data }]) => [name, Array.from(data, Number)]);
    return { name: runtime.name, device: runtime.device, outputs: Object.fromEntries(outputs) };
  } catch (error) {
    return { code: error.code, message: error.message };
  }
};
