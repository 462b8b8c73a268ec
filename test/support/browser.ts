import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import ts from "typescript";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** CHROMIUM_PATH, Debian's Chromium, or the one that Playwright installed; undefined where there is none. */
export const findChromium = (): string | undefined =>
  [process.env["CHROMIUM_PATH"], "/usr/bin/chromium", chromium.executablePath()].find(
    (path) => path && existsSync(path),
  );

/** What the title of tests says that are skipped for want of Chromium. */
export const NO_CHROMIUM =
  " (skipped: no Chromium; `npm test` installs it where it may, or give its path in CHROMIUM_PATH)";

/**
 * Chromium for tests that drive a page; `what` they test is said where there is none: those tests are then skipped.
 * @throws where there is none and CI is set, which must not skip them
 */
export function requireChromium(what: string): string | undefined {
  const path = findChromium();
  if (path) return path;
  if (process.env["CI"])
    throw new Error(
      `${what}: there is no Chromium, which CI must have. Install it, or give its path in CHROMIUM_PATH.`,
    );
  console.warn(`${what}: not tested${NO_CHROMIUM}.`);
  return undefined;
}

/** Chromium with its WebGPU in software; without these, a headless one has no adapter. */
export const SOFTWARE_WEBGPU: readonly string[] = [
  "--enable-unsafe-webgpu",
  "--enable-unsafe-swiftshader",
  "--use-webgpu-adapter=swiftshader",
  "--ignore-gpu-blocklist",
];

const TYPES: Readonly<Record<string, string>> = {
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".ts": "text/javascript",
  ".wasm": "application/wasm",
};

const IMPORTS = {
  "onnxruntime-web/wasm": "/node_modules/onnxruntime-web/dist/ort.wasm.bundle.min.mjs",
  "onnxruntime-web/webgpu": "/node_modules/onnxruntime-web/dist/ort.webgpu.bundle.min.mjs",
};

const page = (script: string): string =>
  `<!doctype html><link rel="icon" href="data:,"><script type="importmap">${JSON.stringify({ imports: IMPORTS })}</script>` +
  `<script type="module" src="${script}"></script>`;

/** TypeScript as the browser takes it: its types left out. */
const plain = (source: string): string =>
  ts.transpileModule(source, { compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext } })
    .outputText;

export interface Served {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Serves, on loopback, a page that runs `script`, the source and packages of this project, and `files` by their paths.
 */
export async function servePage(script: string, files: ReadonlyMap<string, Uint8Array> = new Map()): Promise<Served> {
  const find = (path: string): Uint8Array | string | undefined => {
    if (path === "/") return page(script);
    const given = files.get(path);
    const file = resolve(ROOT, `.${path}`);
    if (given || !["src", "test", "node_modules"].some((folder) => file.startsWith(resolve(ROOT, folder) + sep)))
      return given;
    if (!existsSync(file)) return undefined;
    return path.endsWith(".ts") ? plain(readFileSync(file, "utf8")) : readFileSync(file);
  };
  const server = createServer(({ url = "/" }, response) => {
    const { pathname } = new URL(url, "http://localhost");
    const body = find(decodeURIComponent(pathname));
    const type = pathname === "/" ? "text/html" : (TYPES[extname(pathname)] ?? "application/octet-stream");
    response.writeHead(body === undefined ? 404 : 200, { "content-type": type }).end(body);
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
}
