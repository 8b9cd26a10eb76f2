"""How the example proxy is: its groups, as ``kamcmd dispatcher.list`` shows them, and its tables.

The letters are Kamailio's: A active, I inactive (tried last), T trying (failures, but too few of
them; or a trial is due; or its hops differ), D disabled; then P if it is probed, X if not. A member
has a line for each hop that is known.
"""

from collections.abc import Collection, Iterable, Iterator

from sansip import HopStanding, Standing, State

HEADINGS = ("group", "member", "member is", "calls", "hop", "from", "hop is", "")


def table(standings: Iterable[Standing], at: float, counted: Collection[str]) -> list[str]:
    """The lines of the table; ``at`` is now, and ``counted`` the groups whose calls are."""
    rows: list[tuple[str, ...]] = [HEADINGS]
    for standing in standings:
        rows += _rows(standing, at, is_counted=standing.group in counted)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    # Some of this comes from the network, and is nothing to send to a terminal as it is.
    return [line if line.isprintable() else ascii(line)[1:-1] for line in lines]


def kept(state: State) -> str:
    """What is going on, in a line. Half a minute after the last request all of it is 0."""
    counts = (
        ("requests in flight", state.in_flight),
        ("server transactions", len(state.server)),
        ("client transactions", len(state.client)),
        ("response contexts", len(state.contexts)),
        ("lookups", len(state.searches)),
        ("questions to DNS", len(state.queries)),
        ("connections", len(state.flows)),
    )
    return "kept: " + ", ".join([f"{name} {number}" for name, number in counts])


def _rows(standing: Standing, at: float, *, is_counted: bool) -> Iterator[tuple[str, ...]]:
    most = standing.member.maxload
    calls = f"{standing.calls}/{most}" if most else f"{standing.calls}"
    who = standing.group, standing.member.uri, standing.letters, calls if is_counted else "-"
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
