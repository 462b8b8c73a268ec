import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { floats, numbers, open, smallNetwork, using } from "../../../test/support/models.ts";
import { redisNote, startRedis } from "../../../test/support/redis.ts";
import { attacks } from "../../attacks/index.ts";
import { planOf } from "../course/plan.ts";
import { queue } from "./queue.node.ts";

const SHAPE = [1, 4, 4];
const note = redisNote();

it.skipIf(note !== "")(
  `leaves no block in a queue that it leaves, also one that is just put there${note}`,
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "perturb-coordinator-"));
    const redis = await startRedis(folder, "word");
    try {
      await using(open(smallNetwork(SHAPE, 3)), async (model) => {
        const plan = planOf({ attacks: [attacks.fgsm], epsilons: [0.1] }, model);
        for (const commands of [0, 1, 2, 3, 4, 5, 6, 8, 12]) {
          const evaluator = await queue(redis.url).start({ model, plan });
          const batches = [0, 1, 2, 3].map((i) => ({
            indices: Int32Array.of(i),
            x: floats([1, ...SHAPE], numbers(16, i, 0, 1)),
            labels: Int32Array.of(0),
          }));
          const answers = batches.map((batch) =>
            expect(evaluator.run(batch)).rejects.toMatchObject({ code: "cancelled" }),
          );
          // As far as that many answers of the store bring it.
          for (let i = 0; i < commands; i++) await redis.client.ping();
          await evaluator.close();
          await Promise.all(answers);
          expect([commands, await redis.client.keys("bull:*:wait")]).toEqual([commands, []]);
          expect((await redis.client.keys("perturb:blob:*")).length).toBe(1);
        }
      });
    } finally {
      await redis.close();
      rmSync(folder, { recursive: true });
    }
  },
);
