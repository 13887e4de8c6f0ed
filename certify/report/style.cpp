// How pages look: one column, system fonts, light and dark, narrow screens and paper. Contrast of text is at least 4.5 to 1 in both
// schemes.
#include "certify/report/page.hpp"

namespace lipcert::report {

const char* const style_sheet = R"(
:root{--paper:#f6f7f9;--card:#fff;--ink:#1b2230;--soft:#566176;--line:#dde2ea;--accent:#23539b;--accent-soft:#dfe9f8;--good:#12693f;--good-soft:#e6f4ec;--warn:#8a5300;--warn-soft:#fdf3df;--bad:#b0202e;--bad-soft:#fdeaec;--attack:#b0541b}
@media (prefers-color-scheme:dark){:root{--paper:#12161d;--card:#1a2029;--ink:#e5e9f0;--soft:#a3aec0;--line:#313a48;--accent:#8fb8f5;--accent-soft:#22344f;--good:#7fd6a8;--good-soft:#163326;--warn:#f0c071;--warn-soft:#38290f;--bad:#ff9aa4;--bad-soft:#40191e;--attack:#f0a271}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.6 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;overflow-wrap:anywhere}
main{max-width:60rem;margin:0 auto;padding:2.5rem 1.25rem 1rem}
footer{max-width:60rem;margin:0 auto;padding:0 1.25rem 2.5rem;color:var(--soft);font-size:.875rem}
header{margin-bottom:1.5rem}
.kicker{margin:0;color:var(--soft);font-size:.875rem;letter-spacing:.02em}
h1{margin:.1rem 0 .2rem;font-size:2rem;line-height:1.2;font-weight:650;letter-spacing:-.01em}
.digest{margin:0;color:var(--soft);font:.8125rem/1.5 ui-monospace,"DejaVu Sans Mono",monospace}
section{background:var(--card);border:1px solid var(--line);border-radius:14px;padding:1.75rem 2rem;margin:0 0 1.25rem}
h2{margin:0 0 .75rem;font-size:1.3rem;line-height:1.3;font-weight:650;letter-spacing:-.005em}
h3{margin:1.75rem 0 .5rem;font-size:1rem;font-weight:650}
p{margin:0 0 .9rem;max-width:46rem}
ul{margin:0 0 .9rem;padding-left:1.25rem;max-width:46rem}
li{margin:.25rem 0}
a{color:var(--accent)}
code,pre,.formula{font-family:ui-monospace,"DejaVu Sans Mono",monospace;font-size:.85rem}
pre{background:var(--paper);border:1px solid var(--line);border-radius:10px;padding:.9rem 1rem;margin:0 0 1rem;white-space:pre-wrap}
.formula{background:var(--paper);border-left:3px solid var(--accent);border-radius:0 8px 8px 0;padding:.6rem .9rem;max-width:none}
.small{color:var(--soft);font-size:.875rem}
.verdict{border-top:6px solid var(--good)}
.verdict.partial{border-top-color:var(--warn)}
.verdict.rejected{border-color:var(--bad);border-top-color:var(--bad);background:var(--bad-soft)}
.word{display:flex;align-items:center;gap:.7rem;margin:0 0 .4rem;font-size:1.9rem;line-height:1.2;font-weight:700;color:var(--good)}
.partial .word{color:var(--warn)}
.rejected .word{color:var(--bad)}
.word .mark{display:inline-flex;align-items:center;justify-content:center;width:2.6rem;height:2.6rem;border-radius:50%;background:var(--good-soft);font-size:1.4rem}
.partial .mark{background:var(--warn-soft)}
.rejected .mark{background:var(--card)}
.lead{font-size:1.0625rem}
.reason{font-weight:600;font-size:1.0625rem}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(10.2rem,1fr));gap:.75rem;margin:1.25rem 0}
.tile{background:var(--paper);border:1px solid var(--line);border-radius:10px;padding:.9rem 1rem}
.tile dt{color:var(--soft);font-size:.875rem}
.tile dd{margin:0}
.tile .figure{white-space:nowrap;font-size:1.5rem;line-height:1.35;font-weight:650;font-variant-numeric:tabular-nums;letter-spacing:-.01em}
.tile .note{color:var(--soft);font-size:.875rem;line-height:1.4}
.limits-short{border-top:1px solid var(--line);margin-top:1.25rem;padding-top:1rem}
.limits-short .label{font-weight:650;margin-bottom:.25rem}
.limits-short p:last-child{margin-bottom:0}
.warning{background:var(--warn-soft);border-left:3px solid var(--warn);border-radius:0 8px 8px 0;padding:.6rem .9rem;max-width:none}
.wide{overflow-x:auto;margin:0 0 1rem}
table{border-collapse:collapse;width:100%;font-size:.9rem;line-height:1.45;font-variant-numeric:tabular-nums}
th,td{text-align:left;vertical-align:top;padding:.5rem .75rem;border-bottom:1px solid var(--line);overflow-wrap:normal}
td:not(.number){overflow-wrap:anywhere;min-width:3rem}
thead th{color:var(--soft);font-weight:600;font-size:.8125rem;border-bottom-width:2px}
tbody tr:last-child>*{border-bottom:0}
tbody th{font-weight:600}
.numbers td,.numbers th{white-space:nowrap}
.numbers td,.numbers thead th:not(:first-child){text-align:right}
.blocks .number,.blocks thead th{white-space:nowrap}
.blocks td a{white-space:nowrap}
.blocks .name{min-width:8.5rem;max-width:14rem;overflow-wrap:anywhere}
.blocks .norm{min-width:9rem;vertical-align:middle}
.track{position:relative;display:block;height:.7rem;background:var(--line);border-radius:4px}
.track .fill{position:absolute;inset:0 auto 0 0;background:var(--accent);border-radius:4px}
.track .low{position:absolute;top:-.2rem;bottom:-.2rem;width:2px;background:var(--ink)}
.matrix td{text-align:center;padding:.35rem .5rem}
.matrix thead th:not(:first-child){text-align:center}
.matrix td.right{background:color-mix(in srgb,var(--good) calc(var(--share)*.5),var(--card))}
.matrix td.wrong{background:color-mix(in srgb,var(--bad) calc(8% + var(--share)*.5),var(--card));font-weight:650}
.matrix td.open{background:color-mix(in srgb,var(--warn) calc(var(--share)*.4),var(--card))}
.matrix td.none{color:var(--soft)}
figure{margin:0 0 1rem}
.chart{display:block;width:100%;height:auto}
.chart text{font-size:12px;fill:var(--soft)}
.chart .axis-name{font-size:13px}
.chart .mark-name{fill:var(--ink);font-weight:600}
.chart .axis{stroke:var(--soft)}
.chart .grid{stroke:var(--line)}
.chart .mark{stroke:var(--soft);stroke-dasharray:3 4}
.chart .area{fill:var(--accent);opacity:.12}
.chart .line{fill:none;stroke:var(--accent);stroke-width:2.25}
.chart .line.attack{stroke:var(--attack);stroke-dasharray:7 4}
.chart .dot{fill:var(--card);stroke:var(--accent);stroke-width:2.25}
.chart .bar{fill:var(--accent);opacity:.8}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:.25rem 1.5rem;padding:0;margin:.25rem 0 0;font-size:.875rem;color:var(--soft);max-width:none}
.key{display:inline-block;width:1.6rem;height:0;border-top:3px solid var(--accent);vertical-align:middle;margin-right:.5rem}
.key.attack{border-top:3px dashed var(--attack)}
.gallery{list-style:none;display:grid;grid-template-columns:repeat(auto-fill,minmax(7.25rem,1fr));gap:.75rem;padding:0;max-width:none}
.gallery li{margin:0;padding:.6rem;background:var(--paper);border:1px solid var(--line);border-radius:10px;font-size:.8125rem;line-height:1.45}
.gallery img{display:block;width:84px;height:84px;object-fit:contain;image-rendering:pixelated;border-radius:6px;margin-bottom:.4rem;background:var(--line)}
.gallery .pair{grid-column:span 2}
.gallery .pair img{display:inline-block;margin-right:.5rem}
.gallery span{display:block;color:var(--soft)}
.gallery .name{color:var(--ink);font-weight:600}
.gallery .flip{color:var(--attack)}
.theorems>div,.facts>div{display:grid;grid-template-columns:13rem 1fr;gap:0 1rem;padding:.45rem 0;border-bottom:1px solid var(--line)}
.theorems>div:last-child,.facts>div:last-child{border-bottom:0}
.theorems,.facts{margin:0 0 1rem}
.theorems dt{font-family:ui-monospace,"DejaVu Sans Mono",monospace;font-size:.85rem;line-height:1.9}
.facts dt{color:var(--soft)}
.theorems dd,.facts dd{margin:0;min-width:0}
.theorems>div:target{background:var(--accent-soft)}
.argument{display:block;min-width:640px;width:100%;height:auto}
.argument text{font-size:12px;fill:var(--ink)}
.argument .gsn-id{font-weight:700;fill:var(--accent)}
.argument .goal,.argument .strategy,.argument .context,.argument .assumption,.argument .solution{fill:var(--paper);stroke:var(--soft);stroke-width:1.4}
.argument .gsn-link{stroke:var(--soft);stroke-width:1.4}
.argument .arrow{fill:var(--soft);stroke:var(--soft)}
.argument .arrow.open{fill:var(--card)}
.gain{color:var(--good);font-weight:600}
.loss{color:var(--bad);font-weight:600}
@media (max-width:40rem){main{padding:1.25rem .75rem .5rem}section{padding:1.1rem 1rem;border-radius:10px}h1{font-size:1.5rem}.theorems>div,.facts>div{grid-template-columns:1fr}.tiles{grid-template-columns:1fr 1fr;gap:.5rem}.tile .figure{letter-spacing:-.02em}.tile{padding:.7rem .75rem}.tile .figure{font-size:1.3rem}.chart text{font-size:19px}.chart .axis-name{font-size:19px}}
@media print{:root{--paper:#fff;--card:#fff;--ink:#000;--soft:#444;--line:#bbb;--accent:#23539b;--accent-soft:#eee;--good:#12693f;--good-soft:#fff;--warn:#8a5300;--warn-soft:#fff;--bad:#b0202e;--bad-soft:#fff;--attack:#b0541b}body{font-size:10.5pt}main,footer{max-width:none;padding:0}section{border-radius:0;border-width:1px 0 0;padding:.9rem 0;margin:0}.verdict{border-top-width:4px}h2,h3,.formula{break-after:avoid}figure,tr,.tile,.gallery li,.facts>div,.theorems>div{break-inside:avoid}.wide{overflow:visible}table{font-size:8.5pt}th,td{padding:.3rem .4rem}.blocks .number,.numbers td,.numbers th,.blocks thead th{white-space:normal;overflow-wrap:anywhere}.argument{min-width:0}*{-webkit-print-color-adjust:exact;print-color-adjust:exact}@page{margin:16mm}}
)";

}  // namespace lipcert::report
