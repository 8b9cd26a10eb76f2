"""How ladders look in browsers: one style sheet for SVG and HTML, for light and for dark."""

from typing import Final

FONT: Final = 'ui-monospace, "SF Mono", Menlo, "DejaVu Sans Mono", Consolas, monospace'

LIGHT: Final = """\
--paper: #ffffff; --ink: #1f2430; --quiet: #68707f; --rail: #c9ced8; --head: #f3f5f9;
--edge: #d9dee7; --asked: #1f4fbf; --said: #596273; --good: #17794b; --bad: #c02b3c;
--note: #eef1f6; --dns: #0b7285; --dns-paper: #e3f4f7; --decision: #8a5300;
--decision-paper: #fff1d0; --operator: #7b3fb5; --operator-paper: #f3eafb;
--trouble-paper: #fde8ea; --chosen: #e4ecff;"""
DARK: Final = """\
--paper: #14171d; --ink: #e3e7ee; --quiet: #8f98a8; --rail: #3b4250; --head: #1c2129;
--edge: #303744; --asked: #8fb2ff; --said: #a9b2c1; --good: #5fd39b; --bad: #ff8590;
--note: #232934; --dns: #6fd3e3; --dns-paper: #12303a; --decision: #ffc766;
--decision-paper: #3a2c10; --operator: #d0a6ff; --operator-paper: #2e2140;
--trouble-paper: #3d1c22; --chosen: #243354;"""

LADDER: Final = f"""\
.ladder {{ font: 12px {FONT}; fill: var(--ink); }}
.ladder .rail {{ stroke: var(--rail); stroke-width: 1; fill: none; }}
.ladder .time {{ fill: var(--quiet); text-anchor: end; }}
.ladder .name {{ font-weight: 600; text-anchor: middle; }}
.ladder .place {{ fill: var(--quiet); text-anchor: middle; font-size: 11px; }}
.ladder .foot {{ fill: var(--quiet); }}
.ladder .plate {{ fill: var(--head); stroke: var(--edge); }}
.ladder .what {{ text-anchor: middle; paint-order: stroke; stroke: var(--paper);
  stroke-width: 4px; stroke-linejoin: round; }}
.ladder .shaft {{ stroke: currentColor; stroke-width: 1.4; fill: none; }}
.ladder .tip {{ fill: currentColor; }}
.ladder .asked {{ color: var(--asked); }} .ladder .asked .what {{ fill: var(--asked); }}
.ladder .said {{ color: var(--said); }} .ladder .said .what {{ fill: var(--ink); }}
.ladder .good {{ color: var(--good); }} .ladder .good .what {{ fill: var(--good); }}
.ladder .bad {{ color: var(--bad); }} .ladder .bad .what {{ fill: var(--bad); }}
.ladder .flow {{ color: var(--quiet); }} .ladder .flow .what {{ fill: var(--quiet); }}
.ladder .policy {{ color: var(--operator); }} .ladder .policy .what {{ fill: var(--operator); }}
.ladder .again .shaft, .ladder .flow .shaft {{ stroke-dasharray: 4 3; }}
.ladder .again {{ opacity: .75; }}
.ladder .pill {{ fill: var(--note); }} .ladder .dot {{ fill: var(--quiet); }}
.ladder .note text {{ fill: var(--quiet); }}
.ladder .dns .pill {{ fill: var(--dns-paper); }} .ladder .dns .dot {{ fill: var(--dns); }}
.ladder .dns text {{ fill: var(--dns); }}
.ladder .failover .pill {{ fill: var(--decision-paper); stroke: var(--decision); }}
.ladder .failover .dot {{ fill: var(--decision); }}
.ladder .failover text {{ fill: var(--decision); font-weight: 600; }}
.ladder .trouble .pill {{ fill: var(--trouble-paper); }}
.ladder .trouble .dot {{ fill: var(--bad); }}
.ladder .trouble text {{ fill: var(--bad); }}
.ladder .operator .pill {{ fill: var(--operator-paper); }}
.ladder .operator .dot {{ fill: var(--operator); }}
.ladder .operator text {{ fill: var(--operator); }}
.ladder .note text.time {{ fill: var(--quiet); font-weight: 400; }}
"""
