/** An error as it crosses the thread. */
export interface Failure {
  readonly code: string;
  readonly message: string;
}

/** What went wrong, of whatever was thrown. */
export const failureOf = (error: unknown): Failure => {
  const { code, message } = (error ?? {}) as Partial<Failure>;
  return { code: typeof code === "string" ? code : "internal", message: message ?? String(error) };
};
