import { Panel } from "../components/panel.tsx";

export function WhyPanel() {
  return <Panel title="Why it works">{null}</Panel>;
}
