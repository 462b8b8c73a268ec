/** Holds work back while it is closed. */
export function gate() {
  let open: Promise<void> = Promise.resolve();
  let release = (): void => undefined;
  let closedAt: number | undefined;
  let closedFor = 0;
  return {
    pass: () => open,
    set(closed: boolean): void {
      if (closed === (closedAt !== undefined)) return;
      if (closed) {
        closedAt = performance.now();
        open = new Promise((resolve) => {
          release = resolve;
        });
      } else {
        closedFor += performance.now() - closedAt!;
        closedAt = undefined;
        release();
      }
    },
    /** Milliseconds that it was closed. */
    held: () => closedFor + (closedAt === undefined ? 0 : performance.now() - closedAt),
  };
}
export type Gate = ReturnType<typeof gate>;
