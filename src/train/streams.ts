/** What random draws are for: the stream of Philox that each purpose has to itself. Dropout takes one from `dropout` on for each site. */
export const STREAM = { parameters: 0, order: 1, dropout: 2 } as const;
