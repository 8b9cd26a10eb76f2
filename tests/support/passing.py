"""Requests on their way through a proxy, and what that proxy calls itself."""

from sansip.message import Request, Uri

MINE = {
    ("proxy.example.com", 5060),
    ("192.0.2.10", 5060),
    ("192.0.2.10", 5070),
    ("2001:db8::a", 5060),
}
EMPTY = ["", " , ,"]  # Route values that a sender may leave empty


def mine(uri: Uri) -> bool:
    """Whether a URI names this proxy."""
    return (uri.host, uri.port or 5060) in MINE


def make(
    uri: str = "sip:bob@example.com", *headers: tuple[str, str], method: str = "INVITE"
) -> Request:
    """A request with these headers."""
    return Request.make(
        method,
        uri,
        (
            ("Via", "SIP/2.0/UDP caller.example.net;branch=z9hG4bKa"),
            *headers,
            ("From", "<sip:alice@example.net>;tag=a"),
            ("To", "<sip:bob@example.com>"),
            ("Call-ID", "c"),
            ("CSeq", f"1 {method}"),
        ),
    )


def routed(*routes: str, uri: str = "sip:bob@example.com") -> Request:
    """A request with these rows of Route."""
    return make(uri, *[("Route", route) for route in routes])
