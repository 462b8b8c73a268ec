// A program that closes evaluations in threads while batches are under way, and waits until they are closed.
import { openEvaluation } from "perturb";
import { fgsm } from "perturb/attacks";
import { openDataset, openModel, threads } from "perturb/node";

const model = await openModel("lenet-mnist");
const data = await openDataset("mnist");
for (let left = 1; left <= 8; left++) {
  const options = { attacks: [fgsm], epsilons: [0.1], limit: 200, batch: 1, place: threads({ size: 2 }) };
  const open = await openEvaluation(model, data, options);
  for await (const { done } of open) if (done > left) break;
  await open.close();
}
process.stdout.write("closed");
