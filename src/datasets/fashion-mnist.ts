import { defineDataset } from "./known.ts";

const place = { in: "system", folder: "fashion-mnist", install: "apt-get install dataset-fashion-mnist" } as const;

/** Articles of clothing (Xiao, Rasul, Vollgraf 2017, https://arxiv.org/abs/1708.07747), in the layout of MNIST. */
export const fashionMnist = defineDataset({
  name: "fashion-mnist",
  classNames: [
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
  ],
  splits: {
    test: {
      images: {
        file: "t10k-images-idx3-ubyte",
        sha256: "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
      },
      labels: {
        file: "t10k-labels-idx1-ubyte",
        sha256: "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
      },
    },
    train: {
      images: {
        file: "train-images-idx3-ubyte",
        sha256: "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
      },
      labels: {
        file: "train-labels-idx1-ubyte",
        sha256: "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
      },
    },
  },
  source: "https://github.com/zalandoresearch/fashion-mnist",
  licence: "MIT",
  places: { test: place, train: place },
});
