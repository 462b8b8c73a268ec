import { existsSync } from "node:fs";
import { join } from "node:path";
import { Command, InvalidArgumentError } from "@commander-js/extra-typings";
import { PerturbError } from "../../errors.ts";
import { ownFile } from "../../own-files.node.ts";
import { helpText, print, prose, tell } from "../output.ts";
import { serveFolder } from "../static-server.ts";

/** Always the same, where it is free: a link that holds the state of the page then stays valid. */
const PORT = 5273;
const PAGE = ownFile("dist-web/playground");

export const playgroundCommand = new Command("playground")
  .description(
    prose(`Serves the playground, a page that attacks a model in the browser with this same library, and prints its address.
It serves this machine only (127.0.0.1). Models and images that are dropped on the page stay in the browser.`),
  )
  .option("--port <n>", `The port. Without it, ${PORT}, or a free one if that is taken.`, parsePort)
  .addHelpText("after", () =>
    helpText(`
Ctrl-C stops it. The page is a folder of static files: \`npm run build:playground\` in a checkout makes it for any web host.

Examples:
  perturb playground
  perturb playground --port 8080
  perturb playground --port 0          any free port`),
  )
  .action(async ({ port }) => run(port));

/** "8080" */
function parsePort(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) < 65_536) return Number(text);
  throw new InvalidArgumentError(`"${text}" is no port. Give a whole number up to 65535; 0 takes any free one.`);
}

/** Serves until it is told to end, which is how a server ends well. */
async function run(port: number | undefined): Promise<void> {
  if (!existsSync(join(PAGE, "index.html")))
    throw new PerturbError(
      "not-found",
      `The playground is not built: ${PAGE} holds no index.html. Run \`npm run build:playground\` in the checkout.`,
      { data: { folder: PAGE } },
    );
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
  });
  const server = await serveFolder(PAGE, { port: port ?? PORT, orAnother: port === undefined });
  if (port === undefined && server.address.port !== PORT)
    tell(`Port ${PORT} is taken: using another. Links to the page on ${PORT} do not open here.`);
  print(server.url);
  tell("Press Ctrl-C to stop.");
  await stopped;
  await server.close();
}
