"""What was on the wire, and what engines said about it, for people: a line for each."""

from collections.abc import Iterable

from sansip.simulate.network import Said, Sight


def ladder(wire: Iterable[Sight], reports: Iterable[Said] = ()) -> str:
    """When, from whom to whom, what, and what came of it; ``again`` is a retransmission."""
    seen: set[tuple[str, str, bytes]] = set()
    lines: list[str] = []
    both: list[Sight | Said] = [*wire, *reports]
    for each in sorted(both, key=_at):
        if isinstance(each, Said):
            what, notes = f"{each.name}: {each.report.topic}: {each.report.text}", ""
        else:
            key = each.sender, each.receiver, each.data
            what = f"{each.sender} > {each.receiver}  {_start(each.data)}"
            notes = " (again)" if key in seen else ""
            seen.add(key)
            if len(each.arrives) != 1:
                notes += " (twice)" if each.arrives else " (lost)"
        lines.append(f"{each.at:10.3f}  {what}{notes}")
    return "\n".join(lines)


def _at(each: Sight | Said) -> float:
    return each.at


def _start(data: bytes) -> str:
    """The start line of a message, without the version."""
    line = data.partition(b"\r\n")[0].decode("utf-8", "replace")
    return line.removesuffix(" SIP/2.0").removeprefix("SIP/2.0 ")
