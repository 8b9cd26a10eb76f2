"""What was on the wire, for people: a line for each packet."""

from collections.abc import Iterable

from sansip.simulate.network import Sight


def ladder(wire: Iterable[Sight]) -> str:
    """When, from whom to whom, what, and what came of it; ``again`` is a retransmission."""
    seen: set[tuple[str, str, bytes]] = set()
    lines: list[str] = []
    for sight in wire:
        what = sight.data.partition(b"\r\n")[0].decode("utf-8", "replace")
        what = what.removesuffix(" SIP/2.0").removeprefix("SIP/2.0 ")
        key = sight.sender, sight.receiver, sight.data
        notes = [" (again)"] if key in seen else []
        seen.add(key)
        if len(sight.arrives) != 1:
            notes.append(" (twice)" if sight.arrives else " (lost)")
        way = f"{sight.sender} > {sight.receiver}"
        lines.append(f"{sight.at:10.3f}  {way}  {what}{''.join(notes)}")
    return "\n".join(lines)
