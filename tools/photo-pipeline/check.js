// Says whether perturb and torchvision agree about pictures that go through a pipeline: see README.md.
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const [root, python = "python3"] = process.argv.slice(2);
const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const MEAN = "0.485,0.456,0.406";
const STD = "0.229,0.224,0.225";
const PIPELINE = ["--resize", "72", "--crop", "64", "--mean", MEAN, "--std", STD, "--quiet"];

const perturb = (...words) =>
  execFileSync(process.execPath, [here("../../bin/perturb.js"), ...words], { encoding: "utf8", stdio: "pipe" });
const evaluated = (data, ...words) =>
  JSON.parse(
    perturb("evaluate", "--model", join(root, "net.onnx"), "--data", data, ...PIPELINE, "--json", "-", ...words),
  ).clean;
const torch = (...folders) =>
  execFileSync(python, [here("photo.py"), "count", root, ...folders], { encoding: "utf8", stdio: "pipe" })
    .trim()
    .split("\n");

const ours = { clean: 0, fooled: 0, lasting: 0, fooling: 0 };
let isRight = true;
for (const [size, [correct, total]] of Object.entries(JSON.parse(readFileSync(join(root, "clean.json"), "utf8")))) {
  const data = join(root, size);
  const [input, picture] = [[], ["--perturb", "picture"]].map((words) => evaluated(data, ...words, "--eps", "0"));
  const out = join(root, `attacked-${size}`);
  rmSync(out, { recursive: true, force: true });
  const attack = ["--perturb", "picture", "--attack", "pgd", "--eps", "4/255", "--out", out, "--png"];
  const table = perturb("attack", "--model", join(root, "net.onnx"), "--data", data, ...PIPELINE, ...attack);
  const [, fooled, lasting] = /^4\/255 +\d+ +(\d+) +(\d+) of \1$/m.exec(table).map(Number);
  const folders = readdirSync(out).filter((name) => name.startsWith("eps-"));
  const [answer] = torch(join(out, folders[0]));
  const [right, files] = answer.split(" of ").map(Number);
  const read = evaluated(join(out, folders[0]), "--eps", "0");
  const agrees =
    input.correct === correct &&
    picture.correct === correct &&
    input.total === total &&
    files === fooled &&
    lasting === files - right &&
    read.total - read.correct === lasting;
  isRight &&= agrees;
  console.log(
    `${size}: clean ${input.correct} of ${input.total}, torchvision ${correct}; fooled ${fooled}, as PNG ${lasting}, and torchvision ${files - right} of ${files}${agrees ? "" : " - these differ"}`,
  );
  ours.clean += input.correct;
  ours.fooled += fooled;
  ours.lasting += lasting;
  ours.fooling += files - right;
}
console.log(
  `in all: clean ${ours.clean}; ${ours.fooled} fooled, ${ours.lasting} as PNG, ${ours.fooling} through torchvision`,
);
process.exitCode = isRight ? 0 : 1;
