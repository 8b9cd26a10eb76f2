"""Messages that a proxy makes itself: replies, ACK for a refusal, CANCEL.

RFC 3261 8.2.6, 17.1.1.3 and 9.1. Rows that must equal those of another message are copied raw.
"""

import re
from collections.abc import Iterable, Mapping
from itertools import compress
from types import MappingProxyType
from typing import Final

from sansip.errors import RemoteProtocolError
from sansip.message.base import Message
from sansip.message.fields import parse_name_addr
from sansip.message.grammar import split_outside
from sansip.message.model import Request, Response
from sansip.message.rows import Headers, checked, make_rows, row, status_code, token, value_of

MOST_TAGS: Final = 20  # that a 420 names: an answer is not to be larger than its request
_NO_BODY: Final = ("Content-Length: 0",)
_FIRST_FORWARDS: Final = "Max-Forwards: 70"  # 20.22
_TRYING: Final = 100
_OF_TRYING: Final = frozenset({"via", "from", "to", "call-id", "cseq", "timestamp"})  # 8.2.6
_DIALOG_FORMING: Final = frozenset({"INVITE", "REFER", "SUBSCRIBE"})
_PROGRESS: Final = 183
_PROVISIONAL: Final = range(101, 200)
_FORM_DIALOGS: Final = range(101, 300)

_TAG: Final = re.compile(r";[ \t]*+tag[ \t]*+=", re.IGNORECASE)

# RFC 3261 21 and the registry's later entries.
_PHRASES: Final[Mapping[int, str]] = MappingProxyType(
    {
        100: "Trying",
        180: "Ringing",
        181: "Call Is Being Forwarded",
        182: "Queued",
        183: "Session Progress",
        199: "Early Dialog Terminated",
        200: "OK",
        202: "Accepted",
        204: "No Notification",
        300: "Multiple Choices",
        301: "Moved Permanently",
        302: "Moved Temporarily",
        305: "Use Proxy",
        380: "Alternative Service",
        400: "Bad Request",
        401: "Unauthorized",
        402: "Payment Required",
        403: "Forbidden",
        404: "Not Found",
        405: "Method Not Allowed",
        406: "Not Acceptable",
        407: "Proxy Authentication Required",
        408: "Request Timeout",
        410: "Gone",
        412: "Conditional Request Failed",
        413: "Request Entity Too Large",
        414: "Request-URI Too Long",
        415: "Unsupported Media Type",
        416: "Unsupported URI Scheme",
        417: "Unknown Resource-Priority",
        420: "Bad Extension",
        421: "Extension Required",
        422: "Session Interval Too Small",
        423: "Interval Too Brief",
        424: "Bad Location Information",
        425: "Bad Alert Message",
        428: "Use Identity Header",
        429: "Provide Referrer Identity",
        430: "Flow Failed",
        433: "Anonymity Disallowed",
        436: "Bad Identity Info",
        437: "Unsupported Credential",
        438: "Invalid Identity Header",
        439: "First Hop Lacks Outbound Support",
        440: "Max-Breadth Exceeded",
        469: "Bad Info Package",
        470: "Consent Needed",
        480: "Temporarily Unavailable",
        481: "Call/Transaction Does Not Exist",
        482: "Loop Detected",
        483: "Too Many Hops",
        484: "Address Incomplete",
        485: "Ambiguous",
        486: "Busy Here",
        487: "Request Terminated",
        488: "Not Acceptable Here",
        489: "Bad Event",
        491: "Request Pending",
        493: "Undecipherable",
        494: "Security Agreement Required",
        500: "Server Internal Error",
        501: "Not Implemented",
        502: "Bad Gateway",
        503: "Service Unavailable",
        504: "Server Time-out",
        505: "Version Not Supported",
        513: "Message Too Large",
        555: "Push Notification Service Not Supported",
        580: "Precondition Failure",
        600: "Busy Everywhere",
        603: "Decline",
        604: "Does Not Exist Anywhere",
        606: "Not Acceptable",
        607: "Unwanted",
        608: "Rejected",
    }
)


def phrase(status: int) -> str:
    """Give the usual reason phrase; for an unknown code that of its class (8.1.3.2)."""
    if status not in _PHRASES:
        status = _PROGRESS if status in _PROVISIONAL else status // 100 * 100
    return _PHRASES.get(status, "")


def reply(
    request: Request,
    status: int,
    reason: str | None = None,
    *,
    to_tag: str | None = None,
    headers: Headers = (),
    body: bytes = b"",
) -> Response:
    """Answer a request: ``reply(request, 200, headers=[("Contact", "<sip:me@192.0.2.1>")])``.

    What must equal the request's is copied from it (RFC 3261 8.2.6), Record-Route too where a
    dialog may begin, and ``headers`` come after that; Content-Length is added. ``reason`` is the
    usual phrase by default. ``to_tag`` is used when To has no tag yet; a 100 gets none. With
    ``ResponseSubmitted`` a response needs none: the core puts one in.

    Tolerates a request that lacks headers or has too many, since refusals are made of what could be
    saved of it. ``LocalProtocolError`` if anything given would break the status line or a row.
    """
    # "The Via header field values in the response MUST equal those in the request" (8.2.6.2)
    lines = [*request.raw("via")]
    # Record-Route: "MUST copy all" when the response may establish a dialog (12.1.1)
    if status in _FORM_DIALOGS and request.method in _DIALOG_FORMING:
        lines += request.raw("record-route")
    lines += _first(request, "from")
    to = _first(request, "to")
    if to and to_tag is not None and status > _TRYING and _lacks_tag(to[0]):
        to = (f"{to[0]};tag={token(to_tag, 'tag')}",)
    lines += to
    lines += _first(request, "call-id")
    lines += _first(request, "cseq")
    if status == _TRYING:  # "any Timestamp header field [...] MUST be copied" (8.2.6.1)
        lines += _first(request, "timestamp")
    lines += make_rows(headers, body) if headers or body else _NO_BODY
    text = phrase(status) if reason is None else checked(reason)
    return Response(status_code(status), text, tuple(lines), body)


def not_understood(request: Request, header: str, extensions: Iterable[str]) -> str:
    """List the option tags in Require or Proxy-Require that are none of these, for Unsupported."""
    if header not in request.names:
        return ""
    known = {tag.lower() for tag in extensions}
    unknown = [tag for tag in request.values(header) if tag.lower() not in known]
    return ", ".join(list(dict.fromkeys(unknown))[:MOST_TAGS])


def trying(request: Request) -> bytes:
    """Give the 100 for a request as it goes on the wire: most INVITEs get one at once.

    The same as ``reply(request, 100)``, but for the order of its rows, which is the request's.
    """
    kept = compress(request.lines, map(_OF_TRYING.__contains__, request.names))
    text = "\r\n".join(("SIP/2.0 100 Trying", *kept, *_NO_BODY, "", ""))
    return text.encode("utf-8", "surrogateescape")


def _first(message: Message, name: str) -> tuple[str, ...]:
    """The first row of that name as it came, if there is one."""
    names = message.names
    return (message.lines[names.index(name)],) if name in names else ()


def _lacks_tag(line: str) -> bool:
    """Whether a To row has no tag, not even one without a value."""
    try:
        return parse_name_addr(value_of(line)).param("tag") is None
    except RemoteProtocolError:
        return _TAG.search(line) is None


def ack(request: Request, response: Response) -> Request:
    """Acknowledge a response above 299 to an INVITE (17.1.1.3); ``request`` is the one sent."""
    # The ACK has the Request-URI, Call-ID, From, top Via, CSeq number and Route values of the
    # request "passed to the transport", and the To of the response.
    lines = _hop_by_hop(request, "ACK", response)
    lines += request.raw("authorization") + request.raw("proxy-authorization")
    return _finished(request, "ACK", lines)


def cancel(request: Request, reason: str | None = None) -> Request:
    """Cancel an INVITE (9.1); ``request`` is the one sent on that branch.

    ``reason`` is the value, or the values with commas between, of a Reason header (RFC 3326).
    """
    # "The Request-URI, Call-ID, To, the numeric part of CSeq, and From header fields in the CANCEL
    # request MUST be identical to those in the request being cancelled, including tags", one Via
    # that matches the top Via, the Route values; no Require, no Proxy-Require.
    lines = _hop_by_hop(request, "CANCEL", request)
    if reason is not None:
        lines.append(row("Reason", reason))
    return _finished(request, "CANCEL", lines)


def _hop_by_hop(request: Request, method: str, to: Message) -> list[str]:
    """Copy what ACK and CANCEL have in common with their INVITE."""
    lines = [_first_via(request)]
    lines += request.raw("route")
    lines.append(_FIRST_FORWARDS)
    lines += _first(request, "from")
    lines += _first(to, "to")
    lines += _first(request, "call-id")
    lines.append(f"CSeq: {request.cseq.number} {method}")
    return lines


def _finished(request: Request, method: str, lines: list[str]) -> Request:
    return Request(method, request.uri_text, (*lines, *_NO_BODY))


def _first_via(request: Request) -> str:
    line = request.raw("via")[0]
    return f"Via: {split_outside(value_of(line), ',')[0].rstrip()}" if "," in line else line
