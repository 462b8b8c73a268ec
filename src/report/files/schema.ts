import { z } from "zod";
import { MOST_CONFUSED } from "../../classes.ts";
import type { Evaluation } from "../../evaluate.ts";
import { certification } from "./certification-schema.ts";
import { linearity } from "./linearity-schema.ts";
import { model } from "./model-schema.ts";

const name = z.string();
const count = z.int().min(0);
const fraction = z.number().min(0).max(1);
// In [0, 1] up to rounding: a softmax in float32 may give 1.0000001.
const probability = z.number();
const positive = z.number().min(0);
const norm = z
  .enum(["linf", "l2", "l1", "l0", "spatial"])
  .describe("The norm that ε is measured in; spatial: a share of the largest rotation and translation.");
const confusion = z.array(z.array(count));

const accuracy = {
  correct: count.describe("Samples that are correct; under attack, and not fooled."),
  total: count.describe("All samples, also the misclassified ones, which are not attacked."),
  accuracy: fraction.describe("correct / total"),
  ci95: z
    .tuple([probability, probability])
    .describe("Wilson score interval, 95%; where the report has `until`, that of a confidence sequence, 95%."),
};

const data = z.strictObject({
  name,
  offset: count.describe("Index in the data set of the first sample."),
  total: count.describe("Samples evaluated."),
  drawn: z
    .exactOptional(z.strictObject({ of: count, seed: z.int(), shuffled: z.exactOptional(z.literal(true)) }))
    .describe(
      "Where the samples were drawn: the size of the whole set, and the seed; samples.csv has their indices. Shuffled: from all alike, in random order; otherwise each class has its share.",
    ),
  classNames: z.exactOptional(z.array(z.string())),
});

const options = z.strictObject({
  attacks: z.array(z.string()),
  norm,
  epsilons: z.array(positive),
  epsilonUnit: z
    .exactOptional(z.enum(["input", "range"]))
    .describe(
      "What ε and distances are measured in: the units of the input, or shares of the range between the bounds of each element. Reports of before lack it.",
    ),
  target: count.nullable().describe("The class aimed at, or null when any other class will do."),
  batch: count,
  seed: z.int(),
  settings: z.array(z.string()).describe('Options of each attack that ran, such as "pgd.steps=40".'),
  eot: count.describe("How many times a model that uses random numbers is run; its gradients and logits are averaged."),
  levels: count.nullable().describe("Values that an element may take, or null when any will do."),
  maxQueries: count
    .nullable()
    .describe("Queries that each attack may make for a sample, or null when there is no limit."),
  surrogate: z.string().nullable().describe("The model that transfer attacks work on."),
});

const example = z.strictObject({
  index: count.describe("Index in the data set."),
  label: count,
  prediction: count.describe("After the attack."),
  confidence: probability.describe("Probability of the prediction."),
  source: z.exactOptional(z.string()).describe("The file that it comes from, where the data has one for each sample."),
});

const certifiedAccuracy = z.exactOptional(z.strictObject(accuracy));

const point = z.strictObject({
  attack: name,
  norm,
  epsilon: positive,
  ...accuracy,
  attacked: count.describe("Samples attacked: those that are correct, and not already of the target's class."),
  fooled: count.describe("Attacked samples that reached the goal."),
  fooledConfidence: probability
    .nullable()
    .describe("Mean probability of the prediction over the fooled samples; null when there are none."),
  largestDistance: positive.describe("Largest distance, in the norm, of any candidate judged: the check that ε held."),
  confusion: confusion.describe(
    "[label][prediction] counts over all samples, after the attack; empty beyond 1,000 classes.",
  ),
  examples: z.array(example).max(5).describe("The first adversarial examples found."),
  certified: certifiedAccuracy.describe(
    "Where the run certifies: samples that are correct and proven to stay so at this ε, whatever the attack.",
  ),
});

const label = z.strictObject({
  label: count.describe("Its number in the model's output, from 0."),
  clean: z.strictObject(accuracy),
  worst: z
    .array(z.strictObject({ epsilon: positive, ...accuracy }))
    .describe(
      "At each ε, on the adversarial example of a sample that was fooled, and on the clean sample of one that was not.",
    ),
});

const worst = z.strictObject({
  epsilon: positive,
  ...accuracy,
  errors: count.describe("Samples for which the model's logits held NaN: they count neither as correct nor as fooled."),
  certified: certifiedAccuracy.describe(
    "Where the run certifies: samples that are correct and proven to stay so. What lies between the two accuracies is open.",
  ),
});

const defence = z.strictObject({
  names: z.array(z.string()).describe('In the order in which samples meet them, such as "jpeg:75".'),
  undefended: z.strictObject(accuracy).describe("Clean accuracy of the network without its defences."),
  unadapted: z
    .array(z.strictObject({ epsilon: positive, ...accuracy }))
    .describe(
      "At each ε, the samples that are correct and not fooled by the same attacks when these see the network without its defences.",
    ),
});

const ending = z.strictObject({
  asked: fraction.describe("Half the length of an interval, as a share, that was asked for."),
  reached: fraction.describe("That of the longest interval of the model's accuracies in the end."),
  available: count.describe("Samples that there were to draw."),
});

const gate = z.strictObject({
  epsilon: positive,
  atLeast: fraction.describe("The accuracy asked for."),
  accuracy: fraction.describe("The accuracy found."),
  met: z.boolean(),
  certified: z.exactOptional(z.literal(true)).describe("Where it is the certified accuracy, not the robust one."),
});

const attack = z.strictObject({
  attack: name,
  of: z.string().describe("The attack that was asked for: itself, or the ensemble that it is a member of."),
  attacked: count.describe("Samples that it attacked."),
  fooled: z.array(count).describe("Samples that it was the first to fool, for each ε that was the least to do so."),
  forwards: count,
  gradients: count,
  seconds: positive,
  distances: z
    .array(z.strictObject({ quantile: fraction, distance: positive.nullable() }))
    .nullable()
    .describe(
      "Attacks that look for the least change: the distances at which they fooled samples; null where none was found.",
    ),
});

const warning = z.strictObject({ code: z.string(), message: z.string() });

const cost = z.strictObject({ seconds: positive, forwards: count, gradients: count, samplesPerSecond: positive });

/** What a report.json holds: an `Evaluation`. */
export const evaluationSchema = z
  .strictObject({
    schema: z.literal(2).describe("Version of this layout."),
    tool: z.strictObject({ name: z.literal("perturb"), version: z.string() }),
    date: z.string().describe("When the evaluation began, ISO 8601."),
    model,
    data,
    options,
    runtime: z.strictObject({ name, device: z.string() }),
    clean: z.strictObject({
      ...accuracy,
      confusion: confusion.describe("[label][prediction] counts, without attack; empty beyond 1,000 classes."),
    }),
    labels: z
      .exactOptional(z.array(label))
      .describe("Of a multi-label model: each label of which a flip counts, with the samples on which it is right."),
    surrogate: z
      .exactOptional(z.strictObject(accuracy))
      .describe("Of the surrogate on the same samples, where an attack works on one."),
    worst: z
      .array(worst)
      .describe("Robust accuracy at each ε: the samples that are correct and that no attack of the run fooled."),
    certified: z.exactOptional(certification).describe("Where the run certifies: how."),
    defence: z
      .exactOptional(defence)
      .describe("Of a model with defences in front of its network: the accuracy that they claim."),
    until: z
      .exactOptional(ending)
      .describe(
        "Of a run that ends by itself: how far it came. The intervals are then those of a confidence sequence.",
      ),
    gates: z.array(gate).describe("The accuracies that were asked for, and whether they were met."),
    points: z
      .array(point)
      .describe(
        "One for each attack and ε, in order: the samples that are still not fooled after this attack and the ones before it.",
      ),
    attacks: z.array(attack).describe("What each attack did, an ensemble's members one by one, in order."),
    linearity: linearity.nullable().describe("How far the first-order view of the loss holds: mean rises of the loss."),
    warnings: z.array(warning).describe("What casts doubt on the numbers, each with its own number and what to do."),
    cost,
  })
  .superRefine(({ clean, points, model }, context) => {
    const square = (counts: readonly (readonly number[])[]) =>
      counts.length === (model.classes > MOST_CONFUSED ? 0 : model.classes) &&
      counts.every((row) => row.length === model.classes);
    for (const [path, result] of [["clean", clean] as const, ...points.map((p, i) => [`points.${i}`, p] as const)]) {
      if (result.correct > result.total)
        context.addIssue({ code: "custom", path: [path, "correct"], message: `${result.correct} of ${result.total}` });
      if (!square(result.confusion))
        context.addIssue({
          code: "custom",
          path: [path, "confusion"],
          message: `not ${model.classes} by ${model.classes}`,
        });
    }
  });

/** The JSON Schema (draft 2020-12) of report.json. */
export function reportJsonSchema(): z.core.JSONSchema.BaseSchema {
  const { $schema, ...schema } = z.toJSONSchema(evaluationSchema, {
    target: "draft-2020-12",
    override: ({ jsonSchema }) => {
      // zod bounds every integer by what a double holds exactly; that says nothing about the report.
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
    },
  });
  return {
    ...($schema !== undefined && { $schema }),
    $id: "urn:perturb:report:2",
    title: "perturb report",
    description: "The adversarial robustness of a classifier, as `perturb evaluate` measured it: report.json.",
    ...schema,
  };
}

/** The same type, writable and flat, so that two ways to declare it compare equal. */
type Plain<T> = T extends object ? { -readonly [K in keyof T]: Plain<T[K]> } : T;
type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

// Does not compile when the schema and the interface differ.
true satisfies Equal<Plain<z.infer<typeof evaluationSchema>>, Plain<Evaluation>>;
