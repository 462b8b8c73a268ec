/** T.81, annex K, table K.1: the steps of luminance, by rows. */
const LUMINANCE = [
  16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51,
  87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101,
  72, 92, 95, 98, 112, 100, 103, 99,
];
/** Table K.2: those of chroma. */
const CHROMA = [
  17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99, 99, 99,
  99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
  99, 99, 99, 99, 99, 99,
];

/** A table at a quality from 1 to 100, as libjpeg scales it (jcparam.c, jpeg_quality_scaling). */
const scaled = (table: readonly number[], quality: number): number[] => {
  const percent = quality < 50 ? Math.floor(5000 / quality) : 200 - 2 * quality;
  return table.map((q) => Math.min(255, Math.max(1, Math.floor((q * percent + 50) / 100))));
};

/** The steps of the 64 frequencies, by rows. */
export const luminanceTable = (quality: number): number[] => scaled(LUMINANCE, quality);
export const chromaTable = (quality: number): number[] => scaled(CHROMA, quality);
