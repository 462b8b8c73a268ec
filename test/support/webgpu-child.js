// Runs graphs on the WebGPU provider of ONNX Runtime's native build, in a process of its own: what finds the Vulkan driver
// is its environment, and a driver that crashes ends only this.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as ort from "onnxruntime-node";

ort.env.logLevel = "fatal";
const folder = mkdtempSync(join(tmpdir(), "perturb-webgpu-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
process.on("disconnect", () => process.exit());

process.on("message", ({ model, feeds }) => {
  run(model, feeds).then(
    (result) => process.send(result),
    (error) => process.send({ error: error.message }),
  );
});

/** The outputs' elements, and the nodes of floats that the CPU ran in the place of WebGPU. */
async function run(model, feeds) {
  const session = await ort.InferenceSession.create(model, {
    executionProviders: ["webgpu"],
    logSeverityLevel: 4,
    enableProfiling: true,
    profileFilePrefix: join(folder, "profile"),
  });
  try {
    const inputs = Object.entries(feeds).map(([name, { type, dims, data }]) => [
      name,
      new ort.Tensor(type, data, dims),
    ]);
    const results = await session.run(Object.fromEntries(inputs));
    const outputs = Object.entries(results).map(([name, { data }]) => [name, data]);
    session.endProfiling();
    return { outputs: Object.fromEntries(outputs), onCpu: floatsOnCpu() };
  } finally {
    for (const file of readdirSync(folder)) rmSync(join(folder, file));
    await session.release();
  }
}

function floatsOnCpu() {
  const [file] = readdirSync(folder);
  const isFloat = (value) => "float" in value;
  return JSON.parse(readFileSync(join(folder, file), "utf8"))
    .filter(({ cat, args }) => cat === "Node" && args.provider === "CPUExecutionProvider")
    .filter(({ args }) => args.input_type_shape.some(isFloat) && args.output_type_shape.some(isFloat))
    .map(({ name, args }) => ({ name: name.replace(/_kernel_time$/, ""), op: args.op_name }));
}
