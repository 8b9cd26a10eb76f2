"""Typed headers, read on demand: ``headers.CONTACT.of(request)`` (RFC 3261 20 and extensions).

There is a constant for every header whose grammar is known here, each ``One`` or ``Many``::

    for contact in headers.CONTACT.of(request):  # tuple[NameAddr, ...], whatever rows and _commas
        ...
    seconds = headers.EXPIRES.of(request)  # int | None
    request = request.set("Contact", str(contact))

``find`` gives the constant for a name in any spelling. A header that it does not know is text, and
so it stays: nothing is split or unquoted by rules that may not be its own (7.3.1).

Reading raises ``RemoteProtocolError`` when what the peer sent is malformed. Values render by
``str``; ``render`` proves besides that the text reads back as an equal value.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, Generic, TypeVar, cast

from sansip.errors import LocalProtocolError, RemoteProtocolError
from sansip.message import header_readers as read
from sansip.message.base import Message
from sansip.message.fields import STAR, CSeq, NameAddr, Via
from sansip.message.grammar import MAX_32_BITS, malformed, split_outside, unfold
from sansip.message.header_readers import Reader
from sansip.message.header_values import (
    AuthenticationInfo,
    Challenge,
    Credentials,
    Date,
    DialogId,
    Interval,
    Parameterised,
    RAck,
    Reason,
    RetryAfter,
    SipWarning,
    Timestamp,
)
from sansip.message.names import long_name
from sansip.message.rows import checked
from sansip.value import value

T = TypeVar("T")
Splitter = Callable[[str], list[str]]


@value
class _Header(Generic[T]):
    name: str  # as it is usually spelled
    rule: str  # the section that describes it
    read: Reader[T]

    def parse(self, text: str) -> T:
        """Read one value; ``RemoteProtocolError`` if it is malformed."""
        return self.read(unfold(text), self.name, self.rule)

    def render(self, value: T) -> str:
        """Write one value; ``LocalProtocolError`` if there is no text that reads back the same."""
        text = str(value)
        try:
            proven = self.parse(checked(text)) == value
        except RemoteProtocolError:
            proven = False
        if not proven:
            message = f"{value!r} cannot be written: {text!r} does not read back the same"
            raise LocalProtocolError(message)
        return text


@value
class One(_Header[T]):
    """A header with one value."""

    def of(self, message: Message) -> T | None:
        """Give the value in a message, None if there is none.

        ``RemoteProtocolError`` if it is malformed or there are two.
        """
        rows = message.rows(self.name.lower())
        if len(rows) > 1:
            raise malformed(self.name, "comes twice", "RFC 3261 7.3.1", "send it once")
        return self.read(rows[0], self.name, self.rule) if rows else None


@value
class Many(_Header[T]):
    """A header with any number of values; ``split`` cuts a row into their texts."""

    split: Splitter

    def of(self, message: Message) -> tuple[T, ...]:
        """Give all values in a message in their order, whatever the mix of rows and commas (7.3.1).

        ``RemoteProtocolError`` if any of them is malformed.
        """
        rows = message.rows(self.name.lower())
        texts = [text for row in rows for text in self.split(row)]
        return tuple([self.read(text, self.name, self.rule) for text in texts])


@value
class _Contacts(Many[NameAddr]):
    def of(self, message: Message) -> tuple[NameAddr, ...]:
        found = Many[NameAddr].of(self, message)  # super() knows not the class with slots
        if STAR in found and len(found) > 1:
            problem = "has * beside something else"
            raise malformed(self.name, problem, self.rule, "send it alone")
        return found


def _commas(row: str) -> list[str]:
    """Split at commas outside quotes and angle brackets."""
    return _pieces(split_outside(row, ","))


def _all_commas(row: str) -> list[str]:
    """Split at all commas: a Call-ID may hold any number of quotes and brackets."""
    return _pieces(row.split(","))


def _semicolons(row: str) -> list[str]:
    """Split at semicolons; at _commas, too, which some send."""
    return _pieces(row.replace(",", ";").split(";"))


def _nowhere(row: str) -> list[str]:
    """Leave a row as it is: commas are part of the value (7.3.1)."""
    return [row]


def _pieces(texts: list[str]) -> list[str]:
    return [text for text in [text.strip(" \t") for text in texts] if text]


def _addresses(name: str, rule: str) -> Many[NameAddr]:
    return Many(name, rule, read.address, _commas)


def _bracketed(name: str, rule: str) -> Many[NameAddr]:
    return Many(name, rule, read.bracketed, _commas)


def _address(name: str, rule: str) -> One[NameAddr]:
    return One(name, rule, read.address)


def _tokens(name: str, rule: str) -> Many[str]:
    return Many(name, rule, read.token, _commas)


def _token(name: str, rule: str) -> One[str]:
    return One(name, rule, read.token)


def _text(name: str, rule: str) -> One[str]:
    return One(name, rule, read.anything)


def _list(name: str, rule: str) -> Many[Parameterised]:
    return Many(name, rule, read.with_params, _commas)


def _single(name: str, rule: str) -> One[Parameterised]:
    return One(name, rule, read.with_params)


def _challenges(name: str, rule: str) -> Many[Challenge]:
    return Many(name, rule, read.authentication(Challenge), _nowhere)


def _credentials(name: str, rule: str) -> Many[Credentials]:
    return Many(name, rule, read.authentication(Credentials), _nowhere)


def _number(name: str, rule: str, most: int = MAX_32_BITS) -> One[int]:
    return One(name, rule, read.whole_number(most))


# RFC 3261, all of section 20, in its order.
ACCEPT: Final[Many[Parameterised]] = Many("Accept", "RFC 3261 20.1", read.media_type, _commas)
ACCEPT_ENCODING: Final = _list("Accept-Encoding", "RFC 3261 20.2")
ACCEPT_LANGUAGE: Final = _list("Accept-Language", "RFC 3261 20.3")
ALERT_INFO: Final = _bracketed("Alert-Info", "RFC 3261 20.4")
ALLOW: Final = _tokens("Allow", "RFC 3261 20.5")
AUTHENTICATION_INFO: Final[One[AuthenticationInfo]] = One(
    "Authentication-Info", "RFC 3261 20.6", read.authentication_info
)
AUTHORIZATION: Final = _credentials("Authorization", "RFC 3261 20.7")
CALL_ID: Final[One[str]] = One("Call-ID", "RFC 3261 20.8", read.call_id)
CALL_INFO: Final = _bracketed("Call-Info", "RFC 3261 20.9")
CONTACT: Final = _Contacts("Contact", "RFC 3261 20.10", read.contact, _commas)
CONTENT_DISPOSITION: Final = _single("Content-Disposition", "RFC 3261 20.11")
CONTENT_ENCODING: Final = _tokens("Content-Encoding", "RFC 3261 20.12")
CONTENT_LANGUAGE: Final = _tokens("Content-Language", "RFC 3261 20.13")
CONTENT_LENGTH: Final = _number("Content-Length", "RFC 3261 20.14")
CONTENT_TYPE: Final[One[Parameterised]] = One("Content-Type", "RFC 3261 20.15", read.media_type)
CSEQ: Final[One[CSeq]] = One("CSeq", "RFC 3261 20.16", read.cseq)
DATE: Final[One[Date]] = One("Date", "RFC 3261 20.17", read.date)
ERROR_INFO: Final = _bracketed("Error-Info", "RFC 3261 20.18")
EXPIRES: Final[One[int]] = One("Expires", "RFC 3261 20.19", read.seconds)
FROM: Final = _address("From", "RFC 3261 20.20")
IN_REPLY_TO: Final[Many[str]] = Many("In-Reply-To", "RFC 3261 20.21", read.call_id, _all_commas)
MAX_FORWARDS: Final = _number("Max-Forwards", "RFC 3261 20.22", 255)
MIN_EXPIRES: Final[One[int]] = One("Min-Expires", "RFC 3261 20.23", read.seconds)
MIME_VERSION: Final[One[str]] = One("MIME-Version", "RFC 3261 20.24", read.version)
ORGANIZATION: Final = _text("Organization", "RFC 3261 20.25")
PRIORITY: Final = _token("Priority", "RFC 3261 20.26")
PROXY_AUTHENTICATE: Final = _challenges("Proxy-Authenticate", "RFC 3261 20.27")
PROXY_AUTHORIZATION: Final = _credentials("Proxy-Authorization", "RFC 3261 20.28")
PROXY_REQUIRE: Final = _tokens("Proxy-Require", "RFC 3261 20.29")
RECORD_ROUTE: Final = _bracketed("Record-Route", "RFC 3261 20.30")
REPLY_TO: Final = _address("Reply-To", "RFC 3261 20.31")
REQUIRE: Final = _tokens("Require", "RFC 3261 20.32")
RETRY_AFTER: Final[One[RetryAfter]] = One("Retry-After", "RFC 3261 20.33", read.retry_after)
ROUTE: Final = _bracketed("Route", "RFC 3261 20.34")
SERVER: Final = _text("Server", "RFC 3261 20.35")
SUBJECT: Final = _text("Subject", "RFC 3261 20.36")
SUPPORTED: Final = _tokens("Supported", "RFC 3261 20.37")
TIMESTAMP: Final[One[Timestamp]] = One("Timestamp", "RFC 3261 20.38", read.timestamp)
TO: Final = _address("To", "RFC 3261 20.39")
UNSUPPORTED: Final = _tokens("Unsupported", "RFC 3261 20.40")
USER_AGENT: Final = _text("User-Agent", "RFC 3261 20.41")
VIA: Final[Many[Via]] = Many("Via", "RFC 3261 20.42", read.via, _commas)
WARNING: Final[Many[SipWarning]] = Many("Warning", "RFC 3261 20.43", read.warning, _commas)
WWW_AUTHENTICATE: Final = _challenges("WWW-Authenticate", "RFC 3261 20.44")

# What extensions have added.
ACCEPT_CONTACT: Final = _list("Accept-Contact", "RFC 3841 9.2")
ACCEPT_RESOURCE_PRIORITY: Final = _tokens("Accept-Resource-Priority", "RFC 4412 3.2")
ALLOW_EVENTS: Final = _tokens("Allow-Events", "RFC 6665 8.2.2")
ANSWER_MODE: Final = _single("Answer-Mode", "RFC 5373 3")
CONTENT_ID: Final = _text("Content-ID", "RFC 8262")
DIVERSION: Final = _bracketed("Diversion", "RFC 5806 10")
EVENT: Final = _single("Event", "RFC 6665 8.2.1")
FEATURE_CAPS: Final = _list("Feature-Caps", "RFC 6809 6.3")
FLOW_TIMER: Final[One[int]] = One("Flow-Timer", "RFC 5626 10", read.seconds)
GEOLOCATION: Final = _bracketed("Geolocation", "RFC 6442 4.1")
GEOLOCATION_ERROR: Final = _single("Geolocation-Error", "RFC 6442 4.3")
GEOLOCATION_ROUTING: Final = _single("Geolocation-Routing", "RFC 6442 4.2")
HISTORY_INFO: Final = _bracketed("History-Info", "RFC 7044 5")
IDENTITY: Final[Many[str]] = Many("Identity", "RFC 8224 4", read.anything, _nowhere)
IDENTITY_INFO: Final = _text("Identity-Info", "RFC 4474 9")
INFO_PACKAGE: Final = _single("Info-Package", "RFC 6086 7")
JOIN: Final[One[DialogId]] = One("Join", "RFC 3911 7.1", read.dialog("to-tag", "from-tag"))
MAX_BREADTH: Final = _number("Max-Breadth", "RFC 5393 5.3.3")
MIN_SE: Final[One[Interval]] = One("Min-SE", "RFC 4028 5", read.interval)
P_ACCESS_NETWORK_INFO: Final = _list("P-Access-Network-Info", "RFC 7315 5.4")
P_ANSWER_STATE: Final = _single("P-Answer-State", "RFC 4964 6")
P_ASSERTED_IDENTITY: Final = _addresses("P-Asserted-Identity", "RFC 3325 9.1")
P_ASSOCIATED_URI: Final = _bracketed("P-Associated-URI", "RFC 7315 5.1")
P_CALLED_PARTY_ID: Final = One("P-Called-Party-ID", "RFC 7315 5.2", read.bracketed)
P_CHARGING_FUNCTION_ADDRESSES: Final = _text("P-Charging-Function-Addresses", "RFC 7315 5.5")
P_CHARGING_VECTOR: Final = _text("P-Charging-Vector", "RFC 7315 5.6")
P_DCS_BILLING_INFO: Final = _text("P-DCS-Billing-Info", "RFC 5503")
P_EARLY_MEDIA: Final = _tokens("P-Early-Media", "RFC 5009 8")
P_PREFERRED_IDENTITY: Final = _addresses("P-Preferred-Identity", "RFC 3325 9.2")
P_PRIVATE_NETWORK_INDICATION: Final = _text("P-Private-Network-Indication", "RFC 7316")
P_PROFILE_KEY: Final = _address("P-Profile-Key", "RFC 5002")
P_SERVED_USER: Final = One("P-Served-User", "RFC 5502 6", read.bracketed)
P_USER_DATABASE: Final = _text("P-User-Database", "RFC 4457")
P_VISITED_NETWORK_ID: Final[Many[Parameterised]] = Many(
    "P-Visited-Network-ID", "RFC 7315 5.3", read.token_or_quoted, _commas
)
PATH: Final = _bracketed("Path", "RFC 3327 4")
PRIV_ANSWER_MODE: Final = _single("Priv-Answer-Mode", "RFC 5373 3")
PRIVACY: Final[Many[str]] = Many("Privacy", "RFC 3323 4.2", read.token, _semicolons)
RACK: Final[One[RAck]] = One("RAck", "RFC 3262 7.2", read.rack)
REASON: Final[Many[Reason]] = Many("Reason", "RFC 3326 2", read.reason, _commas)
RECV_INFO: Final = _list("Recv-Info", "RFC 6086 7")
REFER_EVENTS_AT: Final = _text("Refer-Events-At", "RFC 7614")
REFER_SUB: Final = _single("Refer-Sub", "RFC 4488 4")
REFER_TO: Final = _address("Refer-To", "RFC 3515 2.1")
REFERRED_BY: Final = _address("Referred-By", "RFC 3892 3")
REJECT_CONTACT: Final = _list("Reject-Contact", "RFC 3841 9.2")
REMOTE_PARTY_ID: Final = _addresses("Remote-Party-ID", "draft-ietf-sip-privacy-04")
REPLACES: Final[One[DialogId]] = One("Replaces", "RFC 3891 6.1", read.dialog("to-tag", "from-tag"))
REQUEST_DISPOSITION: Final = _tokens("Request-Disposition", "RFC 3841 9.1")
RESOURCE_PRIORITY: Final = _tokens("Resource-Priority", "RFC 4412 3.1")
RSEQ: Final = _number("RSeq", "RFC 3262 7.1")
SECURITY_CLIENT: Final = _list("Security-Client", "RFC 3329 2.2")
SECURITY_SERVER: Final = _list("Security-Server", "RFC 3329 2.2")
SECURITY_VERIFY: Final = _list("Security-Verify", "RFC 3329 2.2")
SERVICE_ROUTE: Final = _bracketed("Service-Route", "RFC 3608 5")
SESSION_EXPIRES: Final[One[Interval]] = One("Session-Expires", "RFC 4028 4", read.interval)
SESSION_ID: Final = _single("Session-ID", "RFC 7989 5")
SIP_ETAG: Final = _token("SIP-ETag", "RFC 3903 11.3")
SIP_IF_MATCH: Final = _token("SIP-If-Match", "RFC 3903 11.3")
SUBSCRIPTION_STATE: Final = _single("Subscription-State", "RFC 6665 8.2.3")
SUPPRESS_IF_MATCH: Final = _token("Suppress-If-Match", "RFC 5839 7")
TARGET_DIALOG: Final[One[DialogId]] = One(
    "Target-Dialog", "RFC 4538 7", read.dialog("local-tag", "remote-tag")
)
USER_TO_USER: Final[Many[Parameterised]] = Many(
    "User-to-User", "RFC 7433 4.1", read.token_or_quoted, _commas
)

Header = One[Any] | Many[Any]  # for those who take all headers alike

# By lower-case long name: every constant above.
_FOUND: Final = tuple([thing for thing in vars().values() if type(thing) in {One, Many, _Contacts}])
BY_NAME: Final[Mapping[str, Header]] = MappingProxyType(
    {header.name.lower(): header for header in cast("tuple[Header, ...]", _FOUND)}
)


def find(name: str) -> Header | None:
    """Give the header of that name in any spelling, compact ones included; None if unknown."""
    return BY_NAME.get(long_name(name))
