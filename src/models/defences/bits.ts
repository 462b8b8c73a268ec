import { type Defence, stepping } from "../defence.ts";

/** Fewer bits a value (Xu, Evans and Qi 2018, §III-A): to the nearest of 2^bits evenly spaced values from 0 to 1. */
export const bits: Defence = {
  name: "bits",
  title: "bit depth reduction",
  paper: "https://arxiv.org/abs/1704.01155",
  number: { about: "how many bits a value keeps, from 1 to 8", byDefault: 4, least: 1, most: 8 },
  isOfPictures: false,
  isRandom: false,
  apply: ({ b, x }, depth) => {
    const steps = b.scalar(2 ** depth - 1, x);
    const rounded = stepping(b, "Round", [b.mul(x, steps)]);
    return b.div(stepping(b, "Clip", [rounded, b.scalar(0, x), steps]), steps);
  },
};
