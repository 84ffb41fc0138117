/** What the pages look like: light and dark, on a wide screen and on a phone. */
export const style: string = `
:root { color-scheme: light dark; --ground: #f6f7f9; --card: #fff; --text: #1a2130; --dim: #5d6778; --line: #dfe3ea;
  --accent: #2457d6; --ok: #157f4b; --bad: #c02a37; --warn: #9a6100; --busy: #6a3fc7; --idle: #4d5a70; --shade: #eef1f6 }
@media (prefers-color-scheme: dark) { :root { --ground: #0f141c; --card: #171e29; --text: #e6eaf1; --dim: #98a3b5; --line: #2a3443;
  --accent: #86a8ff; --ok: #5bd196; --bad: #ff8a92; --warn: #f2bd5b; --busy: #bda1ff; --idle: #a9b5c8; --shade: #202938 } }
* { box-sizing: border-box }
body { margin: 0; background: var(--ground); color: var(--text); font: 15px/1.5 system-ui, sans-serif }
a { color: var(--accent); text-decoration: none } a:hover { text-decoration: underline }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 4px }
header { background: var(--card); border-bottom: 1px solid var(--line) }
header > div, main, footer { max-width: 1180px; margin: 0 auto; padding: 0 20px }
header > div { display: flex; flex-wrap: wrap; align-items: center; gap: 4px 24px; min-height: 56px }
.brand { font-weight: 650; color: var(--text); margin-right: 4px } .brand small { font-weight: 400; color: var(--dim); margin-left: 6px }
nav { display: flex; flex-wrap: wrap; gap: 4px }
nav a { color: var(--dim); padding: 6px 10px; border-radius: 7px } nav a:hover { background: var(--shade); text-decoration: none }
nav a[aria-current] { color: var(--text); background: var(--shade); font-weight: 600 }
.skip { position: absolute; left: -999px } .skip:focus { left: 12px; top: 8px; background: var(--card); padding: 6px 10px }
main { padding-top: 22px; padding-bottom: 40px } h1 { font-size: 22px; margin: 0 0 16px; overflow-wrap: anywhere } h2 { font-size: 16px; margin: 28px 0 10px }
footer { color: var(--dim); font-size: 13px; padding-bottom: 24px }
.dim { color: var(--dim) } .right { text-align: right } .num { text-align: right; font-variant-numeric: tabular-nums }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(128px, 1fr)); gap: 12px }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 12px 14px; color: var(--text); display: block }
a.card:hover { border-color: var(--accent); text-decoration: none }
.card b { display: block; font-size: 24px; font-weight: 620; line-height: 1.25; font-variant-numeric: tabular-nums } .card span { color: var(--dim); font-size: 13px }
th.num { text-align: right } .card.small b { font-size: 17px; line-height: 1.75 } .card.bad b { color: var(--bad) } .card.ok b { color: var(--ok) } .card.busy b { color: var(--busy) }
.panel { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 14px 16px }
.panels { display: grid; grid-template-columns: repeat(auto-fit, minmax(320px, 1fr)); gap: 14px; margin-top: 14px } .panel h2 { margin: 0 0 8px }
.scale { display: flex; justify-content: space-between; color: var(--dim); font-size: 12px; line-height: 1.7 } .panel p { margin: 8px 0 0 }
.table { background: var(--card); border: 1px solid var(--line); border-radius: 10px; overflow-x: auto }
table { width: 100%; border-collapse: collapse } th { text-align: left; font-size: 12.5px; font-weight: 550; color: var(--dim); white-space: nowrap }
th, td { padding: 9px 14px; vertical-align: top } tbody tr { border-top: 1px solid var(--line) } tbody tr:hover { background: var(--shade) }
td.wide { min-width: 180px; overflow-wrap: anywhere } td form { display: inline-block; margin: 0 6px 4px 0 } td.nowrap { white-space: nowrap }
.badge { display: inline-block; padding: 1px 9px; border-radius: 99px; font-size: 12.5px; font-weight: 550; background: var(--shade); color: var(--idle); white-space: nowrap }
.succeeded, .started, .ok, .healthy { color: var(--ok) } .failed, .unhealthy, .abandoned { color: var(--bad) }
.processing, .starting, .running { color: var(--busy) } .scheduled, .awaiting, .degraded, .paused, .stopping, .draining { color: var(--warn) }
h1 .badge { vertical-align: middle }
pre { background: var(--shade); border-radius: 8px; padding: 12px 14px; margin: 0; overflow: auto; max-height: 420px; font: 13px/1.5 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere }
code { font: 13px ui-monospace, monospace; overflow-wrap: anywhere }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 6px 18px; margin: 0 } dt { color: var(--dim) } dd { margin: 0; overflow-wrap: anywhere }
form.filter { display: flex; flex-wrap: wrap; gap: 8px; margin: 0 0 14px; align-items: end } label { font-size: 13px; color: var(--dim); display: grid; gap: 3px }
input, select, button { font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 6px 10px; min-height: 36px }
form.filter input { max-width: 170px } form.filter input[type=search] { min-width: 200px } input[type=checkbox] { min-height: 0; width: 16px; height: 16px }
button { cursor: pointer; font-weight: 500 } td button { min-height: 0; padding: 1px 10px } button:hover { border-color: var(--accent) } button.danger { color: var(--bad) } button.main { background: var(--accent); border-color: var(--accent); color: var(--ground) }
.actions { display: flex; flex-wrap: wrap; gap: 8px; margin: 0 0 16px } .actions form { margin: 0 }
.pager { display: flex; gap: 12px; margin-top: 14px } .empty { padding: 32px; text-align: center; color: var(--dim) }
svg { display: block; width: 100%; height: 96px } .bar-ok { fill: var(--ok) } .bar-bad { fill: var(--bad) } .bar-wait { fill: var(--accent) } .axis { stroke: var(--line) }
progress { width: 140px; accent-color: var(--accent) } ol.line { list-style: none; margin: 0; padding: 0 } ol.line li { border-left: 3px solid var(--line); padding: 2px 0 12px 14px }
ol.line li.succeeded { border-color: var(--ok) } ol.line li.failed, ol.line li.scheduled { border-color: var(--bad) } details summary { cursor: pointer }
@media (max-width: 640px) { header > div, main, footer { padding-left: 12px; padding-right: 12px } header > div { padding-top: 8px; padding-bottom: 8px } nav { margin-left: -10px } nav a { padding: 4px 10px } .minor { display: none } td.wide { min-width: 130px } th, td { padding: 8px 10px } dl { grid-template-columns: 1fr; gap: 0 } dd { margin-bottom: 8px } form.filter input, form.filter input[type=search] { min-width: 0; max-width: none; width: 100% } form.filter label { flex: 1 1 140px } }
`;
