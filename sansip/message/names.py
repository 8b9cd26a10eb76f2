"""Header names: one lower-case long form for every spelling (RFC 3261 7.3.1, 7.3.3, 20).

``known_name`` finds the exact spellings that nearly every message uses in one dictionary look-up,
colon included, so that a line without a colon can never match. Any other spelling takes the slower
road through ``long_name``.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

# RFC 3261, and the compact forms registered since (RFC 3841, 3892, 4474, 6665, 3515, 4028).
COMPACT: Final[Mapping[str, str]] = MappingProxyType(
    {
        "a": "accept-contact",
        "b": "referred-by",
        "c": "content-type",
        "d": "request-disposition",
        "e": "content-encoding",
        "f": "from",
        "i": "call-id",
        "j": "reject-contact",
        "k": "supported",
        "l": "content-length",
        "m": "contact",
        "n": "identity-info",
        "o": "event",
        "r": "refer-to",
        "s": "subject",
        "t": "to",
        "u": "allow-events",
        "v": "via",
        "x": "session-expires",
        "y": "identity",
    }
)

_SPELLINGS: Final = (
    "Accept",
    "Accept-Contact",
    "Accept-Encoding",
    "Accept-Language",
    "Alert-Info",
    "Allow",
    "Allow-Events",
    "Authentication-Info",
    "Authorization",
    "Call-ID",
    "Call-Info",
    "Contact",
    "Content-Disposition",
    "Content-Encoding",
    "Content-Language",
    "Content-Length",
    "Content-Type",
    "CSeq",
    "Date",
    "Diversion",
    "Error-Info",
    "Event",
    "Expires",
    "From",
    "History-Info",
    "Identity",
    "Identity-Info",
    "In-Reply-To",
    "Max-Forwards",
    "MIME-Version",
    "Min-Expires",
    "Min-SE",
    "Organization",
    "P-Asserted-Identity",
    "P-Charging-Vector",
    "P-Preferred-Identity",
    "Path",
    "Priority",
    "Privacy",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Proxy-Require",
    "RAck",
    "Reason",
    "Record-Route",
    "Refer-To",
    "Referred-By",
    "Reject-Contact",
    "Remote-Party-ID",
    "Replaces",
    "Reply-To",
    "Request-Disposition",
    "Require",
    "Retry-After",
    "Route",
    "RSeq",
    "Server",
    "Service-Route",
    "Session-Expires",
    "SIP-ETag",
    "SIP-If-Match",
    "Subject",
    "Subscription-State",
    "Supported",
    "Timestamp",
    "To",
    "Unsupported",
    "User-Agent",
    "Via",
    "Warning",
    "WWW-Authenticate",
)

# How we spell a name ourselves, by its lower-case long form.
SPELLED: Final[Mapping[str, str]] = MappingProxyType({text.lower(): text for text in _SPELLINGS})


def _known() -> dict[str, str]:
    table = {f"{text}:": name for name, text in SPELLED.items()}
    table |= {f"{name}:": name for name in SPELLED}
    table |= {f"{short}:": name for short, name in COMPACT.items()}
    table |= {f"{short.upper()}:": name for short, name in COMPACT.items()}
    return table


known_name: Final = _known().get

# Headers whose value is one whole, whatever commas are in it: those that RFC 3261 7.3.1 exempts,
# and those whose grammar is no list (table 2 and section 25). Unknown headers are never split by
# sansip itself; a caller who asks for the values of one says that it is a list.
SINGLE: Final = frozenset(
    {
        "authentication-info",
        "authorization",
        "call-id",
        "content-length",
        "content-type",
        "cseq",
        "date",
        "from",
        "max-forwards",
        "organization",
        "proxy-authenticate",
        "proxy-authorization",
        "retry-after",
        "server",
        "subject",
        "timestamp",
        "to",
        "user-agent",
        "www-authenticate",
    }
)


def long_name(text: str) -> str:
    """Give the lower-case long form of a header name in any spelling."""
    name = text.lower()
    return COMPACT.get(name, name)
