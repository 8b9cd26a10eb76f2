"""The journal of a configuration: ``journal = "run.journal"``, or a table ``[journal]``."""

from collections.abc import Mapping
from typing import Final

from sansip.toml.checked import Table, Wrong, some_text, switch, whole
from sansip.toml.groups import Destination
from sansip.value import value

LEAST: Final = 10_000  # bytes: less is not worth a file
CREDENTIALS: Final = ("authorization", "proxy-authorization")


@value
class JournalFile:
    """What the file says of its journal, whose name is relative to its own."""

    file: str
    rotate: int = 100_000_000  # bytes after which it goes on in another file
    keep: int = 5  # older files
    redact: bool = True  # credentials and bodies are left out


def read_journal(top: Table, groups: Mapping[str, Destination]) -> JournalFile | None:
    """Read ``journal``, if it is there."""
    content = top.content.get("journal")
    if not isinstance(content, dict):
        name = top.take("journal", _name, None)
        return None if name is None else _replayable(top, JournalFile(name), groups)
    table = top.table("journal")
    plain = JournalFile("")
    found = JournalFile(
        table.need("file", some_text, "", 'say for example file = "run.journal"'),
        table.take("rotate", _size, plain.rotate),
        table.take("keep", whole(1), plain.keep),
        table.take("redact", switch, plain.redact),
    )
    table.close()
    return found if "redact" in table.content else _replayable(top, found, groups)


def _replayable(top: Table, found: JournalFile, groups: Mapping[str, Destination]) -> JournalFile:
    """Complain if nobody has said that what decides is to be left out."""
    for name, destination in groups.items():
        wish = destination.wish
        if wish.algorithm == "hash-auth-user" or wish.key in CREDENTIALS:
            reason = f"group {name} is hashed by credentials, and without them nothing is replayed"
            remedy = "say redact = false in [journal]; or redact = true, if you need no replay"
            top.wrong("journal", f"{reason}; {remedy}")
    return found


def _name(content: object) -> str:
    if not isinstance(content, str):
        raise Wrong('must be the name of a file, such as "run.journal", or a table')
    return some_text(content)


def _size(content: object) -> int:
    try:
        return whole(LEAST)(content)
    except Wrong as error:
        raise Wrong(f"{error.reason}: bytes, such as 100_000_000") from None
