import { Option } from "@commander-js/extra-typings";

/** Of commands that run a file. */
export const isolateOption = () =>
  new Option(
    "--no-isolate",
    "Run the model's file at once. Without this, a file that is not bundled runs once in a process of its own, so that a crash of ONNX Runtime is an error.",
  );
