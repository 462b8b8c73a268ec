declare module "mnist-test-images" {
  const url: string;
  export default url;
}
declare module "mnist-test-labels" {
  const url: string;
  export default url;
}
declare module "bundled:*" {
  const prepared: {
    readonly file: Omit<import("../../src/models/classifier/classifier.ts").ClassifierFile, "onnx" | "gradients">;
    readonly inspection: import("../../src/models/classifier/inspect.ts").Inspection;
    /** Addresses of the network, and of the gradient of its cross-entropy. */
    readonly onnx: string;
    readonly gradient: string;
    /** Address of the network's file as it is. */
    readonly given: string;
  };
  export default prepared;
}
declare module "palette.css";
