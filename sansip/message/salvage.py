"""What can be saved of a message that cannot be read: enough to answer it, and no more.

A request that cannot be processed still deserves an answer if it says where that should go (RFC
3261 8.2.6, 18.3). All is lenient here, for nothing of it is ever sent on; but only rows that are
whole and sane get into the answer. ``top_branch`` reads even less: what came back in an ICMP error.
"""

from typing import Final

from sansip.message.grammar import is_token, split_outside, unfold
from sansip.message.limits import MessageLimits
from sansip.message.model import Request, Response
from sansip.message.names import long_name
from sansip.message.rows import unsplit

_NEEDED: Final = frozenset({"via", "from", "to", "call-id", "cseq", "timestamp"})
_BLANKS: Final = (" ", "\t")


def salvage(data: bytes, limits: MessageLimits) -> Request | Response | None:
    """Give a request if it has a method and a Via, a response, or None."""
    head = data[: limits.message].partition(b"\r\n\r\n")
    text = head[0].decode("utf-8", "surrogateescape")
    # Without an empty line the last line may have been cut off: what follows its CRLF is dropped.
    start, *lines = [line.removesuffix("\r") for line in text.split("\n")]
    whole = lines if head[1] else lines[:-1]
    names: list[str] = []
    rows: list[str] = []
    for name, line in _sane_rows(whole, limits):
        names.append(name)
        rows.append(line)
    words = start.split()
    if words and words[0][:4].upper() == "SIP/":
        return Response(_status(words), "", tuple(rows))
    if words[:1] == ["SIP"] or len(words) < 2 or not is_token(words[0]) or "via" not in names:
        return None
    return Request(words[0], words[1], tuple(rows))


def _sane_rows(lines: list[str], limits: MessageLimits) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for row in unsplit(lines)[: limits.headers]:
        line = unfold(row)
        name, colon, _ = line.partition(":")
        name = name.rstrip(" \t")
        key = long_name(name)
        if colon and key in _NEEDED and "\r" not in line and len(line) <= limits.line:
            found.append((key, line))
    return found


def _status(words: list[str]) -> int:
    code = words[1] if len(words) > 1 else ""
    return int(code) if len(code) == 3 and code.isascii() and code.isdigit() else 0


def top_branch(prefix: bytes) -> str | None:
    """Give the branch of the topmost Via, from the first bytes of a message.

    The bytes may end anywhere, as those that an ICMP error quotes do. None unless the branch is
    there and certainly complete.
    """
    head, closing, _ = prefix.partition(b"\r\n\r\n")
    _, *lines = head.decode("utf-8", "surrogateescape").split("\r\n")
    at = 0
    while at < len(lines) and long_name(lines[at].partition(":")[0].rstrip(" \t")) != "via":
        at += 1
    end = at + 1
    while end < len(lines) and lines[end].startswith(_BLANKS):
        end += 1
    text = unfold("\r\n".join(lines[at:end]))
    first, *others = split_outside(text.partition(":")[2], ",")
    pieces = split_outside(first, ";")
    if not (others or closing or end < len(lines)):
        pieces.pop()  # the row may go on
    for piece in pieces[1:]:
        name, _, branch = piece.partition("=")
        if name.strip(" \t").lower() == "branch":
            branch = branch.strip(" \t")
            return branch if is_token(branch) else None
    return None
