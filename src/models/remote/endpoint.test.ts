import { afterEach, describe, expect, it } from "vitest";
import { failure, firstBatch } from "../../../test/support/datasets.ts";
import {
  type Meddle,
  reply,
  type Served,
  type ServeOptions,
  serve,
  serveFile,
} from "../../../test/support/endpoint.ts";
import { floats, numbers } from "../../../test/support/models.ts";
import { judge, predict } from "../../attack.ts";
import { square } from "../../attacks/scores/square.ts";
import { openDataset } from "../../datasets/locate.node.ts";
import type { ErrorCode } from "../../errors.ts";
import type { Goal, Model } from "../../model.ts";
import { linf } from "../../norm.ts";
import type { FloatTensor } from "../../tensor.ts";
import { callbackModel } from "../callback.ts";
import { openModel } from "../open.node.ts";
import { type EndpointOptions, openEndpoint } from "./endpoint.ts";
import type { Retry } from "./http.ts";

const servers: Served[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});
const kept = (server: Served): Served => {
  servers.push(server);
  return server;
};

/** Three scores of two inputs. */
const scores = async (x: FloatTensor): Promise<FloatTensor> =>
  floats(
    [x.dims[0]!, 3],
    Array.from({ length: x.dims[0]! }, (_, i) => [x.data[2 * i]!, x.data[2 * i + 1]!, -1]).flat(),
  );
const tiny = callbackModel({ name: "tiny", inputShape: [2], classes: 3, ask: scores });
const x = floats([5, 2], numbers(10, 3, 0, 1));

const QUICK = { backoff: { first: 1, limit: 4 }, timeout: 2000, retries: 3 };
const serving = async (options: ServeOptions = {}, model: Model = tiny) => kept(await serve(model, options));
/** Opens a served model, whose first answer is not meddled with: it tells the classes. */
const opened = async (meddle: Meddle, options: EndpointOptions = {}) => {
  const server = await serving({ meddle: (asked, response, count) => count > 0 && meddle(asked, response, count - 1) });
  return { server, model: await openEndpoint(server.url, { ...QUICK, ...options }) };
};
/** An answer with these outputs. */
const answering =
  (output: object): Meddle =>
  (_, response) => {
    reply(response, 200, { outputs: [{ name: "logits", datatype: "FP32", ...output }] });
    return true;
  };

describe("an endpoint", () => {
  it("says what it takes, and answers as the model behind it, bit for bit", async () => {
    const server = await serving();
    const model = await openEndpoint(server.url);
    expect(model).toMatchObject({ name: "tiny", inputShape: [2], classes: 3, head: "logits", url: server.url });
    expect(model.bounds).toEqual({ lower: 0, upper: 1 });
    expect(await model.logits(x)).toEqual(await tiny.logits(x));
    expect(server.asked.map(({ path }) => path)).toEqual([
      "/v2/models/tiny",
      "/v2/models/tiny/infer",
      "/v2/models/tiny/infer",
    ]);
    expect(server.asked[2]!.body).toEqual({
      inputs: [{ name: "x", shape: [5, 2], datatype: "FP32", data: Array.from(x.data) }],
      outputs: [{ name: "logits" }],
    });
  });

  it("gives the Square attack what the model itself gives it", async () => {
    const server = kept(await serveFile("lenet-mnist"));
    const behind = await openEndpoint(server.url);
    const here = await openModel("lenet-mnist");
    const { x: images, labels, indices } = await firstBatch(await openDataset("mnist"), 12);
    const goal: Goal = { kind: "untargeted", labels };
    const results = await Promise.all(
      [behind, here].map(async (model: Model) => {
        const task = { model, x: images, goal, norm: linf, epsilons: [0.35], indices, seed: 1 };
        const [candidates] = await square.propose(task, { queries: 40 });
        return judge(model, images, candidates!, goal, linf, 0.35);
      }),
    );
    await here.release();
    expect(results[0]!.success).toEqual(results[1]!.success);
    expect(results[0]!.adversarial.data).toEqual(results[1]!.adversarial.data);
    expect(results[0]!.predictions).toEqual(results[1]!.predictions);
    expect(results[0]!.success.filter(Boolean).length).toBeGreaterThan(3);
  });

  it("is asked in batches, filled up where the model fixes them", async () => {
    const server = await serving();
    const model = await openEndpoint(server.url, { batch: 2 });
    expect(await model.logits(x)).toEqual(await tiny.logits(x));
    const fixed = await serving({ metadata: { inputs: [{ name: "x", datatype: "FP32", shape: [4, 2] }] } });
    expect(await (await openEndpoint(fixed.url, { batch: 2 })).logits(x)).toEqual(await tiny.logits(x));
    const rowsOf = ({ asked }: Served) => asked.slice(1).map(({ body }) => body!.inputs[0]!.shape[0]);
    expect(rowsOf(server)).toEqual([1, 2, 2, 1]);
    expect(rowsOf(fixed)).toEqual([4, 4, 4]);
  });

  it("finds probabilities out, unless it is told what scores are", async () => {
    const softmax = callbackModel({
      name: "p",
      inputShape: [2],
      classes: 2,
      ask: async ({ dims }) => floats([dims[0]!, 2], Array(dims[0]!).fill([0.25, 0.75]).flat()),
    });
    const server = await serving({}, softmax);
    const model = await openEndpoint(server.url);
    expect(model.head).toBe("hidden");
    expect((await model.logits(x)).data[0]).toBe(Math.fround(Math.log(0.25)));
    expect((await openEndpoint(server.url, { head: "logits" })).head).toBe("logits");
  });

  it("is not asked for its metadata where nothing is left to say", async () => {
    const server = await serving({ metadata: { inputs: [], outputs: [] } });
    const known = { input: "x", output: "logits", inputShape: [2] };
    expect((await openEndpoint(server.url, known)).classes).toBe(3);
    expect(server.asked.map(({ path }) => path)).toEqual(["/v2/models/tiny/infer"]);
    const { message } = await failure("mismatch", () => openEndpoint(server.url));
    expect(message).toContain("give the names of input and output and the shape of a sample");
  });

  it("gets the headers, and an address with a query, a slash or /infer at its end", async () => {
    const server = await serving();
    for (const end of ["/", "/infer", "//"])
      await openEndpoint(`${server.url}${end}`, { headers: { Authorization: "Bearer abc" } });
    expect(server.asked.map(({ headers }) => headers.authorization)).toEqual(Array(6).fill("Bearer abc"));
    expect(server.asked.map(({ path }) => path)).not.toContain("/v2/models/tiny/infer/infer");
    expect((await openEndpoint(`${server.url}?key=secret`)).url).toBe(server.url);
    expect(server.asked.at(-1)!.path).toBe("/v2/models/tiny/infer?key=secret");
    const { message } = await failure("not-found", () => openEndpoint(`${server.url}2?key=secret`));
    expect(message).toContain(`${server.url}2 refused: it answered 404, "no model at /v2/models/tiny2"`);
    expect(message).not.toContain("secret");
  });

  it("may be asked through another fetch", async () => {
    const server = await serving();
    const seen: string[] = [];
    const spy: typeof fetch = (url, init) => {
      seen.push(`${init!.method} ${init!.redirect}`);
      return fetch(url, init);
    };
    await openEndpoint(server.url, { fetch: spy });
    expect(seen).toEqual(["GET manual", "POST manual"]);
  });

  it("may leave sizes open, which are then to be given", async () => {
    const open = { metadata: { inputs: [{ name: "x", datatype: "FP64", shape: [-1, -1] }] } };
    const server = await serving(open);
    expect((await failure("usage", () => openEndpoint(server.url))).message).toContain("[?]. Give the shape");
    expect((await openEndpoint(server.url, { inputShape: [2] })).inputShape).toEqual([2]);
    expect(server.asked.at(-1)!.body!.inputs[0]!.datatype).toBe("FP64");
    await failure("mismatch", () => openEndpoint(server.url, { inputShape: [1, 2] }));
    await failure("mismatch", () => openEndpoint(server.url, { inputShape: [2], classes: 4 }));
    await failure("usage", () => openEndpoint(server.url, { inputShape: [0] }));
  });

  const input = { name: "x", datatype: "FP32", shape: [-1, 2] };
  it.each<[string, object, ErrorCode, string]>([
    ["two inputs", { inputs: [input, { ...input, name: "y\u001b" }] }, "usage", '"x", "y\\u001b"'],
    ["bytes for input", { inputs: [{ ...input, datatype: "UINT8" }] }, "unsupported", '"UINT8"'],
    ["several outputs", { outputs: [{ name: "a" }, { name: "b" }] }, "usage", '2 outputs: "a", "b"'],
    ["no shape", { inputs: [{ name: "x" }] }, "usage", "does not say what shape"],
    ["samples without end", { inputs: [{ ...input, shape: [-1, 2 ** 40] }] }, "unsupported", "at most 16777216"],
    ["batches without end", { inputs: [{ ...input, shape: [2 ** 40, 2] }] }, "unsupported", "at most 16777216"],
    ["batches of nothing", { inputs: [{ ...input, shape: [0, 2] }] }, "mismatch", "batches of 0 samples"],
    ["samples of no size", { inputs: [{ ...input, shape: [-1, 0] }] }, "usage", "whole numbers from 1, got [0]"],
    ["samples without sizes", { inputs: [{ ...input, shape: [-1] }] }, "usage", "from 1, got []"],
    ["null for all", { inputs: null, outputs: null }, "mismatch", "does not describe its inputs"],
    ["null for a shape", { inputs: [{ ...input, shape: [null, 2] }] }, "usage", "does not say what shape"],
    ["null for a type", { inputs: [{ ...input, datatype: null }] }, "unsupported", '"null"'],
    ["inputs without names", { inputs: [{ shape: [2] }, null, 4] }, "mismatch", "does not describe its inputs"],
  ])("is refused with %s", async (_, metadata, code, words) => {
    const server = await serving({ metadata });
    expect((await failure(code, () => openEndpoint(server.url, QUICK))).message).toContain(words);
  });

  it("with two inputs is refused also where one is named", async () => {
    const server = await serving({ metadata: { inputs: [input, { ...input, name: "y" }] } });
    await failure("unsupported", () => openEndpoint(server.url, { input: "x" }));
  });
});

describe("a server in trouble", () => {
  it("is asked again when it is late", async () => {
    // The first answer never comes.
    const { model } = await opened((_, _response, count) => count === 0, { timeout: 100 });
    expect(await model.logits(x)).toEqual(await tiny.logits(x));
  });

  it("is late also where only the end of its answer does not come", async () => {
    const meddle: Meddle = (_, response) => {
      response.writeHead(200).write('{"outputs":');
      return true;
    };
    const { model } = await opened(meddle, { timeout: 50, retries: 1 });
    const { message } = await failure("unreachable", () => model.logits(x));
    expect(message).toContain("no whole answer came within 50 ms (tried 2 times)");
  });

  it("is asked again after 503, and the pauses double up to their limit", async () => {
    const retries: Retry[] = [];
    const busy: Meddle = (_, response, count) => {
      if (count < 4) reply(response, 503, { error: "overloaded" });
      return count < 4;
    };
    const backoff = { first: 1, limit: 5 };
    const { model } = await opened(busy, { backoff, retries: 4, onRetry: (retry) => retries.push(retry) });
    expect(await model.logits(x)).toEqual(await tiny.logits(x));
    expect(retries.map(({ attempt, wait }) => [attempt, wait])).toEqual([
      [1, 1],
      [2, 2],
      [3, 4],
      [4, 5],
    ]);
    expect(retries[0]!.what).toBe('it answered 503, "overloaded"');
  });

  it("is given up when it fails for ever", async () => {
    const { model, server } = await opened((_, response) => {
      reply(response, 500, "on \u001b[31mfire");
      return true;
    });
    const error = await failure("unreachable", () => model.logits(x));
    expect(error.message).toContain(
      `${server.url}/infer cannot be used: it answered 500, "on \\u001b[31mfire" (tried 4`,
    );
    expect(error.data).toMatchObject({ url: `${server.url}/infer`, attempts: 4 });
    expect(server.asked).toHaveLength(2 + 4);
  });

  it("is given the time that it asks for", async () => {
    /** The pause that follows a 429 with this header, cut short. */
    const pauseFor = async (header: string): Promise<number> => {
      const controller = new AbortController();
      let pause = 0;
      const onRetry = ({ wait }: Retry) => {
        pause = wait;
        controller.abort();
      };
      const busy: Meddle = (_, response) => {
        reply(response, 429, "", { "retry-after": header });
        return true;
      };
      const { model } = await opened(busy, { onRetry, signal: controller.signal });
      await failure("cancelled", () => model.logits(x));
      return pause;
    };
    expect(await pauseFor("120")).toBe(120_000);
    // A date has no parts of a second.
    const pause = await pauseFor(new Date(Date.now() + 60_000).toUTCString());
    expect(pause).toBeGreaterThan(50_000);
    expect(pause).toBeLessThanOrEqual(60_000);
    // What is past, or no time at all, leaves the pause that was due.
    for (const header of ["0", "Wed, 21 Oct 2015 07:28:00 GMT", "soon"]) expect(await pauseFor(header)).toBe(1);
  });

  it("is given up when it asks for longer than anyone waits", async () => {
    const { model } = await opened((_, response) => {
      reply(response, 429, "", { "retry-after": "86400" });
      return true;
    });
    const { message } = await failure("unreachable", () => model.logits(x));
    expect(message).toContain("wants to be left alone for 86400 s (tried once)");
  });

  it.each<[number, ErrorCode, string]>([
    [400, "usage", 'it answered 400, "batch-size must be <= 8". Check the names and shapes'],
    [401, "usage", "Authorization"],
    [404, "not-found", "Check the model's name"],
    [422, "usage", "it answered 422"],
  ])("is not asked again after %i", async (status, code, words) => {
    const { model, server } = await opened((_, response) => {
      reply(response, status, { error: "batch-size must be <= 8" });
      return true;
    });
    expect((await failure(code, () => model.logits(x))).message).toContain(words);
    expect(server.asked).toHaveLength(3);
  });

  it("does not lead elsewhere", async () => {
    const other = await serving();
    const { model } = await opened((_, response) => {
      reply(response, 307, "", { location: `${other.url}/infer` });
      return true;
    });
    const { message } = await failure("usage", () => model.logits(x));
    expect(message).toContain(`redirects to "${other.url}/infer", which is not followed`);
    expect(other.asked).toEqual([]);
  });

  it.each<[string, Meddle]>([
    [
      "a closed connection",
      (_, response) => {
        response.destroy();
        return true;
      },
    ],
    [
      "an answer whose connection breaks",
      (_, response) => {
        response.writeHead(200, { "content-length": 1000 }).write('{"outputs": [');
        setTimeout(() => response.destroy(), 5);
        return true;
      },
    ],
    [
      "an answer that ends too early",
      (_, response) => {
        reply(response, 200, '{"outputs": [{"name": "logits", "shape": [5, 3], "data": [1, 2');
        return true;
      },
    ],
  ])("is asked again after %s", async (_, meddle) => {
    const { model } = await opened((asked, response, count) => count < 3 && meddle(asked, response, count));
    expect(await model.logits(x)).toEqual(await tiny.logits(x));
    const forever = await opened(meddle, { retries: 1 });
    expect((await failure("unreachable", () => forever.model.logits(x))).message).toContain("(tried 2 times)");
  });

  it("is not there", async () => {
    const server = await serving();
    await server.close();
    const { message } = await failure("unreachable", () => openEndpoint(server.url, QUICK));
    expect(message).toMatch(/the connection failed: .*ECONNREFUSED.*\(tried 4 times\)/);
  });

  it("is left at once when the signal fires", async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const { model } = await opened(() => true, { signal });
    setTimeout(() => controller.abort("enough"), 20);
    await failure("cancelled", () => model.logits(x));
    await failure("cancelled", () => model.logits(x));
    const pausing = new AbortController();
    const options = { signal: pausing.signal, backoff: { first: 60_000, limit: 60_000 } };
    const busy = await opened(
      (_, response) => {
        reply(response, 503, "");
        return true;
      },
      { ...options, onRetry: () => setTimeout(() => pausing.abort(), 5) },
    );
    await failure("cancelled", () => busy.model.logits(x));
  });
});

describe("an answer", () => {
  const shape = [5, 3];
  const data = Array.from({ length: 15 }, (_, i) => i);
  it.each<[string, object, string]>([
    ["of another shape", { shape: [5, 2], data: data.slice(5) }, '"[5,2]"; allowed is [5,3]'],
    ["for another number of samples", { shape: [1, 3], data: data.slice(12) }, '"[1,3]"; allowed is [5,3]'],
    ["of labels", { shape: [5], data: data.slice(10) }, '"[5]"; allowed is [5,3]'],
    ["without a shape", { data }, '"none"'],
    ["of too few values", { shape, data: data.slice(1) }, "14 values"],
    ["of no values", { shape, data: "AAAA" }, "0 values"],
    ["of words", { shape, data: data.map(() => "cat\u001b") }, 'holds "cat\\u001b"'],
    ["of objects", { shape, data: data.map(() => ({})) }, 'holds "{}"'],
    ["under another name", { name: "labels", shape, data }, 'no output named "logits". It has "labels"'],
  ])("%s is refused", async (_, output, words) => {
    const { model, server } = await opened(answering(output));
    const { message } = await failure(words.includes("named") ? "usage" : "mismatch", () => model.logits(x));
    expect(message).toContain(words);
    expect(message).toContain(server.url);
  });

  it("may be nested, and have sizes of 1 behind", async () => {
    const nested = Array.from({ length: 5 }, (_, i) => data.slice(3 * i, 3 * i + 3).map((v) => [[v]]));
    const { model } = await opened(answering({ shape: [...shape, 1, 1], data: nested }));
    expect(await model.logits(x)).toEqual(floats(shape, data));
  });

  it("may hold NaN and infinity, however they are written", async () => {
    const text = `{"outputs":[{"name":"logits","shape":[5,3],"data":[NaN, -Infinity,Infinity,null,"NaN","-inf",${data.slice(6)}]}]}`;
    const { model } = await opened((_, response) => {
      reply(response, 200, text);
      return true;
    });
    const logits = await model.logits(x);
    expect(Array.from(logits.data.subarray(0, 7))).toEqual([
      Number.NaN,
      Number.NEGATIVE_INFINITY,
      Number.POSITIVE_INFINITY,
      Number.NaN,
      Number.NaN,
      Number.NEGATIVE_INFINITY,
      6,
    ]);
    expect(predict(logits)[0]).toBe(-1);
  });

  it("that is no JSON is refused, and shown", async () => {
    const { model, server } = await opened((_, response) => {
      reply(response, 200, "<html>Welcome to \u001b[2J nginx</html>");
      return true;
    });
    const { message } = await failure("mismatch", () => model.logits(x));
    expect(message).toContain('no JSON but "<html>Welcome to \\u001b[2J nginx</html>"');
    expect(server.asked).toHaveLength(3);
  });

  it.each([{}, { outputs: [] }, { outputs: "x" }, { outputs: [null, 3] }, [], null, 7])(
    "%j is refused",
    async (body) => {
      const { model } = await opened((_, response) => {
        reply(response, 200, body);
        return true;
      });
      expect((await failure("mismatch", () => model.logits(x))).message).toContain("answered no outputs");
    },
  );

  it("without end is left where it is longer than any answer needs", async () => {
    let sent = 0;
    const { model } = await opened((_, response) => {
      response.writeHead(200);
      const more = (): void => {
        while (!response.destroyed && sent < 2 ** 30) {
          sent += 65_536;
          if (!response.write("1".repeat(65_536))) return void response.once("drain", more);
        }
      };
      more();
      return true;
    });
    expect((await failure("mismatch", () => model.logits(x))).message).toContain(`more than ${64 * 15 + 65_536} bytes`);
    expect(sent).toBeLessThan(2 ** 25);
  });
});

describe("many classes", () => {
  /** Answers as many zeros as the shape says. */
  const zeros =
    (classes: number): Meddle =>
    ({ body }, response) => {
      const n = body!.inputs[0]!.shape[0]!;
      const data = Array<number>(n * classes).fill(0);
      reply(response, 200, { outputs: [{ name: "logits", datatype: "FP32", shape: [n, classes], data }] });
      return true;
    };

  it("are asked for few samples at a time", async () => {
    const server = await serving({ meddle: zeros(250_000) });
    const model = await openEndpoint(server.url, { ...QUICK, batch: 5 });
    expect((await model.logits(x)).dims).toEqual([5, 250_000]);
    expect(server.asked.slice(2).map(({ body }) => body!.inputs[0]!.shape[0])).toEqual([4, 1]);
  });

  it("are refused where labels could not name them, or one batch answers too many scores", async () => {
    const more = await serving({ meddle: zeros(2 ** 20 + 1) });
    const { message } = await failure("mismatch", () => openEndpoint(more.url, QUICK));
    expect(message).toContain("1048577 classes, of 1048576 allowed");
    const metadata = { inputs: [{ name: "x", datatype: "FP32", shape: [64, 2] }] };
    const fixed = await serving({ metadata, meddle: zeros(2 ** 17) });
    const options = { ...QUICK, classes: 2 ** 17 };
    expect((await failure("unsupported", () => openEndpoint(fixed.url, options))).message).toContain("8388608 scores");
  });
});

describe("options that cannot be", () => {
  it.each<[string, EndpointOptions]>([
    ["ftp://host/v2/models/m", {}],
    ["no address", {}],
    ["http://me:secret@host/v2/models/m", {}],
    ["http://host/v2/models/m", { timeout: 0 }],
    ["http://host/v2/models/m", { timeout: Number.POSITIVE_INFINITY }],
    ["http://host/v2/models/m", { retries: -1 }],
    ["http://host/v2/models/m", { retries: 1.5 }],
    ["http://host/v2/models/m", { backoff: { first: 1, limit: 2 ** 31 } }],
    ["http://host/v2/models/m", { batch: 0 }],
    ["http://host/v2/models/m", { headers: { "a b": "secret" } }],
  ])("%s %o", async (address, options) => {
    const asked: unknown[] = [];
    const spy: typeof fetch = async (url) => {
      asked.push(url);
      throw new Error("asked");
    };
    const { message } = await failure("usage", () => openEndpoint(address, { ...options, fetch: spy }));
    expect(message).not.toContain("secret");
    expect(asked).toEqual([]);
  });
});
