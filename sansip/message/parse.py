"""Reading messages from datagrams (RFC 3261 7, 18.3, 16.3 item 1, 25; RFC 4475).

Two steps, which a reader of streams shares: ``read_rows`` takes the head apart into rows, and
``assemble`` makes the message of it and checks what a proxy depends on: the start line, Via, From,
To, Call-ID, CSeq, Max-Forwards, Content-Length. Nothing else is looked at, so a malformed header
that a proxy does not need never stops a message.

One pattern recognises all of that in its ordinary form, and takes it apart at the same time; what
it does not recognise goes to ``sansip.message.careful``, which decides. The two agree wherever the
pattern matches.

Lines end in CRLF (25.1). A bare LF or CR in the head is refused, since two readers that differ on
where a line ends can be played off against each other. ``bare_lf=True`` accepts LF for CRLF.
"""

import re
from collections.abc import Mapping
from operator import itemgetter
from types import MappingProxyType
from typing import Final

from sansip.errors import RemoteProtocolError
from sansip.message.careful import (
    assemble_with_care,
    check_sizes,
    name_with_care,
    too_short,
)
from sansip.message.fields import ORDINARY_ADDRESS, CSeq, Via
from sansip.message.grammar import TOKEN_CHARACTERS, Params, broken
from sansip.message.limits import DEFAULT_LIMITS, MessageLimits
from sansip.message.model import Request, Response
from sansip.message.names import known_name
from sansip.message.rows import top_via, value_of
from sansip.message.salvage import salvage
from sansip.message.uri import parse_uri

Rows = tuple[str, tuple[str, ...], tuple[str, ...]]  # start line, names, lines

_EMPTY_LINE: Final = re.compile(rb"\n\r?\n")
_BARE_END: Final = re.compile(rb"(?<!\r)\n|\r(?!\n)")
_ONCE: Final = ("from", "to", "call-id", "cseq", "max-forwards", "content-length")

_HOST: Final = r"(?:[A-Za-z0-9.\-]++|\[[0-9A-Fa-f:.]++\])"  # what is in brackets is checked later
_ROWS: Final = (
    rf"(?:Via|v): SIP/2\.0/([A-Z]++) ({_HOST})(?::([0-9]{{1,4}}+))?+((?:;rport)?+)"
    rf";branch=([{TOKEN_CHARACTERS}]++)((?:;[a-z]++(?:=[{TOKEN_CHARACTERS}]++)?+)*+)"
    r"(?: ?,[^\n]*+)?+\n"  # other people's values are none of our business
    rf"(?:From|f): {ORDINARY_ADDRESS}\n(?:To|t): {ORDINARY_ADDRESS}\n"
    r"(?:Call-ID|i): ([^\x00-\x20\x7f]++)\n"
    r"(?:Content-Length|l): ([0-9]{1,5}+)\n"
    r"CSeq: ([0-9]{1,9}+) "
)
_ORDINARY_REQUEST: Final = re.compile(
    rf"([A-Z]++) (sips?:(?:[A-Za-z0-9_.+\-]++@)?+{_HOST}(?::[0-9]{{1,4}}+)?+"
    rf"(?:;[a-z]++(?:=[{TOKEN_CHARACTERS}]++)?+)*+) SIP/2\.0\n"
    rf"{_ROWS}(\1)\nMax-Forwards: ([0-9]{{1,2}}+)"
).fullmatch
_ORDINARY_RESPONSE: Final = re.compile(
    rf"SIP/2\.0 ([1-6][0-9][0-9]) ([^\n]*+)\n{_ROWS}([A-Z]++)()"
).fullmatch
_REQUEST_ROWS: Final = itemgetter(
    "via", "from", "to", "call-id", "content-length", "cseq", "max-forwards"
)
_RESPONSE_ROWS: Final = itemgetter("via", "from", "to", "call-id", "content-length", "cseq")
# The parameters beside branch that nearly every Via has.
_FEW_PARAMS: Final[Mapping[str, Params]] = MappingProxyType({"": (), ";rport": (("rport", ""),)})


def parse(
    data: bytes, *, limits: MessageLimits = DEFAULT_LIMITS, bare_lf: bool = False
) -> Request | Response:
    """Read one message from one datagram.

    Raises ``RemoteProtocolError`` and nothing else. Its ``message`` is what could be recovered: a
    request that can be answered (one that has a Via), a response, or None.
    """
    try:
        if bare_lf:
            data = _with_crlf(data)
        end = data.find(b"\r\n\r\n")
        start, names, lines = read_rows(data, end, limits)
        return assemble(start, names, lines, data[end + 4 :])
    except RemoteProtocolError as error:
        error.message = salvage(data, limits)
        raise


def read_rows(data: bytes, end: int, limits: MessageLimits) -> Rows:
    """Take the head apart, which goes up to ``end``: to before the empty line, or -1."""
    if end < 0 or len(data) > limits.message:
        raise _unreadable(data, limits)
    head = data[:end]
    start, *lines = head.decode("utf-8", "surrogateescape").split("\r\n")
    count = len(lines)
    # As many CRs, and as many LFs, as there are CRLFs. (Taking them out is twice as fast as count.)
    if end - len(head.replace(b"\n", b"")) != count or end - len(head.replace(b"\r", b"")) != count:
        raise _bare_line_end(head)
    # "Name: value" with a name in a usual spelling, or else ""
    names = [known_name(line.partition(" ")[0], "") for line in lines]
    if "" in names:
        names, lines = name_with_care(start, names, lines)
    if end > limits.line or count > limits.vias or count > limits.headers:
        check_sizes(start, names, lines, limits)
    return start, tuple(names), tuple(lines)


def assemble(
    start: str, names: tuple[str, ...], lines: tuple[str, ...], body: bytes
) -> Request | Response:
    """Make a message and check all that a proxy depends on.

    ``body`` is what came after the head; what is more than Content-Length is left out (18.3).
    """
    rows = dict(zip(names, lines, strict=True))
    if len(rows) < len(names):
        rows = _first_rows(rows, names, lines)
    is_response = start.startswith("SIP/2.0 ")
    try:
        if is_response:
            found = _ORDINARY_RESPONSE("\n".join((start, *_RESPONSE_ROWS(rows))))
        else:
            found = _ORDINARY_REQUEST("\n".join((start, *_REQUEST_ROWS(rows))))
    except KeyError:  # something is missing
        found = None
    if found is None:
        return assemble_with_care(start, names, lines, body)
    (
        first,
        second,
        transport,
        host,
        port,
        rport,
        branch,
        rest,
        from_tag,
        to_tag,
        call_id,
        declared,
        number,
        method,
        forwards,
    ) = found.groups()
    length = int(declared)
    if length != len(body):
        if length > len(body):
            raise too_short(length, len(body))
        body = body[:length]
    message: Request | Response
    if is_response:
        message = Response(int(first), second, names, lines, body)
    else:
        message = request = Request(first, second, names, lines, body)
        request.max_forwards = int(forwards)
        if "[" in second:
            request.uri = parse_uri(second)
    if rest in _FEW_PARAMS and not rport and "[" not in host:
        message.via = Via(transport, host, int(port) if port else None, branch, _FEW_PARAMS[rest])
    else:
        message.via = top_via(value_of(rows["via"]))
    message.from_tag, message.to_tag = from_tag, to_tag
    message.call_id = call_id
    message.cseq = CSeq(int(number), method)
    return message


def _first_rows(
    rows: dict[str, str], names: tuple[str, ...], lines: tuple[str, ...]
) -> dict[str, str]:
    """Put the first Via row in the place of the last; give nothing if others come twice."""
    for name in _ONCE:
        if names.count(name) > 1:
            return {}
    if "via" in rows:
        rows["via"] = lines[names.index("via")]
    return rows


def _unreadable(data: bytes, limits: MessageLimits) -> RemoteProtocolError:
    if len(data) > limits.message:
        problem = f"{len(data)} bytes, at most {limits.message} are read"
        remedy, at = "send a smaller message", limits.message
        return broken(problem, "RFC 3261 21.5.7", remedy, status_hint=513, offset=at)
    problem = "no empty line ends the headers"
    return broken(problem, "RFC 3261 7", "end them with CRLF CRLF", offset=len(data))


def _bare_line_end(head: bytes) -> RemoteProtocolError:
    found = _BARE_END.search(head)
    problem, at = "a line ends in a bare CR or LF", -1 if found is None else found.start()
    return broken(problem, "RFC 3261 25.1", "end every line with CRLF", offset=at)


def _with_crlf(data: bytes) -> bytes:
    """Make the bare LFs of a head CRLFs."""
    found = _EMPTY_LINE.search(data)
    end = len(data) if found is None else found.end()
    return data[:end].replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") + data[end:]
