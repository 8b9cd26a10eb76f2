"""Who is in a group of a configuration: ``targets``, or a set of a ``dispatcher.list``."""

from collections.abc import Callable, Mapping
from typing import cast

from sansip.dispatch import ListError, Member, parse_list
from sansip.dispatch.members import ADMISSIONS
from sansip.message import equivalent, parse_uri
from sansip.toml.checked import Table, Wrong, one_of, some_text, switch, whole
from sansip.toml.reach import Reach
from sansip.toml.words import sip_uri

Read = Callable[[str], str | bytes]
Sets = Mapping[int, tuple[Member, ...]]


class Lists:
    """The lists of gateways that a configuration names; each is read once.

    ``errors`` is what is wrong within them, each line with file, line and column.
    """

    def __init__(self, read: Read | None) -> None:
        self.errors: list[str] = []
        self._read = read
        self.texts: list[tuple[str, str]] = []  # of those that could be read, by their names
        self._found: dict[str, Sets | None] = {}

    def sets(self, content: object) -> Sets | None:
        """Check for the name of a list, and give its sets; None if something is wrong in there."""
        name = some_text(content)
        if name not in self._found:
            self._found[name] = self._parsed(name)
        return self._found[name]

    def _parsed(self, name: str) -> Sets | None:
        if self._read is None:
            raise Wrong("no file is read here; name the targets")
        try:
            text = self._read(name)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise Wrong(f"{reason}; name a file that can be read, or targets") from None
        # What is no UTF-8 in a comment is nobody's business, and in a URI an error of its own.
        decoded = text.decode(errors="replace") if isinstance(text, bytes) else text
        self.texts.append((name, decoded))
        try:
            return parse_list(decoded, name)
        except ListError as error:
            self.errors.extend(str(error).splitlines())
            return None


def read_members(group: Table, lists: Lists, reach: Reach) -> tuple[Member, ...]:
    """Read who is in a group; nobody if something is wrong with that."""
    before = len(group.errors)
    targets = group.parts("targets")
    sets = group.take("list", lists.sets, None)
    number = group.take("set", whole(0), None)
    if "list" not in group.content:
        if "set" in group.content:
            reason = 'is a set of a list; say list = "dispatcher.list" too, or take it out'
            group.wrong("set", reason, group.content["set"])
        elif "targets" not in group.content:
            remedy = 'name at least one SIP URI, or say list = "dispatcher.list" and set = 1'
            group.wrong("targets", f"missing; {remedy}")
        members = tuple([_target(group, at, content, reach) for at, content in targets])
        _complain_of_twins(group, members)
    else:
        if "targets" in group.content:
            group.wrong("list", "targets are there too; take one of the two out", _name(group))
        members = _listed(group, sets, number, reach)
    return members if len(group.errors) == before else ()


def _listed(
    group: Table, sets: Sets | None, number: int | None, reach: Reach
) -> tuple[Member, ...]:
    """The members of a list's set."""
    if sets is None:
        return ()
    there = ", ".join(map(str, sorted(sets))) or "none"
    if number is None:
        if "set" not in group.content:
            group.wrong("set", f"missing; say which set of {_name(group)}; there are: {there}")
        return ()
    if number not in sets:
        group.wrong("set", f"{_name(group)} has no such set; there are: {there}", number)
        return ()
    for member in sets[number]:
        checks = (
            (member.uri, reach.uri),
            (member.probe_via, reach.uri),
            (member.endpoint, reach.endpoint),
        )
        for what, check in checks:
            try:
                if what:
                    check(what)
            except Wrong as error:
                who = member.uri if what == member.uri else f"{member.uri}: {what}"
                group.wrong("list", f"set {number}: {who}: {error.reason}", _name(group))
    return sets[number]


def _name(group: Table) -> str:
    return str(group.content["list"])


def _target(group: Table, at: str, content: object, reach: Reach) -> Member:
    """One of ``targets``: a URI, or a table."""
    if not isinstance(content, dict):
        return Member(group.check(at, content, reach.uri, ""))
    table = group.part(at, cast("object", content))
    plain = Member("")
    member = Member(
        table.need("uri", reach.uri, "", 'say for example uri = "sip:gw-1.example.com"'),
        table.take("priority", whole(0), plain.priority),
        table.take("weight", whole(0), plain.weight),
        table.take("rweight", whole(0), plain.rweight),
        table.take("duid", some_text, plain.duid),
        table.take("maxload", whole(0), plain.maxload),
        table.take("endpoint", reach.endpoint, plain.endpoint),
        table.take("probe_via", reach.uri, plain.probe_via),
        table.take("probe_from", _any_uri, plain.probe_from),
        table.take("probed", switch, plain.probed),
        table.take("begins", one_of(ADMISSIONS), plain.begins),
        _attrs(table.table("attrs")),
    )
    table.close()
    return member


def _attrs(table: Table) -> tuple[tuple[str, str], ...]:
    """What a policy may want to know of a member: texts by names that only it knows."""
    return tuple([(name, table.take(name, some_text, "")) for name in table.content])


def _any_uri(content: object) -> str:
    return str(sip_uri(content))


def _complain_of_twins(group: Table, members: tuple[Member, ...]) -> None:
    """The same URI from the same endpoint is the same member, however it is spelt."""
    for at, member in enumerate(members):
        for other in members[:at]:
            alike = (member.endpoint, member.probe_via) == (other.endpoint, other.probe_via)
            if member.uri and other.uri and alike and _same(member.uri, other.uri):
                group.wrong(f"targets[{at}]", "is there twice; take one out", member.uri)
                break


def _same(one: str, other: str) -> bool:
    return one == other or equivalent(parse_uri(one), parse_uri(other))
