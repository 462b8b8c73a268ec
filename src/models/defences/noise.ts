import type { Defence } from "../defence.ts";
import { drawn } from "./draws.ts";

/** Normal noise added to every value, anew in each run, as randomized smoothing does with many draws (Cohen et al. 2019). */
export const noise: Defence = {
  name: "noise",
  title: "normal noise",
  paper: "https://arxiv.org/abs/1902.02918",
  number: {
    about: "its standard deviation, in pixels from 0 to 1",
    byDefault: 0.1,
    least: 0.001,
    most: 1,
    isReal: true,
  },
  isOfPictures: false,
  isRandom: true,
  apply: ({ b, x }, sigma) => b.plus(x, b.mul(drawn(b, "normal", x), b.scalar(sigma, x))),
};
