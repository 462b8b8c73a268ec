import { cpSync, mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type IncomingHttpHeaders, request } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CONTENT_SECURITY_POLICY, type StaticServer, serveFolder } from "../src/cli/static-server.ts";
import { perturb, type Running, scratch, start, until } from "./support/cli.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const SECRET = "what lies outside";
const HTML = "<!doctype html><title>The page</title>";

const space = scratch();
const site = join(space.path, "site");
const FILES: Readonly<Record<string, string | Uint8Array>> = {
  "index.html": HTML,
  "empty.txt": "",
  ".hidden": SECRET,
  ".git/config": SECRET,
  "data/index.html": "<!doctype html>below",
  "data/t10k-images-idx3-ubyte": Uint8Array.of(0, 0, 8, 3),
  "data/é 100%.json": "{}",
  "models/lenet.onnx": Uint8Array.of(8, 9),
  "assets/main-Ab12Cd34.js": "export {};",
  "assets/main-Ab12Cd34.css": "p { margin: 0 }",
  "assets/ort-Ab12Cd34.wasm": Uint8Array.of(0, 97, 115, 109),
};
for (const [path, content] of Object.entries(FILES)) {
  mkdirSync(join(site, path, ".."), { recursive: true });
  writeFileSync(join(site, path), content);
}
mkdirSync(join(space.path, "outside"));
writeFileSync(join(space.path, "outside", "secret.txt"), SECRET);
writeFileSync(join(space.path, "secret.txt"), SECRET);
symlinkSync(join(space.path, "secret.txt"), join(site, "link.txt"));
symlinkSync(join(space.path, "outside"), join(site, "linked"));
symlinkSync(site, join(site, "assets", "loop"));
symlinkSync(join(space.path, "nowhere"), join(site, "dangling"));

let server: StaticServer;
beforeAll(async () => {
  server = await serveFolder(site, { port: 0 });
});
afterAll(async () => {
  await server.close();
  space.remove();
});

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

const ask = (path: string, method = "GET", headers: Record<string, string> = {}): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const { port } = server.address;
    request({ port, host: "127.0.0.1", path, method, headers }, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("end", () =>
        resolve({ status: response.statusCode!, headers: response.headers, body: Buffer.concat(parts) }),
      );
    })
      .on("error", reject)
      .end();
  });

/** What comes back for these very bytes: clients tidy a path up before they send it. */
const raw = (head: string): Promise<string> =>
  new Promise((resolve, reject) => {
    let text = "";
    const socket = connect(server.address.port, "127.0.0.1", () => socket.write(head, "latin1"));
    socket.setEncoding("latin1").on("data", (part: string) => {
      text += part;
    });
    socket.on("end", () => resolve(text)).on("error", reject);
  });

const rawGet = (target: string, host = "127.0.0.1"): Promise<string> =>
  raw(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
const statusOf = (answer: string): number => Number(/^HTTP\/1\.1 (\d+) /.exec(answer)?.[1]);

const EVERYWHERE = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
  "cross-origin-resource-policy": "same-origin",
  "content-security-policy": CONTENT_SECURITY_POLICY,
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};

describe("a file", () => {
  it.each([
    ["/", "index.html", "text/html; charset=utf-8", "no-cache"],
    ["/index.html", "index.html", "text/html; charset=utf-8", "no-cache"],
    ["/?epsilon=0.1", "index.html", "text/html; charset=utf-8", "no-cache"],
    ["/data/", "data/index.html", "text/html; charset=utf-8", "no-cache"],
    ["/data/t10k-images-idx3-ubyte", "data/t10k-images-idx3-ubyte", "application/octet-stream", "no-cache"],
    ["/data/%C3%A9%20100%25.json", "data/é 100%.json", "application/json", "no-cache"],
    ["/models/lenet.onnx", "models/lenet.onnx", "application/octet-stream", "no-cache"],
    ["/empty.txt", "empty.txt", "text/plain; charset=utf-8", "no-cache"],
    ["/assets/main-Ab12Cd34.js", "assets/main-Ab12Cd34.js", "text/javascript; charset=utf-8", "immutable"],
    ["/assets/main-Ab12Cd34.css", "assets/main-Ab12Cd34.css", "text/css; charset=utf-8", "immutable"],
    ["/assets/ort-Ab12Cd34.wasm", "assets/ort-Ab12Cd34.wasm", "application/wasm", "immutable"],
  ])("is served with its type and all headers: %s", async (path, name, type, cache) => {
    const expected = Buffer.from(FILES[name] as Uint8Array);
    const headers = {
      ...EVERYWHERE,
      "content-type": type,
      "content-length": String(expected.length),
      "cache-control": cache === "immutable" ? "public, max-age=31536000, immutable" : cache,
      etag: expect.stringMatching(/^"[\w-]+"$/),
    };
    const answer = await ask(path);
    expect(answer).toMatchObject({ status: 200, headers });
    expect(answer.body).toEqual(expected);
    const { date: _, ...same } = answer.headers;
    const head = await ask(path, "HEAD");
    expect(head).toMatchObject({ status: 200, headers: same });
    expect(head.body).toHaveLength(0);
  });

  it("is not sent again while it is the same", async () => {
    const { etag } = (await ask("/")).headers;
    const same = await ask("/", "GET", { "If-None-Match": etag! });
    expect(same).toMatchObject({ status: 304, headers: { ...EVERYWHERE, etag, "cache-control": "no-cache" } });
    expect(same.body).toHaveLength(0);
    writeFileSync(join(site, "index.html"), `${HTML} changed`);
    const changed = await ask("/", "GET", { "If-None-Match": etag! });
    writeFileSync(join(site, "index.html"), HTML);
    expect([changed.status, changed.body.toString()]).toEqual([200, `${HTML} changed`]);
  });

  it("is whole whatever range is asked for", async () => {
    for (const range of ["bytes=4-2", "bytes=-1", "bytes=0-1", "bytes=9999-", "nonsense"])
      expect(await ask("/", "GET", { range })).toMatchObject({ status: 200, body: Buffer.from(HTML) });
  });

  it("that is gone is not found, and the server lives on", async () => {
    const [here, away] = [join(site, "models/lenet.onnx"), join(space.path, "away.onnx")];
    renameSync(here, away);
    expect((await ask("/models/lenet.onnx")).status).toBe(404);
    renameSync(away, here);
    expect((await ask("/models/lenet.onnx")).status).toBe(200);
  });

  it("that came later is not served", async () => {
    writeFileSync(join(site, "later.txt"), "new");
    expect((await ask("/later.txt")).status).toBe(404);
  });
});

describe("a request for anything else", () => {
  it("is not found, as plain text", async () => {
    for (const path of [
      "/nothing",
      "/.hidden",
      "/.git/config",
      "/assets",
      "/assets/",
      "/data/index",
      "/favicon.ico",
      "/__proto__",
      "/constructor",
    ])
      expect(await ask(path), path).toMatchObject({
        status: 404,
        headers: { ...EVERYWHERE, "content-type": "text/plain; charset=utf-8" },
        body: Buffer.from("There is no such file.\n"),
      });
  });

  it.each(["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"])("by %s is not allowed", async (method) => {
    expect(await ask("/", method)).toMatchObject({ status: 405, headers: { ...EVERYWHERE, allow: "GET, HEAD" } });
  });

  // The same tricks that lead to what is there if they are undone, so that a server which undoes one fails here.
  it.each([
    "/../secret.txt",
    "/../../../../../../etc/passwd",
    "/data/../../secret.txt",
    "/data/../index.html",
    "/./index.html",
    "/%2e%2e/secret.txt",
    "/%2e%2e%2fsecret.txt",
    "/..%2fsecret.txt",
    "/..%5csecret.txt",
    "/..\\secret.txt",
    "\\..\\secret.txt",
    "/%252e%252e%252fsecret.txt",
    "/data%2findex.html",
    "/data%5cindex.html",
    "/data\\index.html",
    "//index.html",
    "//evil.example/index.html",
    "/index.html%00",
    "/index.html%00.txt",
    "/%zz",
    "/%",
    "/%c0%ae%c0%ae/secret.txt",
    "/%C0%AFindex.html",
    "/index.html;a",
    "/index.html/",
    "/index.html/..",
    "index.html",
    "../secret.txt",
    "http://127.0.0.1/index.html",
    "http://evil.example/index.html",
    "file:///etc/passwd",
    "*",
    `/${"a".repeat(10_000)}`,
    `/${"../".repeat(2000)}etc/passwd`,
  ])("that is sent as %s is refused", async (target) => {
    const answer = await rawGet(target);
    expect([400, 404]).toContain(statusOf(answer));
    expect(answer).not.toContain(SECRET);
    expect(answer).not.toContain("root:");
    expect((await ask("/")).status).toBe(200);
  });

  it.each(["/index.html\0", "/index\thtml", "/index html", "/\x7f"])(
    "that is malformed is refused: %j",
    async (target) => {
      expect([400, 404]).toContain(statusOf(await rawGet(target)));
      expect((await ask("/")).status).toBe(200);
    },
  );

  it("that is no HTTP ends its own connection only", async () => {
    for (const noise of [
      "\x16\x03\x01\x02",
      "hello\r\n\r\n",
      "CONNECT 127.0.0.1:1 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    ])
      expect(await raw(noise)).not.toMatch(/^HTTP\/1\.1 2/);
    expect((await ask("/")).status).toBe(200);
  });

  it("through a symbolic link is not found", async () => {
    for (const path of ["/link.txt", "/linked/secret.txt", "/linked/", "/assets/loop/index.html", "/dangling"])
      expect(await ask(path), path).toMatchObject({ status: 404, body: Buffer.from("There is no such file.\n") });
  });
});

describe("the name of the host", () => {
  it.each(["127.0.0.1", "127.0.0.1:5273", "localhost", "LOCALHOST:80", "[::1]:5273"])("may be %s", async (host) => {
    expect(statusOf(await rawGet("/", host))).toBe(200);
  });

  it.each([
    "evil.example",
    "127.0.0.1.evil.example",
    "localhost.evil.example:5273",
    "evil.example:127",
    "",
    "10.0.0.1",
  ])("may not be %j", async (host) => {
    const answer = await rawGet("/", host);
    expect(statusOf(answer)).toBe(403);
    expect(answer).toContain("Cross-Origin-Opener-Policy: same-origin");
    expect(answer).not.toContain(HTML);
  });

  it("must be given", async () => {
    expect(statusOf(await raw("GET / HTTP/1.1\r\nConnection: close\r\n\r\n"))).toBe(400);
    expect(statusOf(await raw("GET / HTTP/1.0\r\n\r\n"))).toBe(403);
  });
});

describe("the port", () => {
  it("is on the loopback interface only", () => {
    expect(server.address).toMatchObject({ address: "127.0.0.1", family: "IPv4" });
    expect(server.url).toBe(`http://127.0.0.1:${server.address.port}/`);
  });

  it("that is taken is an error, or another one's where that will do", async () => {
    const { port } = server.address;
    await expect(serveFolder(site, { port })).rejects.toMatchObject({
      code: "usage",
      message: `Port ${port} of 127.0.0.1 cannot be used: it is taken. Give another port.`,
      data: { port },
    });
    const other = await serveFolder(site, { port, orAnother: true });
    expect(other.address.port).not.toBe(port);
    expect((await fetch(other.url)).status).toBe(200);
    await other.close();
  });

  it("is free again once the server has closed, whoever is still connected", async () => {
    const first = await serveFolder(site, { port: 0 });
    const socket = connect(first.address.port, "127.0.0.1").on("error", () => undefined);
    await new Promise((connected) => socket.once("connect", connected));
    await first.close();
    const second = await serveFolder(site, { port: first.address.port });
    expect(second.address.port).toBe(first.address.port);
    await second.close();
  });
});

describe("perturb playground", () => {
  // The program as it would be installed, so that this does not hang on what is built of the page.
  const packed = join(space.path, "perturb");
  const bin = join(packed, "bin", "perturb.js");
  const page = join(packed, "dist-web", "playground");
  beforeAll(() => {
    for (const name of ["bin", "dist", "package.json"])
      cpSync(join(ROOT, name), join(packed, name), { recursive: true });
    symlinkSync(join(ROOT, "node_modules"), join(packed, "node_modules"), "junction");
  });
  const build = () => cpSync(site, page, { recursive: true, filter: (path) => !/link|loop|dangling/.test(path) });

  const serving = async (args: readonly string[]): Promise<Running & { readonly url: string }> => {
    const running = start(["playground", ...args], space.path, {}, bin);
    let stdout = "";
    running.child.stdout!.on("data", (text: string) => {
      stdout += text;
    });
    await until(() => running.stderr().includes("Ctrl-C") || running.child.exitCode !== null);
    await until(() => stdout.includes("\n") || running.child.exitCode !== null);
    return { ...running, url: stdout.trim() };
  };

  it("that is not built is an error that says what to do", async () => {
    const outcome = await start(["playground"], space.path, {}, bin).ended;
    expect(outcome).toMatchObject({ code: 2, stdout: "" });
    expect(outcome.stderr).toMatch(/^perturb: The playground is not built: .*npm run build:playground.*\n$/);
  });

  it.each(["SIGINT", "SIGTERM"] as const)(
    "prints its address, serves the page, and ends well on %s",
    async (signal) => {
      build();
      const { child, url, ended } = await serving(["--port", "0"]);
      expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
      const answer = await fetch(url);
      expect([answer.status, await answer.text()]).toEqual([200, HTML]);
      expect(answer.headers.get("content-security-policy")).toBe(CONTENT_SECURITY_POLICY);
      child.kill(signal);
      expect(await ended).toEqual({ code: 0, signal: null, stdout: `${url}\n`, stderr: "Press Ctrl-C to stop.\n" });
    },
  );

  it("takes a free port where its own is taken, and none in place of one that was asked for", async () => {
    build();
    const other = createServer();
    // Taken by us, or by whoever else runs here.
    await new Promise<void>((ready) => {
      other.once("error", () => ready()).listen(5273, "127.0.0.1", ready);
    });
    try {
      const { child, url, ended } = await serving([]);
      expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
      expect(url).not.toContain(":5273/");
      child.kill("SIGINT");
      expect((await ended).stderr).toContain("Port 5273 is taken");
      const { port } = server.address satisfies AddressInfo;
      for (const taken of [5273, port]) {
        const outcome = await start(["playground", "--port", String(taken)], space.path, {}, bin).ended;
        expect(outcome).toMatchObject({ code: 2, stdout: "" });
        expect(outcome.stderr).toBe(
          `perturb: Port ${taken} of 127.0.0.1 cannot be used: it is taken. Give another port.\n`,
        );
      }
    } finally {
      other.close();
    }
  });

  it.each(["abc", "-1", "65536", "80.5", "", "0x50"])("refuses --port %j", async (port) => {
    const outcome = await perturb(["playground", "--port", port], space.path);
    expect(outcome).toMatchObject({ code: 2, stdout: "" });
    expect(outcome.stderr).toMatch(/^perturb: .*--port.*\n$/);
  });

  it("is found where it is mistyped, and teaches", async () => {
    const mistyped = await perturb(["playgruond"], space.path);
    expect(mistyped).toMatchObject({ code: 2, stdout: "" });
    expect(mistyped.stderr).toMatch(/Did you mean playground\?\n$/);
    const [before, after] = await Promise.all([
      perturb(["help", "playground"], space.path),
      perturb(["playground", "--help"], space.path),
    ]);
    expect(before).toEqual(after);
    expect(before).toMatchObject({ code: 0, stderr: "" });
    expect(before.stdout).toMatch(/^Usage: perturb playground /);
    expect((await perturb(["--help"], space.path)).stdout).toMatch(/^ {2}playground +\w/m);
  });

  it("is described by package.json, whose package holds the page", () => {
    const { files, scripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
      readonly files: readonly string[];
      readonly scripts: Readonly<Record<string, string>>;
    };
    expect(files).toContain("dist-web");
    expect(Object.keys(scripts)).toEqual(expect.arrayContaining(["playground", "build:playground"]));
  });
});
