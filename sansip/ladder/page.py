"""What an HTML file of a ladder has besides the ladder: its style and its script.

The script moves what stands in the file already; it makes no markup out of text, and loads nothing.
"""

from typing import Final

from sansip.ladder.style import DARK, FONT, LADDER, LIGHT

STYLE: Final = f"""\
:root {{ color-scheme: light dark; {LIGHT} }}
@media screen and (prefers-color-scheme: dark) {{ :root {{ {DARK} }} }}
* {{ box-sizing: border-box; }}
html, body {{ height: 100%; margin: 0; }}
body {{ display: flex; flex-direction: column; background: var(--paper); color: var(--ink);
  font: 14px/1.45 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }}
header {{ display: flex; flex-wrap: wrap; gap: 6px 18px; align-items: baseline;
  padding: 10px 18px; background: var(--head); border-bottom: 1px solid var(--edge); }}
h1 {{ font: 600 15px {FONT}; margin: 0; overflow-wrap: anywhere; }}
header p {{ margin: 0; color: var(--quiet); }}
header form {{ margin-left: auto; display: flex; flex-wrap: wrap; gap: 4px 14px; }}
label {{ white-space: nowrap; cursor: pointer; }}
input {{ accent-color: var(--asked); margin: 0 4px 0 0; vertical-align: -1px; }}
select {{ font: inherit; max-width: 22em; color: inherit; background: var(--paper);
  border: 1px solid var(--edge); border-radius: 4px; }}
.notice {{ margin: 0; padding: 6px 18px; background: var(--decision-paper);
  color: var(--decision); }}
main {{ flex: 1; min-height: 0; display: flex; }}
.picture {{ flex: 1; min-width: 0; overflow: auto; }}
.heads {{ position: sticky; top: 0; z-index: 1; background: var(--paper); width: max-content;
  min-width: 100%; }}
svg {{ display: block; }}
ol {{ list-style: none; margin: 0; padding: 0 0 24px; width: max-content; min-width: 100%; }}
li {{ cursor: pointer; outline: none; }}
li:hover {{ background: var(--head); --paper: var(--head); }}
li[aria-selected=true] {{ background: var(--chosen); --paper: var(--chosen); }}
li:focus-visible {{ box-shadow: inset 3px 0 var(--asked); }}
aside {{ width: min(40%, 580px); border-left: 1px solid var(--edge); overflow: auto;
  padding: 14px 18px; background: var(--head); }}
aside h2 {{ font: 600 13px {FONT}; margin: 0 0 4px; overflow-wrap: anywhere; }}
aside p {{ color: var(--quiet); margin: 0 0 12px; }}
pre {{ font: 12px/1.5 {FONT}; margin: 0; white-space: pre-wrap; overflow-wrap: anywhere;
  tab-size: 4; }}
pre b {{ color: var(--asked); }} pre i {{ font-style: normal; color: var(--dns); }}
kbd {{ font: 11px {FONT}; border: 1px solid var(--edge); border-radius: 3px; padding: 0 4px; }}
[hidden] {{ display: none !important; }}
@media (max-width: 800px) {{
  main {{ flex-direction: column; }}
  aside {{ width: auto; max-height: 45%; border-left: 0; border-top: 1px solid var(--edge); }}
}}
@media print {{
  @page {{ size: landscape; margin: 10mm; }}
  html, body {{ height: auto; }} body, main {{ display: block; }}
  aside, header form {{ display: none; }}
  .picture {{ overflow: visible; }} .heads {{ position: static; }}
  li {{ break-inside: avoid; }}
  li[aria-selected=true] {{ background: none; --paper: #ffffff; }}
  * {{ print-color-adjust: exact; -webkit-print-color-adjust: exact; }}
}}
{LADDER}"""

SCRIPT: Final = """\
"use strict";
(() => {
  const list = document.querySelector("ol");
  const rows = Array.from(list.children);
  const panel = document.querySelector("aside");
  const [heading, facts, text] = panel.children;
  const filters = document.querySelector("form");
  let chosen = null;

  function choose(row) {
    if (chosen) { chosen.setAttribute("aria-selected", "false"); chosen.tabIndex = -1; }
    chosen = row;
    row.setAttribute("aria-selected", "true");
    row.tabIndex = 0;
    heading.textContent = row.dataset.text;
    facts.textContent = row.dataset.facts;
    const message = row.dataset.message && document.getElementById("m" + row.dataset.message);
    text.replaceChildren(...(message ? message.cloneNode(true).childNodes : []));
    panel.scrollTop = 0;
  }

  function filter() {
    const wanted = new Set(new FormData(filters).getAll("kind"));
    const call = filters.elements.call ? filters.elements.call.value : "";
    for (const row of rows) {
      const calls = row.dataset.calls.split(" ");
      row.hidden = (call !== "" && !calls.includes(call)) ||
        (row.dataset.filter !== "" && !wanted.has(row.dataset.filter));
    }
    if (chosen && chosen.hidden) {
      const next = rows.find((row) => !row.hidden);
      if (next) choose(next);
    }
  }

  list.addEventListener("click", (event) => {
    const row = event.target.closest("li");
    if (!row) return;
    panel.hidden = false;
    choose(row);
    row.focus({preventScroll: true});
  });
  list.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === "Escape") panel.hidden = event.key === "Escape";
    const seen = rows.filter((row) => !row.hidden);
    const at = seen.indexOf(chosen);
    const to = {
      ArrowDown: at + 1, j: at + 1, ArrowUp: at - 1, k: at - 1,
      PageDown: at + 15, PageUp: at - 15, Home: 0, End: seen.length - 1,
    }[event.key];
    if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const row = seen[Math.max(0, Math.min(to, seen.length - 1))];
    if (!row) return;
    choose(row);
    row.focus({preventScroll: true});
    row.scrollIntoView({block: "nearest"});
  });
  filters.addEventListener("change", filter);
  filters.addEventListener("submit", (event) => event.preventDefault());
  filter();
  if (rows.length) choose(rows[0]);
})();
"""
