/** The entry of a table under a name from a file, which may be one that every object has: "constructor", "__proto__". */
export const own = <T>(table: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.hasOwn(table, name) ? table[name] : undefined;
