import type { HeadChoice, Pool } from "../../autodiff/reading.ts";
import { PerturbError } from "../../errors.ts";
import type { Perturbed } from "../../models/classifier/picture.ts";
import type { PictureSteps } from "../../models/preprocessing/preprocessing.ts";
import { complain } from "../output.ts";
import type { OpenedSubject } from "./opened.ts";

/** The options that name a model and its data, as far as one behind an address can follow them, or must not be given them. */
export interface EndpointGiven {
  readonly model: string;
  readonly data: string;
  readonly labels?: string | undefined;
  readonly classes?: string | undefined;
  readonly dataEps?: number | undefined;
  readonly shape?: readonly number[] | undefined;
  readonly inputName?: string | undefined;
  readonly outputName?: string | undefined;
  /** "Name: value", sent with each request. */
  readonly header?: readonly string[];
  /** Seconds that a request may take. */
  readonly timeout?: number | undefined;
  readonly retries?: number | undefined;
  readonly arch?: string | undefined;
  /** What --arch is then for. */
  readonly surrogate?: string | undefined;
  readonly mean?: readonly number[] | undefined;
  readonly std?: readonly number[] | undefined;
  readonly scale?: number | undefined;
  readonly channels?: string | undefined;
  readonly preprocess?: string | undefined;
  readonly resize?: PictureSteps["resize"];
  readonly crop?: PictureSteps["crop"];
  readonly interpolation?: PictureSteps["interpolation"];
  readonly antialias?: boolean | undefined;
  readonly perturb?: Perturbed | undefined;
  readonly feed?: readonly string[];
  readonly head?: HeadChoice | undefined;
  readonly pool?: Pool | undefined;
  readonly flip?: readonly number[] | undefined;
  readonly threshold?: number | undefined;
  readonly bounds?: readonly [number, number] | string | undefined;
  readonly epsUnit?: string | undefined;
  readonly device: string;
}

/** Opens a model that is offered under an address, then the data in its shape. @throws as `openEndpoint`; usage */
export async function openEndpointSubject(given: EndpointGiven): Promise<OpenedSubject> {
  const [{ openEndpoint }, { openDataset }] = await Promise.all([
    import("../../models/remote/endpoint.ts"),
    import("../../datasets/locate.node.ts"),
  ]);
  refuse(given);
  const model = await openEndpoint(given.model, {
    inputShape: given.shape,
    input: given.inputName,
    output: given.outputName,
    ...(given.head && given.head !== "auto" && { head: given.head }),
    ...(Array.isArray(given.bounds) && { bounds: { lower: given.bounds[0], upper: given.bounds[1] } }),
    headers: headersOf(given.header ?? []),
    ...(given.timeout !== undefined && { timeout: 1000 * given.timeout }),
    ...(given.retries !== undefined && { retries: given.retries }),
    onRetry: ({ what, wait }) =>
      complain(`The model did not answer: ${what}. Trying again in ${(wait / 1000).toFixed(1)} s.`),
  });
  const { resize, crop, interpolation, antialias } = given;
  const data = await openDataset(given.data, {
    ...(given.labels && { labels: given.labels }),
    ...(given.classes && { classFile: given.classes }),
    dataEpsilon: given.dataEps,
    shape: model.inputShape,
    preprocessing: { resize, crop, interpolation, ...(antialias === false && { antialias }) },
  });
  return { model: { ...model, release: async () => undefined }, data };
}

/** @throws usage for options that only a file can follow */
function refuse({
  arch,
  surrogate,
  mean,
  std,
  scale,
  channels,
  preprocess,
  bounds,
  epsUnit,
  perturb,
  feed = [],
  head,
  flip,
  pool,
  threshold,
  device,
}: EndpointGiven): void {
  const given = {
    "--arch": surrogate === undefined ? arch : undefined,
    "--mean": mean,
    "--std": std,
    "--scale": scale,
    "--channels": channels,
    "--preprocess": preprocess,
    "--bounds FILE": typeof bounds === "string" ? bounds : undefined,
    "--eps-unit": epsUnit === "range" ? epsUnit : undefined,
    "--perturb picture": perturb === "picture" ? perturb : undefined,
    "--feed": feed[0],
    "--flip": flip,
    "--pool": pool,
    "--threshold": threshold,
    "--device": device === "cpu" ? undefined : device,
  };
  if (head === "multi-label")
    throw new PerturbError(
      "usage",
      "--head multi-label is for a model in a file. An inference server has one class for each sample.",
    );
  const wrong = Object.entries(given).filter(([, value]) => value !== undefined);
  if (wrong.length > 0)
    throw new PerturbError(
      "usage",
      `${wrong.map(([name]) => name).join(", ")} cannot be used with an inference server, which runs the model as it is. Leave it out.`,
    );
}

/** The headers of "Name: value". @throws usage */
function headersOf(lines: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    lines.map((line) => {
      const at = line.indexOf(":");
      if (at <= 0) throw new PerturbError("usage", '--header takes "Name: value", such as "Authorization: Bearer …".');
      return [line.slice(0, at).trim(), line.slice(at + 1).trim()];
    }),
  );
}
