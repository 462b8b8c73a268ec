import { cp, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { chromium } from "playwright-core";
import { preview } from "vite";
import { ROOT, run } from "./documents.ts";

/** A page of a Vite project: its files by path, and those of its public folder. */
export interface Project {
  readonly files: Readonly<Record<string, string>>;
  readonly copied: Readonly<Record<string, string>>;
}

/** Builds a project in `root` with Vite and its defaults, opens its page in Chromium, and gives the first line that it logs. */
export async function firstLogged(root: string, browserPath: string, { files, copied }: Project): Promise<string> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), text);
  }
  for (const [name, from] of Object.entries(copied)) await cp(from, join(root, "public", name));
  // As a user runs it: NODE_ENV is that of a test here.
  const env = { ...process.env, NODE_ENV: "production" };
  await run(process.execPath, [join(ROOT, "node_modules/vite/bin/vite.js"), "build"], { cwd: root, env });
  const settings = { root, configFile: false, logLevel: "error" } as const;
  const server = await preview({ ...settings, preview: { host: "127.0.0.1", port: 0 } });
  const browser = await chromium.launch({ executablePath: browserPath, args: ["--no-sandbox"] });
  try {
    const page = await browser.newPage();
    const said = new Promise<string>((resolve, reject) => {
      page.on("console", (line) => (line.type() === "error" ? reject(new Error(line.text())) : resolve(line.text())));
      page.on("pageerror", reject);
    });
    await page.goto(server.resolvedUrls!.local[0]!);
    return await said;
  } finally {
    await browser.close();
    await server.close();
  }
}
