"""DNS as engines see it: what the zones say, after a while; or a failure; or nothing at all.

There is one for all nodes: resolvers that disagree are not simulated.
"""

from typing import Final

from sansip.dns import Answer, Failure, Found, Ip, Naptr, NoName, NoRecords, Record, Srv
from sansip.simulate.zone import ALIAS, TTL, Row, rows

MOST_ALIASES: Final = 8  # a chain of CNAMEs may be circular
EVERYTHING: Final = ""


class Names:
    """All zones, and how well DNS works; ``delay`` is what an answer takes, in seconds."""

    def __init__(self) -> None:
        """No zone yet."""
        self.delay: float = 0.01
        self._rows: dict[str, list[Row]] = {}
        self._failing: dict[str, str] = {}

    def load(self, text: str, origin: str = "") -> None:
        """Put the records of a zone file in place of what their names had."""
        fresh: dict[str, list[Row]] = {}
        for row in rows(text, origin):
            fresh.setdefault(row.name, []).append(row)
        self._rows |= fresh

    def fail(self, name: str = EVERYTHING, reason: str = "SERVFAIL") -> None:
        """From now on this name cannot be found out; without a reason, there is no answer at all.

        Without a name that is so of all names.
        """
        self._failing[name] = reason

    def mend(self, name: str = EVERYTHING) -> None:
        """What failed works again."""
        self._failing.pop(name, None)

    def answer(self, name: str, kind: str) -> Answer | None:
        """Answer a question; None is silence."""
        for _ in range(MOST_ALIASES):
            for failing in (EVERYTHING, name):
                if failing in self._failing:
                    reason = self._failing[failing]
                    return Failure(reason) if reason else None
            held = self._rows.get(name, [])
            found = [row for row in held if row.type == kind]
            aliases = [row.says for row in held if row.type == ALIAS and isinstance(row.says, str)]
            if found or not aliases:
                return self._said(name, found)
            name = aliases[0]
        return Failure("a chain of aliases without end")

    @property
    def addresses(self) -> tuple[str, ...]:
        """All IP addresses in the zones."""
        says = [row.says for held in self._rows.values() for row in held]
        return tuple(dict.fromkeys([each.address for each in says if isinstance(each, Ip)]))

    def leading_to(self, host: str) -> tuple[str, ...]:
        """All names that lead to an IP address: for these its certificate may well be."""
        found: dict[str, None] = {}
        led = {host}
        while led:
            rows = [row for held in self._rows.values() for row in held if _next(row) in led]
            led = {_domain(row.name) for row in rows} | {row.name for row in rows}
            led -= found.keys()
            found |= dict.fromkeys(sorted(led))
        return tuple([name for name in found if not name.startswith("_")])

    def _said(self, name: str, found: list[Row]) -> Answer:
        records: list[Record] = [r.says for r in found if isinstance(r.says, Ip | Srv | Naptr)]
        if records:
            return Found(tuple(records), min(row.ttl for row in found))
        if any(held == name or held.endswith("." + name) for held in self._rows):
            return NoRecords(self._denial(name))
        return NoName(self._denial(name))

    def _denial(self, name: str) -> float:
        """For how long "no" holds: by the SOA of the nearest zone above (RFC 2308 5)."""
        while name:
            for row in self._rows.get(name, ()):
                if row.type == "SOA":
                    return row.ttl
            name = name.partition(".")[2]
        return TTL


def _next(row: Row) -> str | None:
    """Where a record leads."""
    match row.says:
        case Ip(address):
            return address
        case Srv(target=target):
            return target
        case Naptr(replacement=replacement):
            return replacement
        case says:
            return says


def _domain(name: str) -> str:
    """The domain whose service an SRV record is: ``_sip._tcp.example.com`` is example.com's."""
    return ".".join([label for label in name.split(".") if not label.startswith("_")])
