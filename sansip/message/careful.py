"""The careful reader: all that the grammar of RFC 3261 section 25 allows, and what it does not.

``parse`` comes here with whatever is not in the most ordinary form: folded rows, compact, odd or
unknown names, IPv6, parameters of every kind, mistakes. What is refused is refused here, with the
header, the rule and the remedy.
"""

import re
from collections.abc import Sequence
from typing import Final

from sansip.errors import RemoteProtocolError
from sansip.message.fields import name_addr, parse_cseq
from sansip.message.grammar import broken, is_token, malformed, number
from sansip.message.limits import MessageLimits
from sansip.message.model import MAX_FORWARDS, Message, Request, Response
from sansip.message.names import SPELLED, long_name
from sansip.message.rows import top_via, value_of
from sansip.message.uri import parse_uri

METHODS: Final = frozenset(
    {
        "ACK",
        "BYE",
        "CANCEL",
        "INFO",
        "INVITE",
        "MESSAGE",
        "NOTIFY",
        "OPTIONS",
        "PRACK",
        "PUBLISH",
        "REFER",
        "REGISTER",
        "SUBSCRIBE",
        "UPDATE",
    }
)
_VERSION: Final = re.compile(r"SIP/[0-9]++\.[0-9]++", re.IGNORECASE)
_MAX_LENGTH: Final = 2**32 - 1
_WORD: Final = re.compile(r"[^\x00-\x20\x7f]++")
_BLANKS: Final = (" ", "\t")


def name_with_care(start: str, names: list[str], lines: list[str]) -> tuple[list[str], list[str]]:
    """Find the names that are still empty, and join folded lines to rows; give (names, rows)."""
    if lines[0].startswith(_BLANKS):
        problem = "a continuation line follows the start line"
        raise broken(problem, "RFC 3261 7.3.1", "begin with a header", offset=len(start) + 2)
    pairs = list(zip(names, lines, strict=True))
    firsts = [at for at, (name, line) in enumerate(pairs) if name or line[0] not in _BLANKS]
    if len(firsts) == len(lines):
        return [name or _name_of(line) for name, line in pairs], lines
    ends = [*firsts[1:], len(lines)]
    rows = ["\r\n".join(lines[at:end]) for at, end in zip(firsts, ends, strict=True)]
    return [names[at] or _name_of(line) for at, line in zip(firsts, rows, strict=True)], rows


def _name_of(line: str) -> str:
    text, colon, _ = line.partition(":")
    # HCOLON = *( SP / HTAB ) ":" SWS
    text = text.rstrip(" \t")
    if not colon or not is_token(text):
        problem = f"{line[:40]!r} does not begin with a header name and a colon"
        raise broken(problem, "RFC 3261 7.3.1", "send Name: value")
    return long_name(text)


def check_sizes(
    start: str, names: Sequence[str], lines: Sequence[str], limits: MessageLimits
) -> None:
    """Refuse more rows, more Vias and longer rows than the limits allow."""
    too_much = ""
    if len(start) > limits.line:
        problem = f"a start line of more than {limits.line} characters is not read"
        raise broken(problem, "RFC 3261 21.4.12", "send a shorter URI", status_hint=414)
    if len(lines) > limits.headers:
        too_much = f"{len(lines)} header rows, at most {limits.headers}"
    elif names.count("via") > limits.vias:
        too_much = f"{names.count('via')} Via rows, at most {limits.vias}"
    elif max(map(len, lines), default=0) > limits.line:
        too_much = f"a header row of more than {limits.line} characters"
    if too_much:
        problem = f"{too_much} are read"
        raise broken(problem, "RFC 3261 21.5.7", "send a smaller message", status_hint=513)


def declared_length(names: tuple[str, ...], lines: tuple[str, ...]) -> int | None:
    """Give the Content-Length, None if there is none; any doubt about it is an error (18.3)."""
    count = names.count("content-length")
    if not count:
        return None
    if count > 1:
        raise wrong_count("content-length", count)
    length = number(value_of(lines[names.index("content-length")]), _MAX_LENGTH)
    if length is None:
        problem = "is not a number of bytes"
        raise malformed("Content-Length", problem, "RFC 3261 20.14", "send digits only")
    return length


def assemble_with_care(
    start: str, names: tuple[str, ...], lines: tuple[str, ...], body: bytes
) -> Request | Response:
    """Make a message and check all that a proxy depends on; see ``parse.assemble``."""
    message = _start(start, names, lines, body)
    _check_rows(message, names, lines)
    if isinstance(message, Request):
        _check_request(message, names, lines)
    return message


def _start(
    start: str, names: tuple[str, ...], lines: tuple[str, ...], body: bytes
) -> Request | Response:
    version, _, rest = start.partition(" ")
    if _VERSION.fullmatch(version):
        status, reason_phrase = _status_line(version, rest)
        return Response(status, reason_phrase, names, lines, _cut(body, names, lines))
    rest, _, version = start.rpartition(" ")
    method, _, uri_text = rest.partition(" ")
    if not (is_token(method) and uri_text and " " not in uri_text and _VERSION.fullmatch(version)):
        problem = "the first line is not method, one space, Request-URI, one space, SIP/2.0"
        raise broken(problem, "RFC 3261 7.1", "send it so", offset=0)
    if version.upper() != "SIP/2.0":
        problem, at = (
            f"the request is in {version}",
            len(rest.encode("utf-8", "surrogateescape")) + 1,
        )
        raise broken(problem, "RFC 3261 7.1", "send SIP/2.0", status_hint=505, offset=at)
    uri = parse_uri(uri_text)
    request = Request(method, uri_text, names, lines, _cut(body, names, lines))
    request.uri = uri
    return request


def _cut(body: bytes, names: tuple[str, ...], lines: tuple[str, ...]) -> bytes:
    # "If there are additional bytes in the transport packet beyond the end of the body, they MUST
    # be discarded. If the transport packet ends before the end of the message body, this is
    # considered an error." (18.3)
    length = declared_length(names, lines)
    if length is not None and length > len(body):
        raise too_short(length, len(body))
    return body[:length]


def _status_line(version: str, rest: str) -> tuple[int, str]:
    if version.upper() != "SIP/2.0":
        problem = f"the response is in {version}"
        raise broken(problem, "RFC 3261 7.1", "send SIP/2.0", status_hint=505, offset=0)
    # Status-Line = SIP-Version SP Status-Code SP Reason-Phrase; some leave the second SP out
    code, _, reason_phrase = rest.partition(" ")
    if len(code) != 3 or not 100 <= (number(code, 999) or 0) <= 699:
        problem = "the status code is not from 100 to 699"
        raise broken(problem, "RFC 3261 7.2", "send three digits", offset=8)
    return int(code), reason_phrase


def _tag(text: str, header: str) -> str | None:
    tag = name_addr(text, header).param("tag")
    if tag == "":
        raise malformed(header, "has a tag without a value", "RFC 3261 19.3", "leave it out")
    return tag


def _check_rows(message: Message, names: tuple[str, ...], lines: tuple[str, ...]) -> None:
    """Check what requests and responses must have, and keep what was read."""
    for name in ("from", "to", "call-id", "cseq"):
        if names.count(name) != 1:
            raise wrong_count(name, names.count(name))
    if "via" not in names:
        raise wrong_count("via", 0)
    message.via = top_via(value_of(lines[names.index("via")]))
    message.from_tag = _tag(value_of(lines[names.index("from")]), "From")
    message.to_tag = _tag(value_of(lines[names.index("to")]), "To")
    message.call_id = call_id = value_of(lines[names.index("call-id")])
    if _WORD.fullmatch(call_id) is None:
        raise malformed("Call-ID", "is not one word", "RFC 3261 25.1", "leave white space out")
    message.cseq = parse_cseq(value_of(lines[names.index("cseq")]))


def _check_request(request: Request, names: tuple[str, ...], lines: tuple[str, ...]) -> None:
    method, named = request.method, request.cseq.method
    if named != method:
        problem = f"CSeq: says {named}, but the request is {method}"
        hint = 400 if method in METHODS else 501
        rule, remedy = "RFC 3261 8.1.1.5", "make them equal"
        raise broken(problem, rule, remedy, status_hint=hint, header="cseq")
    count = names.count("max-forwards")
    if count > 1:
        raise wrong_count("max-forwards", count)
    if count and number(value_of(lines[names.index("max-forwards")]), MAX_FORWARDS) is None:
        problem = "is not a number from 0 to 255"
        raise malformed("Max-Forwards", problem, "RFC 3261 20.22", "send 70")


def wrong_count(name: str, count: int) -> RemoteProtocolError:
    """Make the error for a header that is missing, or there more than once."""
    problem, rule = "is missing", "RFC 3261 8.1.1"
    if count:
        problem, rule = "comes more than once", "RFC 3261 7.3.1"
    return malformed(SPELLED[name], problem, rule, "send exactly one")


def too_short(declared: int, came: int) -> RemoteProtocolError:
    """Make the error for a body that ends before its Content-Length (18.3)."""
    problem = f"{declared} bytes declared, {came} came"
    return malformed("Content-Length", problem, "RFC 3261 18.3", "send all of it")
