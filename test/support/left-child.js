// A program that leaves an evaluation in threads after its first batch, without closing it.
import { openEvaluation } from "perturb";
import { fgsm } from "perturb/attacks";
import { openDataset, openModel, threads } from "perturb/node";

const options = { attacks: [fgsm], epsilons: [0.1], limit: 200, batch: 10, place: threads({ size: 2 }) };
for await (const _ of await openEvaluation(await openModel("lenet-mnist"), await openDataset("mnist"), options)) break;
