// The same tries in every run, so that no change is refused for what it did not do: PERTURB_FUZZ_SEED=N looks elsewhere.
import fc from "fast-check";

fc.configureGlobal({ seed: Number(process.env["PERTURB_FUZZ_SEED"] ?? 1) });
