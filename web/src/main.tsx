import "open-props/sizes.min.css";
import "open-props/fonts.min.css";
import "open-props/borders.min.css";
import "open-props/easings.min.css";
import "palette.css";
import "./styles/base.css";
import "./styles/layout.css";
import { render } from "preact";
import { App } from "./app.tsx";
import { followAddress } from "./state/address.ts";
import { begin } from "./state/session.ts";

followAddress();
begin();
render(<App />, document.getElementById("page")!);
