import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { type Browser, type BrowserContextOptions, chromium, type Download, type Page } from "playwright-core";
import { afterAll, beforeAll, expect } from "vitest";
import { serveFolder } from "../../src/cli/static-server.ts";
import { objections } from "./axe.ts";
import { scratch } from "./cli.ts";

/** The page as it was built. */
export const BUILT = fileURLToPath(new URL("../../dist-web/playground/", import.meta.url));

/** Milliseconds that a page may take for what it is asked, on a machine that does other things too. */
export const PATIENCE = 120_000;

/** A page that is open, with what it asked for and what it complained of. */
export interface OpenPage {
  readonly page: Page;
  /** Addresses of all requests, those of its workers among them. */
  readonly requests: readonly string[];
  /** Errors and warnings on the console, failures of the page itself. */
  readonly complaints: readonly string[];
}

/** The playground on our own server, in a Chromium. */
export async function servePlayground(executablePath: string, flags: readonly string[] = []) {
  if (!existsSync(BUILT)) throw new Error("The page is not built: run npm run build:playground.");
  const server = await serveFolder(BUILT, { port: 0 });
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", ...flags] });
  return {
    url: server.url,
    open: (options: OpenOptions = {}) => openPage(browser, server.url, options),
    async close() {
      await browser.close();
      await server.close();
    },
  };
}

/** The playground for the tests of a suite, and a folder for what they make. Without a Chromium nothing is started: the suite skips. */
export function playgroundHere(executablePath: string | undefined) {
  const place = scratch();
  let served: Awaited<ReturnType<typeof servePlayground>> | undefined;
  beforeAll(async () => {
    served = await servePlayground(executablePath!);
  });
  afterAll(async () => {
    await served?.close();
    place.remove();
  });
  const open = (options?: OpenOptions) => served!.open(options);
  return {
    place,
    playground: {
      open,
      get url() {
        return served!.url;
      },
    },
  };
}

interface OpenOptions extends BrowserContextOptions {
  /** By default that of our server. */
  readonly address?: string;
  /** The part behind "#". */
  readonly hash?: string;
}

async function openPage(
  browser: Browser,
  url: string,
  { address = url, hash = "", ...options }: OpenOptions,
): Promise<OpenPage> {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 900 },
    acceptDownloads: true,
    ...options,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  const requests: string[] = [];
  const complaints: string[] = [];
  context.on("request", (request) => requests.push(request.url()));
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  await page.goto(`${address}${hash === "" ? "" : `#${hash}`}`);
  return { page, requests, complaints };
}

/** The panel with this heading. */
export const panel = (page: Page, title: string) => page.getByRole("region", { name: title, exact: true });

/** What the attack made of the input, such as "3 → 5". */
export const verdict = (page: Page) => page.locator(".looking-change");

/** Waits until the page shows what it is asked for. */
export async function settled(page: Page): Promise<void> {
  await verdict(page).waitFor();
  await page.waitForFunction(() => !document.querySelector("[aria-busy=true]"));
}

/** Drops files on the page, as a person does. */
export async function drop(page: Page, ...paths: string[]): Promise<void> {
  const files = await Promise.all(
    paths.map(async (path) => ({ name: path.split("/").at(-1)!, base64: (await readFile(path)).toString("base64") })),
  );
  await dropBytes(page, files);
}

export async function dropBytes(page: Page, files: readonly { name: string; base64: string }[]): Promise<void> {
  const transfer = await page.evaluateHandle((list) => {
    const data = new DataTransfer();
    for (const { name, base64 } of list)
      data.items.add(new File([Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))], name));
    return data;
  }, files);
  for (const event of ["dragenter", "dragover", "drop"])
    await page.dispatchEvent("body", event, { dataTransfer: transfer });
  await transfer.dispose();
}

/** The bytes of what a click saves, and its name. */
export async function saved(page: Page, click: () => Promise<void>): Promise<{ name: string; bytes: Uint8Array }> {
  const [download] = await Promise.all([page.waitForEvent("download") as Promise<Download>, click()]);
  return { name: download.suggestedFilename(), bytes: new Uint8Array(await readFile(await download.path())) };
}

/** Axe finds nothing, in light and in dark. */
export async function accessible(page: Page, what: string): Promise<void> {
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    expect(await objections(page), `${what}, ${colorScheme}`).toEqual([]);
  }
}
