import imagesUrl from "mnist-test-images";
import labelsUrl from "mnist-test-labels";
import { bytesSource, type Dataset } from "../../../src/dataset.ts";
import { openKnown } from "../../../src/datasets/known.ts";
import { mnist } from "../../../src/datasets/mnist.ts";
import { PerturbError } from "../../../src/errors.ts";
import type { DataInfo } from "../engine.ts";
import { fetched } from "./bytes.ts";

/** The MNIST test set, its bytes verified, from the page's own folder. */
export async function openMnist(): Promise<Dataset> {
  const urls: Readonly<Record<string, string>> = {
    [`${mnist.splits.test.images.file}.gz`]: imagesUrl,
    [`${mnist.splits.test.labels.file}.gz`]: labelsUrl,
  };
  return openKnown(mnist, "test", async (name) => {
    const url = urls[name];
    if (url === undefined) throw new PerturbError("not-found", `The page has no file ${name}.`);
    return bytesSource(name, await fetched(url));
  });
}

export const dataInfoOf = ({ name, size, shape, classes, classNames }: Dataset): DataInfo => ({
  name,
  size,
  shape,
  classes,
  classNames: classNames ?? null,
});
