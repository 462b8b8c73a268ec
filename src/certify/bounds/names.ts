/** What the ends of a value are called where they come in, and where they go out. */
export const known = (value: string): { lower: string; upper: string } => ({
  lower: `${value}/known/lower`,
  upper: `${value}/known/upper`,
});
/** What is chosen of a bound, and what a graph tells of these choices. */
export const chosen = (value: string): { share: string; push: string } => ({
  share: `${value}/share`,
  push: `${value}/push`,
});
export const advised = (value: string): { share: string; push: string; coefficient: string } => ({
  share: `${value}/share/gradient`,
  push: `${value}/push/gradient`,
  coefficient: `${value}/coefficient`,
});
export const found = (value: string): { lower: string; upper: string } => ({
  lower: `${value}/lower`,
  upper: `${value}/upper`,
});

/** What an input of the graph that has a row for each row of coefficients is called for each sample. */
export const ofSamples = (name: string): string => `${name}/samples`;
