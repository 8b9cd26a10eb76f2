"""How the groups of the example proxies are, as a table: what ``kamctl dispatcher dump`` is for.

The letters are Kamailio's: A active, I inactive (tried last), T trying (failures, but too few of
them), D disabled; then P if it is probed, X if not. A member has a line for each hop that is known.
"""

from collections.abc import Iterable, Iterator

from sansip import HopStanding, Standing

HEADINGS = ("group", "member", "state", "calls", "hop", "from", "state", "")


def table(standings: Iterable[Standing], at: float) -> list[str]:
    """The lines of the table; ``at`` is now."""
    rows = [HEADINGS, *(row for standing in standings for row in _rows(standing, at))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    # Some of this comes from the network, and is nothing to send to a terminal as it is.
    return [line if line.isprintable() else ascii(line)[1:-1] for line in lines]


def _rows(standing: Standing, at: float) -> Iterator[tuple[str, ...]]:
    load = f"/{standing.member.maxload}" if standing.member.maxload else ""
    who = standing.group, standing.member.uri, standing.letters, f"{standing.calls}{load}"
    if not standing.hops:
        yield *who, "not looked up yet", "", "", ""
    for hop in standing.hops:
        yield *who, str(hop.hop), hop.endpoint, hop.letter, _news(hop, standing, at)
        who = "", "", "", ""


def _news(hop: HopStanding, standing: Standing, at: float) -> str:
    said: list[str] = []
    if hop.latency is not None:
        said.append(f"answers in {hop.latency * 1000:.0f} ms")
    if hop.failures:
        said.append(f"failures: {hop.failures} of {standing.thresholds.down_after}")
    if hop.needed:
        said.append(f"successes needed: {hop.needed}")
    if hop.until is not None and hop.until > at:
        what = "wants nothing for" if hop.barred else "next trial in"
        said.append(f"{what} {hop.until - at:.0f} s")
    if hop.why:
        said.append(hop.why)
    return ", ".join(said)
