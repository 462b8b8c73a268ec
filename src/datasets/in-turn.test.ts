import { expect, it } from "vitest";
import { inTurn } from "./in-turn.ts";

/** How many of these images are worked on at a time, at most. */
async function mostAtATime(images: readonly number[]): Promise<number> {
  let [now, most] = [0, 0];
  const work = async (): Promise<void> => {
    most = Math.max(most, ++now);
    await new Promise((resolve) => setTimeout(resolve, 1));
    now--;
  };
  await Promise.all(images.map((pixels) => inTurn(pixels, work)));
  return most;
}

it("huge images are decoded one at a time, small ones side by side", async () => {
  expect(await mostAtATime(Array<number>(8).fill(2 ** 26))).toBe(1);
  expect(await mostAtATime(Array<number>(8).fill(2 ** 23))).toBe(2);
  expect(await mostAtATime(Array<number>(8).fill(224 ** 2))).toBe(8);
});

it("an image that fails makes room for the next", async () => {
  const failing = inTurn(2 ** 26, () => Promise.reject(new Error("damaged")));
  const next = inTurn(2 ** 26, async () => "decoded");
  await expect(failing).rejects.toThrow("damaged");
  expect(await next).toBe("decoded");
});
