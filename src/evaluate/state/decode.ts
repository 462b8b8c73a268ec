import { z } from "zod";
import type { ErrorCode } from "../../errors.ts";
import type { SampleRecord } from "../../evaluate.ts";
import { type Confusion, EXAMPLES, REMEMBERED, type Tally } from "../results/tally.ts";
import type { Counts } from "./extent.ts";

/** More ways to prove than there are. */
const METHODS = 100;
/** More nodes than a network has that can be bounded. */
const LAYERS = 100_000;

const count = z.int().min(0);
const NAMED = { NaN: Number.NaN, Infinity: Number.POSITIVE_INFINITY, "-Infinity": Number.NEGATIVE_INFINITY, "-0": -0 };
const number = z.union([z.number(), z.enum(["NaN", "Infinity", "-Infinity", "-0"]).transform((name) => NAMED[name])]);
const nullable = number.nullable();

/** What the tally of a batch of `samples` may be; its examples lack their pixels. */
function tallySchema({ classes, budgets, points, attacks }: Counts, samples: number) {
  const some = count.max(samples);
  const confusion = z
    .array(count)
    .max(2 * samples)
    .transform((pairs, context): Confusion => {
      const counts: Confusion = new Map();
      for (let i = 0; i < pairs.length; i += 2) {
        const [place, n] = [pairs[i]!, pairs[i + 1] ?? 0];
        if (place >= classes * classes || n < 1 || n > samples) {
          context.addIssue({ code: "custom", message: `${place}, ${n} is no count of a sample` });
          return z.NEVER;
        }
        counts.set(place, n);
      }
      return counts;
    });
  const prediction = z
    .int()
    .min(-1)
    .max(classes - 1);
  const label = count.max(classes - 1);
  const examples = z
    .array(z.strictObject({ index: count, label, prediction, confidence: number }))
    .max(Math.min(samples, EXAMPLES));
  const point = z.strictObject({
    attacked: some,
    correct: some,
    fooled: some,
    confidence: number,
    largestDistance: number,
    confusion,
    examples,
  });
  const labels = z.exactOptional(z.array(some).length(classes - 1));
  const worst = z.strictObject({
    correct: some,
    labels,
    errors: some,
    notFooled: z.array(count).max(Math.min(samples, REMEMBERED)),
  });
  const attack = z.strictObject({
    attacked: some,
    fooled: z.array(some).length(budgets),
    forwards: count,
    gradients: count,
    seconds: number,
    distances: z.array(number).max(samples),
  });
  const record: z.ZodType<SampleRecord> = z.strictObject({
    index: count,
    label,
    prediction,
    margin: number,
    outcome: z.enum(["misclassified", "skipped", "fooled", "error", "not-fooled"]),
    epsilon: nullable,
    attack: z.string().nullable(),
    adversarialPrediction: prediction.nullable(),
    linf: nullable,
    l2: nullable,
    l1: nullable,
    l0: nullable,
    queries: count,
    forwards: count,
    gradients: count,
    seconds: number,
    source: z.string().nullable(),
    certifiedEpsilon: z.exactOptional(nullable),
    certifiedBy: z.exactOptional(z.string().nullable()),
    openReason: z.exactOptional(z.string().nullable()),
  });
  const certified = z.strictObject({
    proven: z.array(some).length(budgets),
    radius: number,
    methods: z
      .array(z.strictObject({ method: z.string(), tried: some, proven: some, fooled: some, seconds: number }))
      .max(METHODS),
    losses: z.exactOptional(
      z.strictObject({
        samples: some.min(1),
        margin: number,
        linear: number,
        rounding: number,
        bound: number,
        layers: z.array(z.strictObject({ op: z.string(), node: z.string().nullable(), loss: number })).max(LAYERS),
      }),
    ),
  });
  const unadapted = z.strictObject({ network: some, correct: z.array(some).length(budgets) });
  const linearity = z.strictObject({
    samples: some,
    points: z.array(z.strictObject({ predicted: number, predictedClipped: number, measured: number })).length(budgets),
    dimensions: z
      .array(z.strictObject({ dimensions: count, predicted: number, measured: number, random: number }))
      .max(1000),
  });
  return z.strictObject({
    total: z.literal(samples),
    correct: some,
    labels,
    confusion,
    cleanExamples: examples,
    points: z.array(point).length(points),
    worst: z.array(worst).length(budgets),
    certified: z.exactOptional(certified),
    unadapted: z.exactOptional(unadapted),
    attacks: z.array(attack).length(attacks),
    records: z.array(record).max(samples),
    linearity: linearity.nullable(),
    invalid: count,
    deadGradients: some,
    nanGradients: some,
    tinyGradients: some,
    unitScores: some,
    labelScores: some,
    forwards: count,
    gradients: count,
  }) satisfies z.ZodType<Omit<Tally, "cleanExamples" | "points">>;
}

/** What a line of a state holds: the pixels of an example, or a tally and the seconds of work up to it. */
export const lineSchema = (extent: Counts, samples: number) =>
  z.union([
    z.strictObject({ original: z.string(), adversarial: z.string() }),
    z.strictObject({ tally: tallySchema(extent, samples), seconds: z.number().min(0) }),
  ]);

export const layoutSchema = z.looseObject({ "perturb state": z.int().min(1) });

export const headingSchema = z.strictObject({
  "perturb state": z.int().min(1),
  began: z.iso.datetime(),
  words: z.array(z.string()).max(10_000).nullable(),
  facts: z.array(z.tuple([z.string(), z.string()])).max(10_000),
});

/** What a worker answers that cannot do a block. */
export const failureSchema = z.strictObject({
  error: z.strictObject({
    code: z.custom<ErrorCode>((value) => typeof value === "string"),
    message: z.string(),
    data: z.record(z.string(), z.unknown()),
    stack: z.exactOptional(z.string()),
  }),
});

/** What `perturb attack --shard` says of the part that it wrote. */
export const attackShardSchema = z.strictObject({
  "perturb attack": z.literal(1),
  shard: z.string(),
  samples: count.min(1),
  facts: z.array(z.tuple([z.string(), z.string()])).max(10_000),
  epsilons: z
    .array(z.strictObject({ epsilon: z.number(), correct: count, fooled: count, survived: count }))
    .min(1)
    .max(10_000),
  pictures: z.boolean(),
});
export type AttackShard = z.infer<typeof attackShardSchema>;

/** What is wrong, in lines. */
export const prettify = (error: z.ZodError): string => z.prettifyError(error);
