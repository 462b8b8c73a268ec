import type { Plugin } from "vite";
import { cssVariables } from "../src/report/theme.ts";

const ID = "\0palette.css";

/** The colours of the report, as CSS custom properties: `import "palette.css"`. */
export const palette = (): Plugin => ({
  name: "palette",
  resolveId: (id) => (id === "palette.css" ? ID : null),
  load: (id) =>
    id === ID
      ? `:root{color-scheme:light dark;${cssVariables("light")}}@media (prefers-color-scheme:dark){:root{${cssVariables("dark")}}}`
      : null,
});
