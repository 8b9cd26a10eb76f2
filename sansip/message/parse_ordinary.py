"""Reading messages that are in the ordinary form, folds aside."""

from sansip.message.limits import MessageLimits
from sansip.message.model import Request, Response
from sansip.message.ordinary import ORDINARY, is_certain
from sansip.message.rows import top_via


def read_ordinary(text: str, limits: MessageLimits) -> tuple[Request | Response, int, int] | None:
    """Read a message's head; ``RemoteProtocolError`` only about what else the pattern let through.

    Gives the message without its body, the length of the head with its empty line, in characters,
    and the length of the body in bytes; or None for a message in any other form, or that may be
    too large.
    """
    match = ORDINARY(text)
    if match is None:
        return None
    end = match.end()
    lines = text[:end].split("\r\n")
    count = len(lines)
    if text.count("\n", 0, end) >= count:  # a bare LF
        return None
    if count > limits.headers or count > limits.vias or end > limits.line:
        return None
    rows = tuple(lines[1:-2])
    found = match.groups()
    method, uri_text, status, reason = found[:4]
    message: Request | Response
    if method is None:
        message = Response(int(status), reason, rows)
    else:
        message = Request(method, uri_text, rows)
    message.found = found
    if method is not None and (";" in uri_text or "[" in uri_text):
        message.fill()  # which knows more about these
    if not is_certain(found):
        message.fill()
        message.via = top_via(message.get("via") or "")
    return message, end, int(found[-1])


def read_folded(text: str, limits: MessageLimits) -> tuple[Request | Response, int, int] | None:
    """Read a head with folded rows as if spaces of the same length stood where its folds are."""
    # The head alone: in a body such line ends are no folds, and there may be any number of them.
    text = text[: text.find("\r\n\r\n") + 4]
    at = text.find("\r\n") + 2
    if not ("\r\n " in text or "\r\n\t" in text) or text[at] in " \t":
        return None  # nothing is folded, or something that no row has begun
    found = read_ordinary(text.replace("\r\n ", "   ").replace("\r\n\t", "   "), limits)
    if found is not None:
        rows: list[str] = []
        for row in found[0].lines:
            rows.append(text[at : at + len(row)])
            at += len(row) + 2
        found[0].lines = tuple(rows)
    return found
