"""What a URI wants in the request that is made of it: headers and a body (RFC 3261 19.1.5).

A web page or a Refer-To may have brought the URI, so its author asks for things in the name of
somebody else. For a user agent; a proxy takes all of it out (``Uri.for_request_line``).
"""

from typing import Final

from sansip.message.grammar import Params, is_token
from sansip.message.names import long_name
from sansip.message.uri import Uri
from sansip.value import value

_REFUSED: Final = frozenset(
    {
        # "SHOULD NOT honor these obviously dangerous header fields"
        *("from", "call-id", "cseq", "via", "record-route"),
        # "SHOULD NOT honor any requested Route header field values in order to not be used as an
        # unwitting agent in malicious attacks"; by the same reason nothing else that routes,
        *("route", "path", "service-route", "max-forwards", "proxy-require"),
        # says who asks, or proves it
        *("authorization", "proxy-authorization", "identity", "p-asserted-identity"),
        *("p-preferred-identity", "remote-party-id", "diversion", "history-info"),
        # "SHOULD NOT honor requests to include header fields that may cause it to falsely
        # advertise its location or capabilities"
        *("accept", "accept-encoding", "accept-language", "allow", "allow-events", "contact"),
        *("organization", "supported", "user-agent"),
        # "SHOULD verify the accuracy of any requested descriptive header fields": of these we know
        # the truth ourselves.
        *("content-length", "date", "mime-version", "timestamp"),
    }
)
_OF_A_BODY: Final = frozenset(
    {"content-type", "content-encoding", "content-language", "content-disposition"}
)


@value
class Embedded:
    """The headers (long names in lower case, plain values) and body to put into a request.

    ``refused`` are the headers that are not to be put there, to be shown to somebody.
    """

    headers: Params
    refused: Params
    body: bytes | None


def embedded(uri: Uri) -> Embedded:
    """Sort out what a URI asks for; its method parameter, if any, names the method."""
    pairs = [(long_name(name), text) for name, text in uri.decoded.headers]
    # "The special hname "body" indicates that the associated hvalue is the message-body".
    bodies = [text for name, text in pairs if name == "body"]
    fields = [pair for pair in pairs if pair[0] != "body"]
    kept = [pair for pair in fields if _is_harmless(*pair, bool(bodies))]
    refused = [pair for pair in fields if not _is_harmless(*pair, bool(bodies))]
    refused += [("body", text) for text in bodies[1:]]
    body = bodies[0].encode("utf-8", "surrogateescape") if bodies else None
    return Embedded(tuple(kept), tuple(refused), body)


def _is_harmless(name: str, text: str, has_body: bool) -> bool:  # noqa: FBT001 (a fact)
    if name in _OF_A_BODY and not has_body:
        return False
    # An escaped line end would smuggle in a header of any name.
    return is_token(name) and name not in _REFUSED and text.replace("\t", " ").isprintable()
