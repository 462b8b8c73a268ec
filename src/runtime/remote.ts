import { type ErrorCode, messageOf, PerturbError } from "../errors.ts";
import type { Program, Runtime } from "../runtime.ts";
import type { Tensor } from "../tensor.ts";

/** A runtime somewhere else, that messages go to: in another thread, or in another process. */

type Tensors = Readonly<Record<string, Tensor>>;
type Asked =
  | { readonly do: "load"; readonly model: Uint8Array; readonly folder: string | undefined }
  | {
      readonly do: "run";
      readonly program: number;
      readonly feeds: Tensors;
      readonly fetches: readonly string[] | undefined;
    }
  | { readonly do: "release"; readonly program: number };

export type RemoteRequest = Asked & { readonly id: number };

interface LoadedProgram {
  readonly program: number;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

export type RemoteAnswer =
  | { readonly id: number; readonly result: unknown }
  | {
      readonly id: number;
      readonly error: {
        readonly code: ErrorCode;
        readonly message: string;
        readonly data: Readonly<Record<string, unknown>>;
      };
    };

interface Pending {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** This end of it: whoever starts the other end says how requests are sent, and hands on what is heard. */
export interface Remote {
  readonly load: (model: Uint8Array, folder?: string) => Promise<Program>;
  readonly heard: (answer: RemoteAnswer) => void;
  /** Nothing is answered any more. */
  readonly fail: (error: Error) => void;
}

export function remote(send: (request: RemoteRequest) => void): Remote {
  const pending = new Map<number, Pending>();
  let count = 0;
  let failure: Error | undefined;
  const ask = <T>(request: Asked): Promise<T> =>
    new Promise((resolve, reject) => {
      if (failure) return reject(failure);
      const id = count++;
      pending.set(id, { resolve: resolve as (result: unknown) => void, reject });
      send({ id, ...request });
    });
  return {
    async load(model, folder): Promise<Program> {
      const { program, inputs, outputs } = await ask<LoadedProgram>({ do: "load", model, folder });
      return {
        inputs,
        outputs,
        run: (feeds, fetches) => ask<Record<string, Tensor>>({ do: "run", program, feeds, fetches }),
        release: () => ask<void>({ do: "release", program }),
      };
    },
    heard(answer) {
      const waiting = pending.get(answer.id);
      pending.delete(answer.id);
      if ("result" in answer) waiting?.resolve(answer.result);
      else waiting?.reject(new PerturbError(answer.error.code, answer.error.message, { data: answer.error.data }));
    },
    fail(error) {
      // What it ended by is said, not that it ended.
      failure ??= error;
      for (const { reject } of pending.values()) reject(error);
      pending.clear();
    },
  };
}

/** The other end: answers requests one after another, on this runtime. */
export function answering(runtime: Runtime, answer: (answer: RemoteAnswer) => void): (request: RemoteRequest) => void {
  const programs: Program[] = [];
  const perform = async (request: RemoteRequest): Promise<unknown> => {
    if (request.do === "run") return programs[request.program]!.run(request.feeds, request.fetches);
    if (request.do === "release") return programs[request.program]!.release();
    const loaded = await runtime.load(request.model, request.folder);
    const { inputs, outputs } = loaded;
    return { program: programs.push(loaded) - 1, inputs, outputs } satisfies LoadedProgram;
  };
  return (request) => {
    const { id } = request;
    const failed = (error: unknown) => {
      const { code, message, data } =
        error instanceof PerturbError ? error : new PerturbError("internal", messageOf(error));
      answer({ id, error: { code, message, data } });
    };
    perform(request).then((result) => answer({ id, result }), failed);
  };
}
