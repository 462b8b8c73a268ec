import { type ChildProcess, fork } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Tensor } from "../../src/tensor.ts";

/** Where Debian's Chromium keeps a Vulkan driver in software, which ONNX Runtime's native WebGPU can use. */
const DRIVER = "/usr/lib/chromium";
const ICD = `${DRIVER}/vk_swiftshader_icd.json`;
export const hasSoftwareVulkan = existsSync(ICD);

export interface WebGpuResult {
  /** Elements of each output; absent where ONNX Runtime failed. */
  readonly outputs?: Readonly<Record<string, Tensor["data"]>>;
  /** Nodes of floats that the CPU ran, for WebGPU has no kernel for them. */
  readonly onCpu?: readonly { readonly name: string; readonly op: string }[];
  readonly error?: string;
}

/** Runs graphs one after the other on software WebGPU, in another process; a new one after a crash. */
export class WebGpuProcess {
  #child: ChildProcess | undefined;

  run(model: Uint8Array, feeds: Readonly<Record<string, Tensor>>): Promise<WebGpuResult> {
    this.#child ??= this.#start();
    const child = this.#child;
    return new Promise((resolve) => {
      const finish = (result: WebGpuResult) => {
        child.off("message", finish).off("exit", crashed);
        resolve(result);
      };
      const crashed = (code: number | null, signal: string | null) => {
        this.#child = undefined;
        finish({ error: `The process ended with ${signal ?? code}.` });
      };
      child.once("message", finish).once("exit", crashed);
      child.send({ model, feeds });
    });
  }

  end(): void {
    this.#child?.disconnect();
  }

  #start(): ChildProcess {
    return fork(fileURLToPath(new URL("webgpu-child.js", import.meta.url)), {
      serialization: "advanced",
      execArgv: [],
      env: { ...process.env, LD_LIBRARY_PATH: DRIVER, VK_ICD_FILENAMES: ICD },
    });
  }
}
