/** Models that come with the package, by name: a file in models/, and what it is. */
export const bundledModels = {
  "lenet-mnist": {
    file: "lenet-mnist.onnx",
    description: "LeNet trained on MNIST by `perturb train --arch lenet --data mnist`",
  },
  "conv-mnist-robust": {
    file: "conv-mnist-robust.onnx",
    description:
      "Convolutional network for MNIST, adversarially trained against L∞ at 0.3 (tools/torch-reference/robust_mnist.py)",
  },
} as const;
export type BundledModel = keyof typeof bundledModels;

export const isBundled = (name: string): name is BundledModel => Object.hasOwn(bundledModels, name);
