import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { listing, perturb, scratch, start, until } from "./support/cli.ts";
import { type Meddle, reply, type Served, serveFile } from "./support/endpoint.ts";
import { withoutSeconds } from "./support/report.ts";

const LENET = fileURLToPath(new URL("fixtures/pytorch/lenet_zip.pth", import.meta.url));
const JOB =
  "--attack square,hopskipjump --set square.queries=20 --max-queries 40 --eps 0.1,0.3 --limit 12 --batch 4 --quiet".split(
    " ",
  );

const space = scratch();
const inside = (...path: string[]) => join(space.path, ...path);
const run = (...args: string[]) => perturb(["evaluate", ...args], space.path);

/** What the server does in place of an answer, where it is in trouble. */
let trouble: Meddle = () => false;
/** Requests for scores since trouble was made. */
let since = 0;
let server: Served;
/** How many requests for scores the job needs. */
let needed: number;
const make = (meddle: Meddle): void => {
  trouble = meddle;
  since = 0;
};
const failing: Meddle = (_, response) => {
  reply(response, 500, { error: "out of memory" });
  return true;
};

beforeAll(async () => {
  server = await serveFile(LENET, { arch: "lenet", meddle: (asked, response) => trouble(asked, response, since++) });
  expect(await run("--model", server.url, ...JOB, "--out", "whole")).toMatchObject({ code: 0 });
  needed = since;
});
afterAll(async () => {
  await server.close();
  space.remove();
});

/** A report but for times, and the records of its samples but for theirs. */
const found = (folder: string) => ({
  json: readFileSync(inside(folder, "report.json"), "utf8").replaceAll(
    /("(?:date|seconds|samplesPerSecond)": )[^,\n]+/g,
    "$1null",
  ),
  csv: withoutSeconds(readFileSync(inside(folder, "samples.csv"), "utf8")),
});

/** Runs the job in an empty folder, and gives what is left there. */
async function attempt(name: string, ...args: string[]) {
  mkdirSync(inside(name));
  const outcome = await perturb(["evaluate", "--model", server.url, ...JOB, ...args], inside(name));
  return { ...outcome, left: listing(inside(name)) };
}

describe("a model behind an address", () => {
  it("is attacked as its file is", async () => {
    expect(await run("--model", LENET, "--arch", "lenet", ...JOB, "--out", "file")).toMatchObject({ code: 0 });
    const [there, here] = ["whole", "file"].map((folder) => JSON.parse(found(folder).json));
    for (const part of ["clean", "worst", "points", "attacks", "linearity"]) expect(there[part]).toEqual(here[part]);
    expect(there.model).toMatchObject({ sha256: null, parameters: null, inputShape: [1, 28, 28], classes: 10 });
    expect(found("whole").csv).toBe(found("file").csv);
  });

  it("gives adversarial examples as its file does", async () => {
    const args = ["--attack", "square", "--set", "square.queries=20", "--eps", "0.3", "--limit", "6", "--quiet"];
    const attack = (...model: string[]) => perturb(["attack", "--model", ...model, ...args], space.path);
    expect(await attack(server.url, "--out", "there.npz")).toMatchObject({ code: 0 });
    await attack(LENET, "--arch", "lenet", "--out", "here.npz");
    expect(readFileSync(inside("there.npz")).equals(readFileSync(inside("here.npz")))).toBe(true);
  });

  it("gets its headers with every request", async () => {
    const before = server.asked.length;
    await run("--model", server.url, ...JOB, "--limit", "2", "--json", "-", "--header", "Authorization: Bearer abc");
    const headers = server.asked.slice(before).map((asked) => asked.headers.authorization);
    expect(headers.length).toBeGreaterThan(10);
    expect(new Set(headers)).toEqual(new Set(["Bearer abc"]));
  });

  it("is attacked through a surrogate, whose network --arch names", async () => {
    const surrogate = ["--surrogate", LENET, "--arch", "lenet", "--attack", "transfer"];
    const outcome = await run("--model", server.url, ...surrogate, "--limit", "10", "--eps", "0.2", "--json", "-");
    expect(outcome.code).toBe(0);
    const { worst, attacks } = JSON.parse(outcome.stdout);
    expect(attacks[0]).toMatchObject({ attack: "transfer", attacked: 10, forwards: 0 });
    expect(worst[0].correct).toBeLessThan(8);
  });

  it("is compared with a file of weights, of which it makes no difference", async () => {
    const args = ["compare", server.url, LENET, "--arch", "lenet", ...JOB, "--json", "-"];
    const { code, stdout } = await perturb(args, space.path);
    expect(code).toBe(0);
    const { clean, points } = JSON.parse(stdout);
    for (const point of [clean, ...points]) expect(point).toMatchObject({ onlyA: 0, onlyB: 0, pValue: 1 });
  });

  it.each<[string[], RegExp]>([
    [["--attack", "square,pgd"], /^perturb: \S+ has no gradients.* pgd needs gradients\. .* in linf: .*square/],
    [["--header", "Authorization"], /--header takes "Name: value"/],
    [["--arch", "lenet"], /--arch cannot be used with an inference server/],
    [["--mean", "0.5", "--feed", "a=b.npy"], /--mean, --feed cannot be used with an inference server/],
    [["--timeout", "0"], /at least 1/],
    [["--norm", "l0", "--attack", "square"], /square has no l0 version/],
    [["--data", "nothing"], /nothing is neither/],
  ])("is refused: %j", async (args, message) => {
    const { code, stdout, stderr, left } = await attempt(`refused ${args.join(" ").replaceAll(/\W+/g, "-")}`, ...args);
    expect([code, stdout, left]).toEqual([2, "", []]);
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/^perturb: .*\n$/);
  });
});

describe("a server", () => {
  it.each([0.5, 1])("that fails for good after %d of the answers: the run goes on later", async (share) => {
    // Once in the last case, which is a question of the checks that follow.
    const last = Math.floor(share * needed) - 1;
    make((asked, response, count) => count >= last && failing(asked, response, count));
    const folder = `failed-${share}`;
    const { code, stdout, stderr } = await run("--model", server.url, ...JOB, "--out", folder, "--retries", "1");
    expect([code, stdout]).toEqual([3, ""]);
    expect(stderr).toMatch(/^The model did not answer: it answered 500, "out of memory"\. Trying again in 0\.5 s\.$/m);
    expect(stderr).toMatch(/^perturb: \S+\/infer cannot be used: it answered 500, "out of memory" \(tried 2 times\)/m);
    expect(stderr).toContain(`What is done is saved. Go on with: perturb evaluate --resume ${folder}\n`);
    expect(listing(inside(folder))).toEqual(["state.jsonl"]);
    // Still in trouble, and then not any more.
    const still = await run("--resume", folder, "--retries", "0", "--quiet");
    expect(still).toMatchObject({ code: 3, stdout: "", stderr: expect.stringMatching(/^What is done is saved\./m) });
    make(() => false);
    expect(await run("--resume", folder, "--quiet")).toMatchObject({ code: 0 });
    expect(since).toBeLessThan(needed);
    expect(found(folder)).toEqual(found("whole"));
  });

  it("that fails before anything is done leaves nothing", async () => {
    make(failing);
    const { code, stderr, left } = await attempt("never", "--retries", "0");
    expect([code, left]).toEqual([2, []]);
    expect(stderr).toMatch(/^perturb: \S+ cannot be used: it answered 500, "out of memory" \(tried once\).*\n$/);
    make((asked, response, count) => count >= 3 && failing(asked, response, count));
    expect(await attempt("soon", "--retries", "0", "--out", "report")).toMatchObject({ code: 2, left: [] });
  });

  it("that fails does not hold up an interrupt", async () => {
    const last = Math.floor(0.7 * needed);
    make((asked, response, count) => count >= last && failing(asked, response, count));
    const { child, stderr, ended } = start(["evaluate", "--model", server.url, ...JOB, "--out", "stopped"], space.path);
    await until(() => stderr().includes("Trying again in 2.0 s"));
    const began = Date.now();
    child.kill("SIGINT");
    expect(await ended).toMatchObject({ code: 3, stdout: "" });
    expect(Date.now() - began).toBeLessThan(1500);
    expect(stderr()).toContain("Stopped, and saved. Go on with: perturb evaluate --resume stopped\n");
  });

  it("that is slow is asked again, and given up in the end", async () => {
    const late: Meddle = async () => {
      await new Promise((resolve) => setTimeout(resolve, 1500));
      return false;
    };
    make((asked, response, count) => count === 5 && late(asked, response, count));
    const small = ["--limit", "2", "--timeout", "1"];
    const patient = await attempt("patient", ...small, "--json", "-");
    expect(patient.code).toBe(0);
    expect(patient.stderr).toContain("no whole answer came within 1000 ms. Trying again in 0.5 s.\n");
    make(late);
    const { code, stderr, left } = await attempt("impatient", ...small, "--retries", "0");
    expect([code, left]).toEqual([2, []]);
    expect(stderr).toMatch(/no whole answer came within 1000 ms \(tried once\)/);
  });

  it("that answers with the wrong shape is not asked again", async () => {
    const narrow: Meddle = (asked, response) => {
      const n = asked.body!.inputs[0]!.shape[0]!;
      const output = { name: "logits", datatype: "FP32", shape: [n, 3], data: Array(3 * n).fill(0) };
      reply(response, 200, { outputs: [output] });
      return true;
    };
    const last = Math.floor(0.6 * needed);
    make((asked, response, count) => count >= last && narrow(asked, response, count));
    const { code, stderr, left } = await attempt("narrow", "--out", "report");
    expect(code).toBe(2);
    expect(stderr).toMatch(/^perturb: The output "logits" of \S+ has the shape "\[\d,3\]"; allowed is \[\d,10\]/);
    expect(stderr).toContain("What is done is saved. Go on with: perturb evaluate --resume report\n");
    expect([since, left]).toEqual([last + 1, ["report", join("report", "state.jsonl")]]);
    make(() => false);
    await perturb(["evaluate", "--resume", "report"], inside("narrow"));
    expect(found(join("narrow", "report"))).toEqual(found("whole"));
  });
});
