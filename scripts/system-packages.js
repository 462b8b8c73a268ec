// What the tests need that npm does not bring: Debian packages, and Chromium.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const say = (text) => process.stderr.write(`${text}\n`);

/** Whether a command ended well, in time; its output is not shown. */
function succeeds(command, args, seconds) {
  const { status } = spawnSync(command, args, {
    stdio: "ignore",
    timeout: 1000 * seconds,
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  });
  return status === 0;
}

/** CHROMIUM_PATH, Debian's, or Playwright's, as test/support/browser.ts finds it; undefined where there is none. */
export async function findChromium() {
  const { chromium } = await import("playwright-core");
  return [process.env.CHROMIUM_PATH, "/usr/bin/chromium", chromium.executablePath()].find(
    (path) => path && existsSync(path),
  );
}

/** Debian's packages that tests read, and what each puts where. */
const DEBIAN = {
  "libonnx-testdata": { path: "/usr/share/libonnx-testdata/data", what: "The ONNX standard's own tests" },
  "redis-server": { path: "/usr/bin/redis-server", what: "The tests of the queue" },
  "dataset-fashion-mnist": { path: "/usr/share/datasets/fashion-mnist", what: "The tests of Fashion-MNIST" },
};
const missingDebian = () => Object.keys(DEBIAN).filter((name) => !existsSync(DEBIAN[name].path));

/** Installs what is missing, where that is permitted. Tests whose needs stay unmet say so themselves. */
export async function installSystemPackages() {
  const missing = missingDebian();
  if (!(await findChromium())) missing.push("chromium");
  if (missing.length === 0) return;

  if (process.getuid?.() === 0 && succeeds("apt-get", ["--version"], 10)) {
    say(`Installing ${missing.join(", ")} with apt-get, for the tests…`);
    succeeds("apt-get", ["update"], 300);
    // Each by itself: not every distribution has all.
    for (const name of missing)
      if (!succeeds("apt-get", ["install", "-y", "--no-install-recommends", name], 600))
        say(`apt-get could not install ${name}.`);
  }
  if (!(await findChromium())) {
    say("Installing Playwright's Chromium, for the tests…");
    const cli = fileURLToPath(new URL("../node_modules/playwright-core/cli.js", import.meta.url));
    succeeds(process.execPath, [cli, "install", "--no-shell", "chromium"], 300);
  }
  if (!(await findChromium())) say("Chromium cannot be installed here: give its path in CHROMIUM_PATH.");
  for (const name of missingDebian()) say(`${DEBIAN[name].what} need Debian's package ${name}, and are skipped.`);
}
