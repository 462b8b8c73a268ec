import "open-props/sizes.min.css";
import "open-props/fonts.min.css";
import "open-props/borders.min.css";
import "./styles/controls.css";
import "./report.css";
import { render } from "preact";
import { rowsOf } from "../../src/report/files/sample-table.ts";
import { formatCount } from "../../src/report/format.ts";
import type { ReportData } from "../../src/report/page/data.ts";
import { attachTooltips } from "./components/plot-tooltips.ts";
import { SamplesTable } from "./components/samples-table.tsx";
import { zoomInto } from "./report-zoom.tsx";

const data = JSON.parse(document.getElementById("report-data")!.textContent!) as ReportData;

const place = document.getElementById("samples");
if (place && data.samples) {
  const rows = rowsOf(data.samples);
  const { total } = data.samples;
  render(
    <>
      {rows.length < total ? (
        <p>
          This table holds the first {formatCount(rows.length)} of {formatCount(total)} samples.
        </p>
      ) : null}
      <SamplesTable rows={rows} classNames={data.classNames} />
    </>,
    place,
  );
}

zoomInto(document.querySelectorAll<HTMLElement>("figure.example"), data);

for (const host of document.querySelectorAll<HTMLElement>("figure.plot")) {
  const svg = host.querySelector("svg");
  if (svg) attachTooltips(svg, host);
}
