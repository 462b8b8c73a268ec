// Input gradients of torchvision's networks at 224 pixels, batch 8: against the forward pass of the same file,
// and against PyTorch's forward and backward, in turn.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const NETWORKS = ["resnet18", "resnet50", "mobilenet_v2", "vit_b_16"];
const least = (values) => Math.min(...values);

/** A process that answers each line with one of JSON; its first answer says that it is ready. */
export async function partner(command, args) {
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "ignore"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`${command} ${args.join(" ")} ended early.`);
    return JSON.parse(value);
  };
  await answer();
  return {
    ask(line) {
      child.stdin.write(`${line}\n`);
      return answer();
    },
    end: () => child.stdin.end(),
  };
}

/** Prints a table of the networks whose files are there, or can be exported. */
export async function benchGradients(python, rounds, threads) {
  process.stdout.write(
    `\nInput gradients at 224 pixels, batch 8; ${threads === "1" ? "one thread, processor time" : `${threads} threads`}; least of the rounds\n`,
  );
  const models = join(here, ".models");
  mkdirSync(models, { recursive: true });
  for (const name of NETWORKS) {
    const torch = existsSync(python) ? await partner(python, [join(here, "gradients.py"), "--threads", threads]) : null;
    const file = join(models, `${name}.onnx`);
    if (!existsSync(file)) {
      if (!torch) {
        process.stdout.write(`${name}: no ${file}, and no PyTorch to export it (see --help)\n`);
        continue;
      }
      await torch.ask(`export ${name} ${file}`);
    }
    await race(name, file, torch, rounds, threads);
    torch?.end();
  }
}

async function race(name, file, torch, rounds, threads) {
  const process_ = join(here, "gradient-process.js");
  const forward = await partner(process.execPath, [process_, file, "forward", threads]);
  const gradient = await partner(process.execPath, [process_, file, "gradient", threads]);
  const times = { forward: [], gradient: [], contiguous_format: [], channels_last: [] };
  let [ours, theirs] = [0, 0];
  for (let round = 0; round <= rounds; round++) {
    const a = await forward.ask("run");
    const b = await gradient.ask("run");
    const answers = { forward: a.ms, gradient: b.ms };
    ours = b.peak;
    for (const form of torch ? ["contiguous_format", "channels_last"] : []) {
      const { gradient: ms, peak } = await torch.ask(`time ${name} ${form}`);
      answers[form] = ms;
      theirs = peak;
    }
    // The first round warms up.
    if (round > 0) for (const [key, ms] of Object.entries(answers)) times[key].push(ms);
  }
  forward.end();
  gradient.end();
  const [f, g] = [least(times.forward), least(times.gradient)];
  const ratio = (key) =>
    `${(g / least(times[key])).toFixed(2)} of PyTorch's (${key}, ${least(times[key]).toFixed(0)} ms)`;
  const against = torch
    ? `; ${ratio("contiguous_format")}; ${ratio("channels_last")}; peak ${ours.toFixed(0)} MiB, PyTorch ${theirs.toFixed(0)} MiB`
    : `; peak ${ours.toFixed(0)} MiB`;
  process.stdout.write(
    `${name.padEnd(14)} forward ${f.toFixed(0)} ms, gradient ${g.toFixed(0)} ms: ${(g / f).toFixed(2)} of the forward${against}\n`,
  );
}
