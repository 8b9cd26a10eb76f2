"""The careful reader: all that the grammar of RFC 3261 section 25 allows, and what it does not.

``parse`` comes here with whatever is not in the most ordinary form: folded rows, odd names and
spellings, IPv6, parameters of every kind, mistakes. What is refused is refused here, with the
header, the place, the rule and the remedy.
"""

import re
from collections.abc import Sequence
from typing import Final

from sansip.errors import RemoteProtocolError
from sansip.message.base import MOST_FORWARDS
from sansip.message.fields import parse_cseq, parse_name_addr
from sansip.message.grammar import MAX_32_BITS, broken, is_token, malformed, number
from sansip.message.limits import MessageLimits
from sansip.message.model import Request, Response
from sansip.message.names import SPELLED
from sansip.message.rows import names_of, top_via, unsplit, value_of
from sansip.message.uri import parse_uri

Rows = tuple[str, tuple[str, ...], tuple[str, ...]]  # start line, names, lines

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
_WORD: Final = re.compile(r"[^\x00-\x20\x7f]++")
_BARE_END: Final = re.compile(rb"(?<!\r)\n|\r(?!\n)")


def read_with_care(
    data: bytes, limits: MessageLimits
) -> tuple[Request | Response, int, int | None]:
    """Read the head of a message; see ``sansip.message.parse.read_head``."""
    start, names, lines = read_rows(data, limits)
    try:
        message = _message(start, names, lines)
        length = declared_length(names, lines)
        _check_rows(message)
        if isinstance(message, Request):
            _check_request(message)
    except RemoteProtocolError as error:
        if error.offset < 0:
            error.offset = _place(error.header, start, names, lines)
        raise
    return message, data.find(b"\r\n\r\n") + 4, length


# Rows


def read_rows(data: bytes, limits: MessageLimits) -> Rows:
    """Take the head of a message apart into its start line and its rows, folds still in them."""
    end = data.find(b"\r\n\r\n")
    if len(data) > limits.message:
        problem = f"{len(data)} bytes, at most {limits.message} are read"
        remedy, at = "send a smaller message", limits.message
        raise broken(problem, "RFC 3261 21.5.7", remedy, status_hint=513, offset=at)
    if end < 0:
        problem = "no empty line ends the headers"
        raise broken(problem, "RFC 3261 7", "end them with CRLF CRLF", offset=len(data))
    head = data[:end]
    start, *lines = head.decode("utf-8", "surrogateescape").split("\r\n")
    # As many CRs, and as many LFs, as CRLFs. (Taking them out is twice as fast as counting.)
    count = len(lines)
    if end - len(head.replace(b"\n", b"")) != count or end - len(head.replace(b"\r", b"")) != count:
        raise _bare_line_end(head)
    if lines and lines[0].startswith((" ", "\t")):
        problem, at = "a continuation line follows the start line", data.find(b"\r\n") + 2
        raise broken(problem, "RFC 3261 7.3.1", "begin with a header", offset=at)
    lines = unsplit(lines)
    names = names_of(lines)
    if "" in names:
        line = lines[names.index("")]
        problem = f"{line[:40]!r} does not begin with a header name and a colon"
        at = _offset(start, lines, names.index(""))
        raise broken(problem, "RFC 3261 7.3.1", "send Name: value", offset=at)
    _check_sizes(start, names, lines, limits)
    return start, names, tuple(lines)


def _bare_line_end(head: bytes) -> RemoteProtocolError:
    found = _BARE_END.search(head)
    problem, at = "a line ends in a bare CR or LF", -1 if found is None else found.start()
    return broken(problem, "RFC 3261 25.1", "end every line with CRLF", offset=at)


def _check_sizes(
    start: str, names: tuple[str, ...], lines: list[str], limits: MessageLimits
) -> None:
    """Refuse more rows, more Vias and longer rows than the limits allow."""
    too_much, at = "", -1
    if len(start) > limits.line:
        problem = f"a start line of more than {limits.line} characters is not read"
        rule, remedy = "RFC 3261 21.4.12", "send a shorter URI"
        raise broken(problem, rule, remedy, status_hint=414, offset=limits.line)
    if len(lines) > limits.headers:
        too_much, at = f"{len(lines)} header rows, at most {limits.headers}", limits.headers
    elif names.count("via") > limits.vias:
        too_much = f"{names.count('via')} Via rows, at most {limits.vias}"
        at = [at for at, name in enumerate(names) if name == "via"][limits.vias]
    else:
        longest = max(lines, key=len, default="")
        if len(longest) > limits.line:
            too_much = f"a row of {len(longest)} characters, at most {limits.line}"
            at = lines.index(longest)
    if too_much:
        problem, offset = f"{too_much} are read", _offset(start, lines, at)
        remedy = "send a smaller message"
        raise broken(problem, "RFC 3261 21.5.7", remedy, status_hint=513, offset=offset)


# Where an error is, in bytes


def _offset(start: str, lines: Sequence[str], at: int) -> int:
    """Give the place where a row begins."""
    return len("\r\n".join((start, *lines[:at], "")).encode("utf-8", "surrogateescape"))


def _place(header: str, start: str, names: tuple[str, ...], lines: tuple[str, ...]) -> int:
    """Give the place of a header: of the second row, if two are the fault; the end, if none is."""
    if header not in names:
        # the Request-URI, which is in the start line, or a row that is missing
        return start.find(" ") + 1 if header == "request-uri" else _offset(start, lines, len(lines))
    at = names.index(header)
    if header != "via" and names.count(header) > 1:
        at = names.index(header, at + 1)
    return _offset(start, lines, at)


# What a proxy depends on


def declared_length(names: tuple[str, ...], lines: tuple[str, ...]) -> int | None:
    """Give the Content-Length, None if there is none; any doubt about it is an error (18.3)."""
    count = names.count("content-length")
    if not count:
        return None
    if count > 1:
        raise wrong_count("content-length", count)
    length = number(value_of(lines[names.index("content-length")]), MAX_32_BITS)
    if length is None:
        problem = "is not a number of bytes"
        raise malformed("Content-Length", problem, "RFC 3261 20.14", "send digits only")
    return length


def _message(start: str, names: tuple[str, ...], lines: tuple[str, ...]) -> Request | Response:
    """Make a message of its start line and rows."""
    message: Request | Response
    version, _, rest = start.partition(" ")
    if _VERSION.fullmatch(version):
        status, reason_phrase = _status_line(version, rest)
        message = Response(status, reason_phrase, lines)
    else:
        method, uri_text = _request_line(start)
        uri = parse_uri(uri_text)
        message = request = Request(method, uri_text, lines)
        request.uri = uri
    message.names = names
    return message


def _request_line(start: str) -> tuple[str, str]:
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
    return method, uri_text


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
    tag = parse_name_addr(text, header).param("tag")
    if tag == "":
        raise malformed(header, "has a tag without a value", "RFC 3261 19.3", "leave it out")
    return tag


def _check_rows(message: Request | Response) -> None:
    """Check what requests and responses must have, and keep what was read."""
    names, lines = message.names, message.lines
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
        problem = "is not one word"
        raise malformed("Call-ID", problem, "RFC 3261 25.1", "leave white space out")
    message.cseq = parse_cseq(value_of(lines[names.index("cseq")]))


def _check_request(request: Request) -> None:
    method, named = request.method, request.cseq.method
    if named != method:
        problem = f"CSeq: says {named}, but the request is {method}"
        hint = 400 if method in METHODS else 501
        rule, remedy = "RFC 3261 8.1.1.5", "make them equal"
        raise broken(problem, rule, remedy, status_hint=hint, header="cseq")
    names = request.names
    count = names.count("max-forwards")
    if count > 1:
        raise wrong_count("max-forwards", count)
    if (
        count
        and number(value_of(request.lines[names.index("max-forwards")]), MOST_FORWARDS) is None
    ):
        problem = "is not a number from 0 to 255"
        raise malformed("Max-Forwards", problem, "RFC 3261 20.22", "send 70")


def wrong_count(name: str, count: int) -> RemoteProtocolError:
    """Make the error for a header that is missing, or there more than once."""
    problem, rule = "is missing", "RFC 3261 8.1.1"
    if count:
        problem, rule = "comes more than once", "RFC 3261 7.3.1"
    return malformed(SPELLED[name], problem, rule, "send exactly one")


def too_short(declared: int, came: int, at: int = -1) -> RemoteProtocolError:
    """Make the error for a body that ends before its Content-Length (18.3)."""
    problem = f"{declared} bytes declared, {came} came"
    rule, remedy = "RFC 3261 18.3", "send all of it"
    return broken(f"Content-Length: {problem}", rule, remedy, header="content-length", offset=at)
