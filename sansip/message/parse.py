"""Reading messages (RFC 3261 7, 18.3, 16.3 item 1, 25; RFC 4475).

Checked is what a proxy depends on: the start line, Via, From, To, Call-ID, CSeq, Max-Forwards,
Content-Length. Nothing else is looked at, so a malformed header that a proxy does not need never
stops a message.

Lines end in CRLF (25.1). A bare LF or CR in the head is refused, since two readers that differ on
where a line ends can be played off against each other. ``bare_lf=True`` accepts LF for CRLF.
"""

import re
from typing import Final

from sansip.errors import RemoteProtocolError
from sansip.message.limits import DEFAULT_LIMITS, MessageLimits
from sansip.message.model import Request, Response
from sansip.message.parse_careful import read_with_care, too_short
from sansip.message.parse_ordinary import read_folded, read_ordinary
from sansip.message.salvage import salvage

_EMPTY_LINE: Final = re.compile(rb"\n\r?\n")


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
        message, start, length = read_head(data, limits)
        body = data[start:]
        if length is not None and length != len(body):
            # "If there are additional bytes in the transport packet beyond the end of the body,
            # they MUST be discarded. If the transport packet ends before the end of the message
            # body, this is considered an error." (18.3)
            if length > len(body):
                raise too_short(length, len(body), len(data))
            body = body[:length]
    except RemoteProtocolError as error:
        error.message = salvage(data, limits)
        raise
    message.body = body
    return message


def read_head(data: bytes, limits: MessageLimits) -> tuple[Request | Response, int, int | None]:
    """Read the head of a message, up to and with its empty line.

    Gives the message still without its body, where the body begins, and its Content-Length.
    """
    if len(data) > limits.message:
        return read_with_care(data, limits)
    start = 0
    if data.isascii():
        text = data.decode("ascii")
    else:
        start = data.find(b"\r\n\r\n") + 4
        text = data[:start].decode("utf-8", "surrogateescape")
    try:
        found = read_ordinary(text, limits) or read_folded(text, limits)
    except RemoteProtocolError:  # with care it is said better what is wrong
        found = None
    if found is None:
        return read_with_care(data, limits)
    message, end, length = found
    return message, start or end, length


def _with_crlf(data: bytes) -> bytes:
    """Make the bare LFs of a head CRLFs."""
    found = _EMPTY_LINE.search(data)
    end = len(data) if found is None else found.end()
    return data[:end].replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") + data[end:]
