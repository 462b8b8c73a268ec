import { Command } from "@commander-js/extra-typings";
import { helpText, prose } from "../output.ts";
import { options } from "./definitions.ts";
import { type Given, queueOption, reportOption, resumeOption, shardOption, untilOption } from "./evaluate-options.ts";
import { group, only, withGroups } from "./group.ts";
import {
  attackOptions,
  dataOptions,
  endpointOptions,
  graphOptions,
  modelOptions,
  outputOptions,
  pictureOptions,
  runOptions,
} from "./groups.ts";
import { smoothingOptions } from "./smoothing-definitions.ts";

const certificateOptions = () =>
  group("Certificates")
    .addOption(options.largest())
    .addOption(options.splits())
    .addOption(options.certificates())
    .addOption(options.check());

/** `perturb certify`, without what it does: also for reading the options of a run that goes on. */
export const certifyOptions = () =>
  withGroups(
    new Command("certify")
      .description(
        prose(`Measures the certified accuracy of a classifier: the share of all samples that are correct, and proven to stay so for every
change of at most ε. Bounds of the network prove (interval bounds, CROWN-IBP, CROWN, α-CROWN, and with --splits branch and bound, each
on what the one before left open), and an attack tries the rest: so the true accuracy under attack lies between certified and robust accuracy. Each sample gets its
largest certified ε, beside the smallest one at which an attack fooled it.

A proof holds for every float32 input in the ball, as ONNX Runtime's CPU kernels compute the file in float32. Norms: linf, l2, l1, and l0,
whose ε counts pixels; each ball is cut by the bounds of the input. α-CROWN, --splits and --certificates are of linf alone, and pgd
has no l0: give --attack one that has.

With --smoothing, the smoothed classifier is certified instead (Cohen et al. 2019): any model, also one behind an address, in L2,
with probability 1 - α for each sample. This says nothing of the model without noise.`),
      )
      .addHelpText("after", () =>
        helpText(`
Attacks try what no cheap bound proved, and CROWN what they did not fool. pgd has 5 restarts here, unless --set pgd.restarts says
otherwise. --fail-under is about certified accuracy. samples.csv in the folder of the report has the largest certified ε of each
sample, and why the next ε is open.

Examples:
  perturb certify --limit 20 --eps 0.01                      LeNet on 20 digits of the MNIST test set
  perturb certify --model net.onnx --data images/ --eps 1/255,2/255 --limit 100
  perturb certify --model net.onnx --data test.npz --eps 8/255 --fail-under 60%@8/255 --no-largest
  perturb certify --model net.onnx --data test.npz --attack autoattack --eps 8/255
  perturb certify --model net.onnx --data test.npz --eps 0.1 --splits 1000
  perturb certify --smoothing 0.25 --n 10000 --limit 100     radii in L2, of the smoothed classifier
  perturb certify --smoothing 0.5 --model http://localhost:8000/v2/models/net --data test.npz
  perturb certify --resume runs/net                          after Ctrl-C, a power cut, a full disk
  perturb certify --model net.onnx --data test.npz --eps 8/255 --certificates proofs.jsonl
  perturb certify --model net.onnx --check proofs.jsonl      exit code 0 if every certificate holds, 1 if one does not
  perturb evaluate --model net.onnx --data images/ --certify   proofs in a report of any attacks`),
      ),
    modelOptions(),
    graphOptions(),
    endpointOptions(),
    dataOptions(),
    pictureOptions(),
    only(attackOptions({ attack: "pgd" }), "attack", "set", "norm", "eps", "epsUnit", "maxQueries"),
    certificateOptions(),
    smoothingOptions(),
    runOptions(),
    untilOption(),
    resumeOption(),
    shardOption(),
    queueOption(),
    reportOption(),
    outputOptions({ failUnder: "certified" }),
  );

export type CertifyGiven = ReturnType<ReturnType<typeof certifyOptions>["opts"]>;

/** More than an attack has by itself: what is left open is worth a longer search. */
const RESTARTS = "pgd.restarts=5";

/** What the options of certify mean for an evaluation. */
export const asEvaluation = (given: CertifyGiven): Given & Pick<CertifyGiven, "certificates"> => ({
  ...given,
  set: given.attack.includes("pgd") ? [RESTARTS, ...given.set] : given.set,
  certify: true,
  perturb: "input",
  eot: 1,
});
