import type {
  InferenceSession,
  InferenceSessionFactory,
  Tensor as OrtTensor,
  TensorConstructor,
} from "onnxruntime-common";
import { messageOf, PerturbError } from "../errors.ts";
import { option } from "../option.ts";
import type { Device, Program, Runtime } from "../runtime.ts";
import type { ElementType, Tensor } from "../tensor.ts";

/** The part of ONNX Runtime's API that every build of it has. */
export interface Ort {
  readonly InferenceSession: InferenceSessionFactory;
  readonly Tensor: TensorConstructor;
  /** Its build and version. */
  readonly env?: { readonly versions: { readonly common: string; readonly node?: string; readonly web?: string } };
}

export interface OrtOptions {
  /** For the report; by default that of the package: "onnxruntime-web 1.30.0". */
  readonly name?: string;
  /** By default the CPU: native code, or WebAssembly. */
  readonly device?: Device;
  /** Threads inside one graph, by default 0: as many as there are cores. WebAssembly's are set by its own `env.wasm.numThreads`. */
  readonly threads?: number;
}

/**
 * Runs graphs on any build of ONNX Runtime, which the caller imports: `onnxruntime-node`, `onnxruntime-web/wasm`,
 * `onnxruntime-web/webgpu`, …
 */
export function ortRuntime(ort: Ort, { name = nameOf(ort), device = "cpu", threads = 0 }: OrtOptions = {}): Runtime {
  const sessionOptions: InferenceSession.SessionOptions = {
    executionProviders: [device],
    // Of fatal errors alone: whatever fails is thrown, and said once.
    logSeverityLevel: 4,
    // A plan of the memory, made at the second run, lies beside what the first one took: half as much again, and no faster.
    enableMemPattern: false,
    intraOpNumThreads: threads,
  };
  return {
    name,
    device,
    async load(model, folder, isBrief = false) {
      try {
        const level = isBrief ? { graphOptimizationLevel: "basic" as const } : {};
        const options = { ...sessionOptions, ...level, ...weightsIn(folder) };
        return ortProgram(ort, await ort.InferenceSession.create(model, options));
      } catch (cause) {
        if (device !== "cpu" && /backend|provider|adapter|device|cuda|webgpu/i.test(messageOf(cause)))
          throw new PerturbError(
            "device",
            `The device "${device}" cannot be used here. Choose ${option("device", "cpu")}, or install what it needs. ONNX Runtime says: ${oneLine(messageOf(cause))}`,
            { cause },
          );
        throw new PerturbError("runtime", `ONNX Runtime cannot load the graph: ${messageOf(cause)}${trapped(cause)}`, {
          cause,
        });
      }
    },
  };
}

/** Of WebAssembly that has ended in the middle of something, nothing is sure any more. */
const trapped = (cause: unknown): string =>
  cause instanceof Error && cause.name === "RuntimeError"
    ? ". Its WebAssembly has ended over this model: reload the page, or start the program again, before the next one."
    : "";

/** A run logs by itself, whatever its session does. */
const QUIET: InferenceSession.RunOptions = { logSeverityLevel: 4 };

function nameOf({ env }: Ort): string {
  const { node, web, common } = env?.versions ?? {};
  if (node !== undefined) return `onnxruntime-node ${node}`;
  if (web !== undefined) return `onnxruntime-web ${web}`;
  return common === undefined ? "onnxruntime" : `onnxruntime ${common}`;
}

const weightsIn = (folder: string | undefined): InferenceSession.SessionOptions =>
  folder === undefined ? {} : { extra: { session: { model_external_initializers_file_folder_path: folder } } };

const oneLine = (text: string): string => text.trim().replaceAll(/\s*\n\s*/g, " ");

function ortProgram(ort: Ort, session: InferenceSession): Program {
  return {
    inputs: session.inputNames,
    outputs: session.outputNames,
    async run(feeds, fetches = session.outputNames) {
      const inputs = Object.fromEntries(
        Object.entries(feeds).map(([name, t]) => [
          name,
          new ort.Tensor(t.type as "float32", t.data as Float32Array, t.dims),
        ]),
      );
      try {
        const results = await session.run(inputs, [...fetches], QUIET);
        return Object.fromEntries(Object.entries(results).map(([name, t]) => [name, fromOrt(t)]));
      } catch (cause) {
        throw new PerturbError("runtime", `ONNX Runtime failed: ${messageOf(cause)}${trapped(cause)}`, { cause });
      }
    },
    release: () => session.release(),
  };
}

const fromOrt = (t: OrtTensor): Tensor => ({
  type: t.type as ElementType,
  dims: t.dims,
  data: t.data as Tensor["data"],
});
