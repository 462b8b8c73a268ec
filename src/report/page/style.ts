import { cssVariables } from "../theme.ts";

/** How far a cell of a matrix is tinted at most; with more, its number would be hard to read. */
export const HEAT = 0.5;

/** The style of report.html: light or dark as the reader prefers, no font or file from elsewhere. */
export const STYLE = `
:root{color-scheme:light dark;${cssVariables("light")}}
@media (prefers-color-scheme:dark){:root{${cssVariables("dark")}}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--background);color:var(--ink);font:16px/1.6 system-ui,sans-serif;font-variant-numeric:tabular-nums}
main,footer{max-width:60rem;margin:0 auto;padding:0 1.5rem}
main{padding-top:3.5rem}
section{margin-top:3.5rem}
h1,h2,h3{line-height:1.25;text-wrap:balance;overflow-wrap:anywhere}
h1{font-size:2rem;letter-spacing:-.02em;margin:.25rem 0 .75rem}
h2{font-size:1.35rem;letter-spacing:-.01em;margin:0 0 1rem}
h3{font-size:1rem;margin:2rem 0 .75rem}
p{margin:0 0 1rem;max-width:42rem}
a{color:var(--link);text-underline-offset:.15em}
:focus-visible{outline:2px solid var(--link);outline-offset:3px;border-radius:4px}
code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:.875em}
pre{margin:0;padding:1rem 1.25rem;background:var(--surface);border-radius:10px;white-space:pre-wrap;overflow-wrap:anywhere}
figure{margin:0}
.small{color:var(--muted);font-size:.875rem}
.eyebrow{color:var(--muted);font-size:.875rem;margin:0}
.lede{font-size:1.125rem}
.steps{list-style:none;display:grid;grid-template-columns:repeat(auto-fit,minmax(6rem,1fr));gap:.75rem;margin:1.75rem 0 0;padding:0}
.steps li{background:var(--surface);border-radius:10px;padding:.75rem .875rem .875rem}
.steps b{display:block;font-size:1.25rem;letter-spacing:-.02em;line-height:1.4}
.bar{display:block;height:4px;border-radius:2px;margin-top:.5rem;background:linear-gradient(90deg,var(--series-1) calc(var(--v)*1%),var(--line) 0)}
.warnings{margin-top:2rem;padding:1.25rem 1.5rem;border-left:4px solid var(--warning-line);border-radius:4px 10px 10px 4px;background:var(--warning-surface)}
.warnings h2{font-size:1.1rem;margin-bottom:.5rem}
.warnings ul{margin:0;padding-left:1.1rem}
.warnings li+li{margin-top:.5rem}
.warnings code{display:block;color:var(--muted)}
.plot{margin:0 -16px 1.5rem;overflow-x:auto}
.plot svg{display:block;width:100%;min-width:34rem;height:auto}
.scroll{overflow-x:auto}
.scroll+.plot,.scroll+.scroll{margin-top:2.5rem}
table{border-collapse:collapse;font-size:.9375rem}
.wide{width:100%}
caption{text-align:left;color:var(--muted);font-size:.875rem;padding-bottom:.5rem}
th,td{padding:.45rem .75rem;text-align:right;white-space:nowrap;border-bottom:1px solid var(--line)}
thead th{color:var(--muted);font-weight:500;font-size:.875rem;vertical-align:bottom}
tbody th{font-weight:600}
th.text{text-align:left}
tr>:first-child{padding-left:0}
dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(14rem,1fr));gap:1rem 2rem;margin:0}
dl code{font-size:.8125rem}
dl div:has(code){grid-column:1/-1}
dt{color:var(--muted);font-size:.875rem}
dd{margin:0;overflow-wrap:anywhere}
.row{display:grid;grid-template-columns:repeat(5,minmax(0,7.5rem));gap:1.25rem}
.row img{display:block;width:100%;max-width:7rem;height:auto;border-radius:4px;background:var(--surface);box-shadow:0 0 0 1px var(--line)}
.pixelated{image-rendering:pixelated}
figcaption{margin-top:.4rem;font-size:.875rem;line-height:1.35}
figcaption span{display:block;color:var(--muted)}
details{border-bottom:1px solid var(--line)}
summary{padding:.7rem 0;cursor:pointer}
summary span{color:var(--muted);margin-left:.5rem}
details[open]{padding-bottom:1.5rem}
.matrix{font-size:.875rem;border-collapse:separate;border-spacing:2px}
.matrix th,.matrix td{border:0;padding:.3rem .5rem;min-width:2.75rem;border-radius:4px}
.matrix tr>:first-child{padding-left:.5rem}
.matrix td{background:color-mix(in srgb,var(--tint) calc(var(--h)*${HEAT}%),var(--background))}
.matrix .right{--tint:var(--right)}
.matrix .wrong{--tint:var(--wrong)}
.matrix .none{color:var(--muted);background:none}
footer{margin-top:4rem;padding-top:1.5rem;padding-bottom:3rem;color:var(--muted);font-size:.875rem}
@media (max-width:40rem){main{padding-top:2rem}.row{grid-template-columns:repeat(3,1fr)}}
@media print{details{break-inside:avoid}}
`;
