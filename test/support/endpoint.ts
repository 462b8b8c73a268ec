import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Model } from "../../src/model.ts";
import { openModel } from "../../src/models/open.node.ts";
import type { OpenModelOptions } from "../../src/models/open.ts";
import { nodeRuntime } from "../../src/runtime/ort.node.ts";
import { tensor } from "../../src/tensor.ts";

/** One request, as the server got it. */
export interface Asked {
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  /** The JSON that was sent, if any. */
  readonly body: InferenceRequest | undefined;
}

interface InferenceRequest {
  readonly inputs: readonly { name: string; shape: number[]; datatype: string; data: number[] }[];
  readonly outputs?: readonly { name: string }[];
}

/** Answers in the server's place; false leaves the answer to the server. */
export type Meddle = (asked: Asked, response: ServerResponse, count: number) => boolean | Promise<boolean>;

export interface ServeOptions {
  /** `count`: how many requests for scores came before. */
  readonly meddle?: Meddle;
  /** Replaces parts of the metadata. */
  readonly metadata?: object;
}

export interface Served {
  /** The model's address. */
  readonly url: string;
  readonly asked: readonly Asked[];
  close(): Promise<void>;
}

/** Serves a model on this machine by the Open Inference Protocol, version 2, as its specification has it. */
export async function serve(model: Model, { meddle = () => false, metadata = {} }: ServeOptions = {}): Promise<Served> {
  const asked: Asked[] = [];
  let count = 0;
  const path = `/v2/models/${encodeURIComponent(model.name)}`;
  const description = {
    name: model.name,
    platform: "onnxruntime_onnx",
    inputs: [{ name: "x", datatype: "FP32", shape: [-1, ...model.inputShape] }],
    outputs: [{ name: "logits", datatype: "FP32", shape: [-1, model.classes] }],
    ...metadata,
  };

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const text = await textOf(request);
    const got: Asked = {
      path: request.url!,
      headers: request.headers,
      body: text === "" ? undefined : JSON.parse(text),
    };
    asked.push(got);
    const asks = got.path.split("?")[0];
    const isInfer = request.method === "POST" && asks === `${path}/infer`;
    if (isInfer && (await meddle(got, response, count++))) return;
    if (request.method === "GET" && asks === path) return reply(response, 200, description);
    if (!isInfer) return reply(response, 404, { error: `no model at ${asks}` });
    const { shape, data } = got.body!.inputs[0]!;
    if (String(shape.slice(1)) !== String(model.inputShape))
      return reply(response, 400, { error: `unexpected shape for input 'x': [${shape}]` });
    const { dims, data: scores } = await model.logits(tensor("float32", shape, Float32Array.from(data)));
    const outputs = [{ name: "logits", datatype: "FP32", shape: dims, data: Array.from(scores) }];
    reply(response, 200, { model_name: model.name, outputs });
  };

  const server = createServer((request, response) => {
    answer(request, response).catch((error: Error) => reply(response, 500, { error: error.message }));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`,
    asked,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

/** Serves a model file, by its path or bundled name, on ONNX Runtime. */
export async function serveFile(
  nameOrPath: string,
  { meddle, metadata, ...options }: ServeOptions & Partial<OpenModelOptions> = {},
): Promise<Served> {
  const model = await openModel(nameOrPath, { ...options, runtime: nodeRuntime("cpu", 1) });
  const served = await serve(model, { ...(meddle && { meddle }), ...(metadata && { metadata }) });
  return {
    ...served,
    async close() {
      await served.close();
      await model.release();
    },
  };
}

export function reply(response: ServerResponse, status: number, body: unknown, headers: object = {}): void {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(text);
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}
