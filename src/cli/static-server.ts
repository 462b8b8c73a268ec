import { once } from "node:events";
import { readdirSync } from "node:fs";
import { open } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";
import { pipeline } from "node:stream";
import { messageOf, PerturbError } from "../errors.ts";

/** What a page that is served here may use: its own files, and WebAssembly. A meta tag says the same, less frame-ancestors. */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  "img-src 'self' blob: data:",
  "connect-src 'self'",
  "worker-src 'self'",
  "font-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** On every answer. The first two give the page memory that threads share. */
const HEADERS = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Content-Security-Policy": CONTENT_SECURITY_POLICY,
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
} as const;

const TYPES: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".ico": "image/x-icon",
  ".jpg": "image/jpeg",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".mjs": "text/javascript; charset=utf-8",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
  ".wasm": "application/wasm",
  ".webp": "image/webp",
  ".woff2": "font/woff2",
};

/** Vite names what lies there by its content. */
const isHashed = (path: string): boolean => path.startsWith("/assets/");

/** Another site may have its name resolve to this machine (DNS rebinding); its requests then carry that name. */
const OWN_HOST = /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/i;

export interface StaticServer {
  readonly address: AddressInfo;
  /** `http://127.0.0.1:PORT/` */
  readonly url: string;
  close(): Promise<void>;
}

export interface ServeOptions {
  /** 0 for any free one. */
  readonly port: number;
  /** Takes any free port where `port` cannot be had. */
  readonly orAnother?: boolean;
}

/**
 * Serves the files that a folder holds now, on the loopback interface only. Symbolic links and hidden files are left out.
 * @throws usage where the port cannot be had
 */
export async function serveFolder(folder: string, { port, orAnother = false }: ServeOptions): Promise<StaticServer> {
  const files = filesOf(folder);
  const server = createServer((request, response) => {
    answer(files, request, response).catch(() => response.destroy());
  });
  const listen = (on: number) => once(server.listen(on, "127.0.0.1"), "listening");
  await listen(port).catch((cause: NodeJS.ErrnoException) => {
    if (orAnother) return listen(0);
    const why = cause.code === "EADDRINUSE" ? "it is taken" : messageOf(cause);
    throw new PerturbError("usage", `Port ${port} of 127.0.0.1 cannot be used: ${why}. Give another port.`, {
      data: { port },
      cause,
    });
  });
  const address = server.address() as AddressInfo;
  return {
    address,
    url: `http://127.0.0.1:${address.port}/`,
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
}

/** The regular files below a folder, but hidden ones, by the path that a browser sends for each. */
function filesOf(folder: string, path = "/"): Map<string, string> {
  const files = new Map<string, string>();
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.name.startsWith(".")) continue;
    const file = join(folder, entry.name);
    const url = path + encodeURI(entry.name);
    if (entry.isDirectory()) for (const [below, at] of filesOf(file, `${url}/`)) files.set(below, at);
    if (entry.isFile()) files.set(url, file);
    if (entry.isFile() && entry.name === "index.html") files.set(path, file);
  }
  return files;
}

async function answer(
  files: ReadonlyMap<string, string>,
  { headers, method = "", url = "" }: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
  if (!OWN_HOST.test(headers.host ?? "")) return refuse(response, 403, "This server answers to 127.0.0.1 only.");
  if (method !== "GET" && method !== "HEAD") {
    response.setHeader("Allow", "GET, HEAD");
    return refuse(response, 405, "Only GET and HEAD.");
  }
  // A path is looked up as it was sent: where nothing is decoded or joined, none can lead out of the folder.
  const path = url.replace(/\?.*$/s, "");
  const name = files.get(path);
  const file = name === undefined ? undefined : await open(name).catch(() => undefined);
  if (name === undefined || !file) return refuse(response, 404, "There is no such file.");

  const { size, mtimeMs } = await file.stat();
  const etag = `"${size.toString(36)}-${Math.round(mtimeMs).toString(36)}"`;
  response.setHeader("Cache-Control", isHashed(path) ? "public, max-age=31536000, immutable" : "no-cache");
  response.setHeader("ETag", etag);
  const unchanged = headers["if-none-match"] === etag;
  if (!unchanged) {
    response.setHeader("Content-Type", TYPES[extname(name).toLowerCase()] ?? "application/octet-stream");
    response.setHeader("Content-Length", size);
  }
  response.writeHead(unchanged ? 304 : 200);
  if (unchanged || method === "HEAD") {
    response.end();
    await file.close();
    return;
  }
  // Whoever goes away early ends this answer, and nothing else.
  pipeline(file.createReadStream(), response, () => undefined);
}

/** Answers with a line of text. */
function refuse(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { "Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store" });
  response.end(`${text}\n`);
}
