/** Whether a model is named by its address. */
export const isAddress = (model: string): boolean => /^https?:\/\//i.test(model);
