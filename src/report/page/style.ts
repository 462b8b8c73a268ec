import { cssVariables } from "../theme.ts";

/** How far a cell of a matrix is tinted at most; with more, its number would be hard to read. */
export const HEAT = 0.5;

/** The style of report.html: light or dark as the reader prefers, no font or file from elsewhere. */
export const STYLE = `
:root{color-scheme:light dark;${cssVariables("light")}}
@media (prefers-color-scheme:dark){:root{${cssVariables("dark")}}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--background);color:var(--ink);font:1rem/1.6 system-ui,sans-serif;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
main,footer{max-width:80rem;margin:0 auto;padding:0 clamp(1rem,3vw,1.5rem)}
main{padding-top:3.5rem}
section{margin-top:3.5rem}
h1,h2,h3{line-height:1.25;text-wrap:balance}
h1{font-size:2rem;letter-spacing:-.02em;margin:.25rem 0 .75rem}
h2{font-size:1.35rem;letter-spacing:-.01em;margin:0 0 1rem}
h3{font-size:1rem;margin:2rem 0 .75rem}
p{margin:0 0 1rem;max-width:42rem}
a{color:var(--link);text-underline-offset:.15em}
:focus-visible{outline:2px solid var(--link);outline-offset:3px;border-radius:4px}
code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:.875em}
pre{margin:0;padding:1rem 1.25rem;background:var(--surface);border-radius:10px;white-space:pre-wrap}
figure{margin:0}
.small{color:var(--muted);font-size:.875rem}
.eyebrow{color:var(--muted);font-size:.875rem;margin:0}
.lede{font-size:1.125rem}
.hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.gate{display:table;margin:0 0 .75rem;padding:.3rem .75rem .3rem .3rem;border-radius:8px;border:1px solid var(--tint);background:color-mix(in srgb,var(--tint) 14%,transparent)}
.gate b{display:inline-block;margin-right:.35rem;padding:0 .5rem;border-radius:5px;background:color-mix(in srgb,var(--tint) 45%,transparent);letter-spacing:.03em}
.met{--tint:var(--right)}
.unmet{--tint:var(--wrong)}
.steps{list-style:none;max-width:72rem;display:grid;grid-template-columns:repeat(auto-fit,minmax(6.25rem,1fr));gap:.75rem;margin:1.75rem 0 0;padding:0}
.steps li{background:var(--surface);border-radius:10px;padding:.75rem .875rem .875rem}
.steps b{display:block;white-space:nowrap;font-size:1.25rem;letter-spacing:-.02em;line-height:1.4}
.bar{display:block;height:4px;border-radius:2px;margin-top:.5rem;background:linear-gradient(90deg,var(--series-1) calc(var(--v)*1%),var(--line) 0)}
.warnings{margin-top:2rem;padding:1.25rem 1.5rem;border-left:4px solid var(--warning-line);border-radius:4px 10px 10px 4px;background:var(--warning-surface)}
.warnings h2{font-size:1.1rem;margin-bottom:.5rem}
.warnings ul{margin:0;padding-left:1.1rem}
.warnings li+li{margin-top:.5rem}
.warnings code{display:block;color:var(--muted)}
.plot{margin:0 0 1.5rem;max-width:52rem}
.plot svg{display:block;width:100%;height:auto}
.plot-narrow{display:none;max-width:26rem}
.beside+.beside,.table+.table{margin-top:2.5rem}
.scroll{overflow-x:auto;--shadow:color-mix(in srgb,var(--ink) 32%,transparent);background:linear-gradient(90deg,var(--background) 40%,transparent) left/2.5rem 100% no-repeat local,linear-gradient(270deg,var(--background) 40%,transparent) right/2.5rem 100% no-repeat local,linear-gradient(90deg,var(--shadow),transparent) left/1rem 100% no-repeat scroll,linear-gradient(270deg,var(--shadow),transparent) right/1rem 100% no-repeat scroll}
table{border-collapse:collapse;font-size:.9375rem}
.wide{width:100%}
.caption{color:var(--muted);font-size:.875rem;margin:0 0 .5rem;max-width:none}
th,td{padding:.45rem .75rem;text-align:right;white-space:nowrap;border-bottom:1px solid var(--line)}
thead th{color:var(--muted);font-weight:500;font-size:.875rem;vertical-align:bottom}
tbody th{font-weight:600}
th.text{text-align:left}
tr>:first-child{padding-left:0}
tr>:last-child{padding-right:0}
dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,14rem),1fr));gap:1rem 2rem;margin:0}
dl code{font-size:.8125rem}
dl div:has(code){grid-column:1/-1}
dt{color:var(--muted);font-size:.875rem}
dd{margin:0}
.settings{display:flex;flex-wrap:wrap;gap:.25rem .5rem;list-style:none;margin:.25rem 0 .5rem;padding:0}
.settings code{padding:.1rem .4rem;border-radius:5px;background:var(--surface)}
.examples{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,36rem),1fr));gap:0 2.5rem}
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
.matrix tr>:is(:first-child,:last-child){padding-inline:.5rem}
.matrix td{background:color-mix(in srgb,var(--tint) calc(var(--h)*${HEAT}%),transparent)}
.matrix .right{--tint:var(--right)}
.matrix .wrong{--tint:var(--wrong)}
.matrix .none{color:var(--muted);background:none}
footer{margin-top:4rem;padding-top:1.5rem;padding-bottom:3rem;color:var(--muted);font-size:.875rem}
@media (max-width:40rem){main{padding-top:2rem}.steps{grid-template-columns:repeat(auto-fit,minmax(7rem,1fr))}.row{grid-template-columns:repeat(3,1fr)}.plot-wide{display:none}.plot-narrow{display:block}}
@media (min-width:110rem){main,footer{max-width:120rem}.beside{display:grid;grid-template-columns:minmax(0,5fr) minmax(0,7fr);gap:0 3rem;align-items:start}}
@media (min-width:150rem){html{font-size:1.25rem}}
@media print{details{break-inside:avoid}}
`;
