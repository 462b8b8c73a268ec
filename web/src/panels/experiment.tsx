import { Panel } from "../components/panel.tsx";

export function ExperimentPanel() {
  return <Panel title="The experiment">{null}</Panel>;
}
