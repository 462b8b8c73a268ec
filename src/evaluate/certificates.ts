import { type BoundsOf, openBounds } from "../certify/bounds/bounds.ts";
import { branchedCertificate } from "../certify/certificate/branched.ts";
import type { Certificate, Heading } from "../certify/certificate/certificate.ts";
import { certificateLine, headingLine } from "../certify/certificate/format.ts";
import type { Layers } from "../certify/certificate/layers.ts";
import { readLayers } from "../certify/certificate/read.ts";
import { writeCertificate } from "../certify/certificate/write.ts";
import { certifiableGraph, requireCertifiable } from "../certify/proving/certifiable.ts";
import { boxOf, leastMargin } from "../certify/proving/prover.ts";
import type { Dataset } from "../dataset.ts";
import { PerturbError } from "../errors.ts";
import type { Model } from "../model.ts";
import type { ClassifierFile } from "../models/classifier/classifier.ts";
import type { GraphModel } from "../models/classifier/graph-model.ts";
import type { NormName } from "../norm.ts";
import { option } from "../option.ts";
import { sha256 } from "../sha256.ts";
import type { SampleRecord } from "./results/record.ts";
import { fitting } from "./units.ts";

/** A model that certificates are about, as their checker reads it. */
export interface CertifiedModel {
  readonly model: GraphModel;
  readonly heading: Heading;
  readonly network: Layers;
  /** What every margin has to be above. */
  readonly above: number;
}

/** A model as it was opened, for certificates. @throws unsupported for one that they cannot be about, or of which nothing can be proven */
export async function certifiedModel(
  opened: Model,
  asked: { readonly norm: NormName; readonly target: number | null },
): Promise<CertifiedModel> {
  const model = requireCertifiable(opened, asked);
  if (asked.norm !== "linf")
    throw new PerturbError(
      "unsupported",
      `Certificates are about boxes, which are balls of linf, and not about ${asked.norm}. Leave them out, or certify with ${option("norm", "linf")}.`,
    );
  const network = readLayers(certifiableGraph(model));
  return { model, network, heading: await headingOf(model.file), above: leastMargin(model) };
}

async function headingOf({ onnx, sha256: own, inputShape, classes }: ClassifierFile): Promise<Heading> {
  const classifier = await sha256(onnx);
  return { model: own ?? classifier, classifier, shape: inputShape, classes };
}

/** The largest ε of each sample that is proven, by the sample's index. */
export const provenOf = (records: readonly SampleRecord[]): Proven[] =>
  records.flatMap(({ index, certifiedEpsilon }) => (certifiedEpsilon ? [{ index, epsilon: certifiedEpsilon }] : []));

export interface Proven {
  readonly index: number;
  readonly epsilon: number;
}

/** What is proven, and how far a certificate of it is looked for. */
export interface CertificatesAsked {
  readonly proven: readonly Proven[];
  /** Where there is no certificate at what is proven, the largest of these that has one. */
  readonly epsilons: readonly number[];
  /** Parts that the box of a sample may be split into. */
  readonly splits?: number | undefined;
}

/**
 * The lines of a file of certificates: its heading, then one for each sample, at the largest ε that is proven of it, or else the largest of
 * `epsilons` below at which there is a certificate; undefined where there is none at any. @throws whatever the data throw; runtime
 */
export async function* certificateLines(
  certified: CertifiedModel,
  given: Dataset,
  { proven, epsilons, splits = 0 }: CertificatesAsked,
): AsyncGenerator<string | undefined> {
  const { model, network, heading, above } = certified;
  yield headingLine(heading);
  const { data } = fitting(given, model);
  const most = splits + network.classes - 1;
  // Only for what one pass of lines does not prove.
  let bounds: Promise<BoundsOf> | undefined;
  try {
    for (const { index, epsilon } of proven) {
      const tried = [epsilon, ...epsilons.filter((other) => other < epsilon).sort((a, b) => b - a)];
      for await (const { x, labels } of data.batches({ batch: 1, offset: index, limit: 1 })) {
        let certificate: Certificate | undefined;
        for (const at of tried) {
          const { lower, upper } = boxOf(x, [at], model);
          const ends = { lower: lower.data as Float32Array, upper: upper.data as Float32Array };
          const question = { sample: index, label: labels[0]!, ...ends };
          certificate = writeCertificate(network, question, above);
          if (!certificate) {
            bounds ??= boundsOf(model);
            const centre = x.data as Float32Array;
            certificate = await branchedCertificate(network, await bounds, question, { above, most, centre });
          }
          if (certificate) break;
        }
        yield certificate && certificateLine(certificate);
      }
    }
  } finally {
    await (await bounds)?.release();
  }
}

function boundsOf(model: GraphModel): Promise<BoundsOf> {
  const { name, device } = model.runtime;
  const load = (bytes: Uint8Array) => model.runtime.load(bytes, model.file.folder);
  return openBounds(certifiableGraph(model), { name, device, load });
}
