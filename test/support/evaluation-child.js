// A program that evaluates with the library, in threads, and keeps its work in a folder: prints the result as JSON.
import { evaluate } from "perturb";
import { pgd } from "perturb/attacks";
import { folderState, openDataset, openModel, threads } from "perturb/node";

const [weights, folder] = process.argv.slice(2);
const model = await openModel(weights, { arch: "lenet" });
const result = await evaluate(model, await openDataset("mnist"), {
  attacks: [pgd.with({ steps: 10 })],
  epsilons: [0.1, 0.2, 0.3],
  limit: 100,
  batch: 5,
  place: threads(),
  state: folderState(folder, { resume: true }),
});
await model.release();
process.stdout.write(
  JSON.stringify({ ...result, pictures: result.pictures.flat().map(({ adversarial }) => [...adversarial]) }),
);
