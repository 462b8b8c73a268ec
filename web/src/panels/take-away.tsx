import { Panel } from "../components/panel.tsx";

export function TakeAwayPanel() {
  return <Panel title="Take it away">{null}</Panel>;
}
