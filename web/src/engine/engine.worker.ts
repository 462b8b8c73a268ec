import { expose } from "comlink";
import { createEngine } from "./create.ts";

expose(createEngine());
