"""The messages that are measured, and the probes: what a message may look like, or must not."""

from collections.abc import Callable
from typing import Final, NamedTuple

import traffic
from compare.libraries import NOT_OFFERED, Library, Raw, Typed

SDP: Final = traffic.SDP
INVITE: Final = traffic.invite(1)

REGISTER: Final = (
    b"REGISTER sip:example.org SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 198.51.100.7:5062;branch=z9hG4bK-r-77;rport\r\n"
    b"Max-Forwards: 70\r\n"
    b'From: "Bob Builder" <sip:bob@example.org>;tag=r-77\r\n'
    b"To: <sip:bob@example.org>\r\n"
    b"Call-ID: 77f3a0c1@198.51.100.7\r\n"
    b"CSeq: 2 REGISTER\r\n"
    b"Contact: <sip:bob@198.51.100.7:5062;transport=udp>;expires=3600\r\n"
    b'Authorization: Digest username="bob", realm="example.org", '
    b'nonce="5f1c2a9e0b7d4c68", uri="sip:example.org", '
    b'response="6629fae49393a05397450978507c4ef1", algorithm=MD5, '
    b'cnonce="0a4f113b", qop=auth, nc=00000001\r\n'
    b"User-Agent: Telephone/4.2\r\n"
    b"Expires: 3600\r\n"
    b"Content-Length: 0\r\n\r\n"
)

OPTIONS: Final = (
    b"OPTIONS sip:203.0.113.1:5060 SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK-p-1;rport\r\n"
    b"Max-Forwards: 70\r\n"
    b"From: <sip:probe@192.0.2.10>;tag=p-1\r\n"
    b"To: <sip:203.0.113.1:5060>\r\n"
    b"Call-ID: p-1@192.0.2.10\r\n"
    b"CSeq: 1 OPTIONS\r\n"
    b"Content-Length: 0\r\n\r\n"
)

_TRUNK_HEAD: Final = (
    "INVITE sip:+431234567@203.0.113.1:5060;user=phone SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK-trunk-3;rport\r\n"
    "Via: SIP/2.0/TCP edge.example.net:5060;branch=z9hG4bK-trunk-2;received=192.0.2.66\r\n"
    "Via: SIP/2.0/UDP 198.51.100.1:5060;branch=z9hG4bK-trunk-1;received=198.51.100.1;rport=5060\r\n"
    "Record-Route: <sip:192.0.2.10:5060;lr;ftag=trunk>\r\n"
    "Record-Route: <sip:edge.example.net;transport=tcp;lr>\r\n"
    "Max-Forwards: 68\r\n"
    'From: "Alice Adams" <sip:+439876543@example.org;user=phone>;tag=trunk\r\n'
    "To: <sip:+431234567@example.org;user=phone>\r\n"
    "Call-ID: 5b8c1f0e-9a1d-4d5c-8f53-2d2f7f0a3c11\r\n"
    "CSeq: 102 INVITE\r\n"
    "Contact: <sip:+439876543@198.51.100.1:5060;transport=udp>\r\n"
    'P-Asserted-Identity: "Alice Adams" <sip:+439876543@example.org;user=phone>\r\n'
    "Diversion: <sip:+431111111@example.org>;reason=no-answer;counter=1;privacy=off\r\n"
    "Privacy: none\r\n"
    "P-Charging-Vector: icid-value=5b8c1f0e9a1d4d5c;icid-generated-at=192.0.2.66\r\n"
    "Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, SUBSCRIBE, NOTIFY, INFO, UPDATE, PRACK\r\n"
    "Supported: replaces, timer, 100rel, path\r\n"
    "Session-Expires: 1800;refresher=uac\r\n"
    "Min-SE: 90\r\n"
    "P-Early-Media: supported\r\n"
    "History-Info: <sip:+431111111@example.org>;index=1,"
    " <sip:+431234567@example.org?Reason=SIP%3Bcause%3D480>;index=1.1\r\n"
    "X-Trunk: vienna-7/e1/3\r\n"
    "Accept: application/sdp, application/dtmf-relay\r\n"
    "User-Agent: Exchange/19.4.2 (trunk 7)\r\n"
    "Content-Type: application/sdp\r\n"
    "Content-Disposition: session\r\n"
)


def _with_body(head: str, body: bytes, length: str = "Content-Length: {}\r\n\r\n") -> bytes:
    return (head + length.format(len(body))).encode() + body


TRUNK: Final = _with_body(
    _TRUNK_HEAD, (SDP + "a=ptime:20\r\na=sendrecv\r\na=fmtp:101 0-16\r\n").encode()
)

COMPACT: Final = _with_body(
    "INVITE sip:bob@203.0.113.1:5060 SIP/2.0\r\n"
    "v: SIP/2.0/UDP 198.51.100.1:5060;branch=z9hG4bK-short-1\r\n"
    "Max-Forwards: 70\r\n"
    "f: Alice\r\n <sip:alice@example.org>;tag=short\r\n"
    "t: <sip:bob@example.org>\r\n"
    "i: short-1@198.51.100.1\r\n"
    "CSeq: 1 INVITE\r\n"
    "m: <sip:alice@198.51.100.1:5060>\r\n"
    "k: replaces,\r\n timer,\r\n 100rel\r\n"
    "c: application/sdp\r\n",
    SDP.encode(),
    "l: {}\r\n\r\n",
)

_ALICE: Final = Typed(
    "198.51.100.1",
    5060,
    "z9hG4bK-INVITE-000001",
    "Alice",
    "example.org",
    "a000001",
    "203.0.113.1",
    None,
)


class Measured(NamedTuple):
    """A message to measure with, and what is to be read of it."""

    name: str
    data: bytes
    expected: Typed


MESSAGES: Final = (
    Measured("INVITE", INVITE, _ALICE),
    Measured("200", traffic.answer(INVITE, 200), _ALICE._replace(to_tag="gateway")),
    Measured("180", traffic.answer(INVITE, 180), _ALICE._replace(to_tag="gateway")),
    Measured(
        "REGISTER",
        REGISTER,
        Typed(
            *("198.51.100.7", 5062, "z9hG4bK-r-77"),
            *("Bob Builder", "example.org", "r-77"),
            *("example.org", None),
        ),
    ),
    Measured(
        "OPTIONS",
        OPTIONS,
        Typed(
            *("192.0.2.10", 5060, "z9hG4bK-p-1"),
            *("", "192.0.2.10", "p-1"),
            *("203.0.113.1", None),
        ),
    ),
    Measured(
        "trunk INVITE",
        TRUNK,
        Typed(
            *("192.0.2.10", 5060, "z9hG4bK-trunk-3"),
            *("Alice Adams", "example.org", "trunk"),
            *("example.org", None),
        ),
    ),
    Measured(
        "compact, folded",
        COMPACT,
        Typed(
            *("198.51.100.1", 5060, "z9hG4bK-short-1"),
            *("Alice", "example.org", "short"),
            *("example.org", None),
        ),
    ),
)


def differences(expected: Typed, got: Typed) -> list[str]:
    """Name the fields that were read otherwise; those that a library does not offer do not count.

    Brackets of IPv6, ports as text, an empty text for nothing, a port after a host are all fine.
    """
    wrong: list[str] = []
    for name, want, have in zip(Typed._fields, expected, got, strict=True):
        if have == NOT_OFFERED:
            continue
        text = "" if have is None else str(have).strip()
        if name.endswith("host"):
            text = text.removeprefix("[").partition("]")[0]
            text = text if text.count(":") != 1 else text.partition(":")[0]
        if text != ("" if want is None else str(want)):
            wrong.append(name)
    return wrong


class Probe(NamedTuple):
    """One question to a library: a message, and what shall come of it; None: it is refused."""

    name: str
    data: bytes
    holds: Callable[[Library, Raw], bool] | None


def _said(**changed: str | int | None) -> Callable[[Library, Raw], bool]:
    """Ask for the usual values of Via, From and To, but for those that are given."""
    expected = _ALICE._replace(**changed)

    def holds(library: Library, message: Raw) -> bool:
        return not differences(expected, library.typed(message))

    return holds


def _has_body(body: bytes) -> Callable[[Library, Raw], bool]:
    def holds(library: Library, message: Raw) -> bool:
        found = library.body(message)
        return body == (found.encode() if isinstance(found, str) else found)

    return holds


def _rendered(data: bytes) -> Callable[[Library, Raw], bool]:
    return lambda library, message: library.render is not None and library.render(message) == data


def _edited(*pairs: tuple[str, str]) -> bytes:
    """Give the INVITE with other pieces of text in it."""
    data = INVITE
    for old, new in pairs:
        assert old.encode() in data, old
        data = data.replace(old.encode(), new.encode("latin-1"), 1)
    return data


_VIA: Final = "Via: SIP/2.0/UDP 198.51.100.1:5060;branch=z9hG4bK-INVITE-000001;rport\r\n"
_FROM: Final = "From: Alice <sip:alice@example.org>;tag=a000001\r\n"
_TO: Final = "To: <sip:bob@203.0.113.1:5060>\r\n"
_CALL_ID: Final = "Call-ID: 000001@198.51.100.1\r\n"
_CSEQ: Final = "CSeq: 1 INVITE\r\n"
_LENGTH: Final = f"Content-Length: {len(SDP)}\r\n"
_TYPE: Final = "Content-Type: application/sdp\r\n"
_BINARY: Final = b"\x00\x01\xff\xfe a=b \x80\r\n\r\n\x00"

_SHORT_NAMES: Final = _edited(
    (_VIA, _VIA.replace("Via", "v")),
    (_FROM, _FROM.replace("From", "f")),
    (_TO, _TO.replace("To", "t")),
    (_CALL_ID, _CALL_ID.replace("Call-ID", "i")),
    (_TYPE, _TYPE.replace("Content-Type", "c")),
    (_LENGTH, _LENGTH.replace("Content-Length", "l")),
)
_ODD: Final = _edited(
    (_FROM, "fROM :  Alice\r\n\t<sip:alice@example.org>;tag=a000001 \r\n"),
    (_CALL_ID, _CALL_ID + "x-TRACE:abc\r\nVIA: SIP/2.0/TCP h;branch=z9hG4bK2,SIP/2.0/UDP i\r\n"),
    (_CSEQ, "CSEQ: 00001  INVITE\r\n"),
)

PROBES: Final = (
    Probe("a folded row", _edited((_FROM, _FROM.replace("Alice ", "Alice\r\n "))), _said()),
    Probe("compact names", _SHORT_NAMES, _said()),
    Probe(
        "names in any case",
        _edited((_FROM, _FROM.replace("From", "fROM")), (_VIA, _VIA.replace("Via", "VIA"))),
        _said(),
    ),
    Probe(
        "several Via values in one row",
        _edited((_VIA, _VIA.replace("\r\n", ", SIP/2.0/TCP other:5070;branch=z9hG4bK-2\r\n"))),
        _said(),
    ),
    Probe(
        "white space within a Via",
        _edited((_VIA, _VIA.replace("SIP/2.0/UDP", "SIP / 2.0 / UDP").replace(";", " ; "))),
        _said(),
    ),
    Probe(
        "an IPv6 address in Via",
        _edited((_VIA, _VIA.replace("198.51.100.1:5060", "[2001:db8::1]:5061"))),
        _said(via_host="2001:db8::1", via_port=5061),
    ),
    Probe(
        "a quoted display name with , ; < in it",
        _edited((_FROM, _FROM.replace("Alice ", '"Adams, A. <a>;tag=no" '))),
        _said(display="Adams, A. <a>;tag=no"),
    ),
    Probe(
        "an address without angle brackets",
        _edited((_FROM, "From: sip:alice@example.org;tag=a000001\r\n")),
        _said(display=""),
    ),
    Probe(
        "a method of its own",
        INVITE.replace(b"INVITE sip", b"RING sip").replace(b"1 INVITE", b"1 RING"),
        _said(),
    ),
    Probe(
        "text that is not UTF-8 in some header",
        _edited(("User-Agent: Telephone", "User-Agent: T\xe9l\xe9phone")),
        _said(),
    ),
    Probe(
        "a malformed header of no concern",
        _edited((_CSEQ, _CSEQ + 'Date: yesterday\r\nP-Asserted-Identity: "<<<\r\n')),
        _said(),
    ),
    Probe(
        "a binary body",
        _edited((_LENGTH, f"Content-Length: {len(_BINARY)}\r\n"), (_TYPE, "Content-Type: a/b\r\n"))[
            : -len(SDP)
        ]
        + _BINARY,
        _has_body(_BINARY),
    ),
    Probe(
        "what exceeds Content-Length is cut off", INVITE + b"a=more\r\n", _has_body(SDP.encode())
    ),
    Probe("writes back the INVITE byte for byte", INVITE, _rendered(INVITE)),
    Probe("writes back odd spellings byte for byte", _ODD, _rendered(_ODD)),
    Probe("refuses a body that is cut short", INVITE[:-20], None),
    Probe("refuses two Call-IDs", _edited((_CALL_ID, _CALL_ID + "Call-ID: other\r\n")), None),
    Probe(
        "refuses two lengths that differ",
        _edited((_LENGTH, "Content-Length: 3\r\n" + _LENGTH)),
        None,
    ),
    Probe("refuses a missing Call-ID", _edited((_CALL_ID, "")), None),
    Probe("refuses a CSeq without a number", _edited((_CSEQ, "CSeq: one INVITE\r\n")), None),
    Probe("refuses a CSeq of another method", _edited((_CSEQ, "CSeq: 1 BYE\r\n")), None),
)


def passes(library: Library, probe: Probe) -> bool:
    """Put the question. Whoever reads Call-ID and CSeq only when asked may refuse them then."""
    try:
        message = library.parse(probe.data)
        if probe.holds is not None:
            return probe.holds(library, message)
        library.call_id(message)
        library.cseq(message)
    except Exception:  # noqa: BLE001 - each library has errors of its own
        return probe.holds is None
    return False
