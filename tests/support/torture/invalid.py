"""RFC 4475 3.1.2: malformed messages. Requests are answered, responses dropped."""

import sansip
from torture.rows import (
    CALLER,
    LISTENS,
    SDP,
    Answered,
    Dropped,
    Forwarded,
    OnStream,
    Row,
    message,
)

BADINV01 = message(
    """
    INVITE sip:bruno@harbour.example SIP/2.0
    To: sip:bruno@harbour.example
    From: sip:agnes@quay.example;tag=bad1
    Max-Forwards: 7
    Call-ID: badinv01.reef
    CSeq: 8 INVITE
    Via: SIP/2.0/UDP 198.51.100.1;;,;,,
    Contact: "Agnes" <sip:agnes@198.51.100.1>;;;;
    Content-Length: {length}
    Content-Type: application/sdp
    """,
    SDP,
)

CLERR = message(
    """
    INVITE sip:bruno@harbour.example SIP/2.0
    Max-Forwards: 80
    To: sip:bruno@harbour.example
    From: sip:agnes@quay.example;tag=clerr
    Contact: <sip:agnes@198.51.100.1>
    Call-ID: clerr.short-measure
    CSeq: 8 INVITE
    Via: SIP/2.0/UDP dock.quay.example;branch=z9hG4bKclerr
    Content-Type: application/sdp
    Content-Length: 9999
    """,
    SDP,
)

NCL = message(
    """
    INVITE sip:bruno@harbour.example SIP/2.0
    Max-Forwards: 254
    To: sip:bruno@harbour.example
    From: sip:agnes@quay.example;tag=ncl
    Call-ID: ncl.below-the-waterline
    CSeq: 0 INVITE
    Via: SIP/2.0/UDP 198.51.100.1;branch=z9hG4bKncl
    Contact: <sip:agnes@198.51.100.1>
    Content-Type: application/sdp
    Content-Length: -999
    """,
    SDP,
)

# 2**64 + 1, which is 1 to whoever counts with 64 bits.
SCALAR02 = message(
    f"""
    REGISTER sip:harbour.example SIP/2.0
    Via: SIP/2.0/TCP dock.quay.example;branch=z9hG4bKscalar02
    To: <sip:clara@harbour.example>
    From: <sip:clara@harbour.example>;tag=scalar
    CSeq: 18446744073709551617 REGISTER
    Call-ID: scalar02.spring-tide
    Max-Forwards: 300
    Expires: 1{"0" * 100}
    Contact: <sip:clara@dock.quay.example>
      ;expires=281474976710656
    Content-Length: 0
    """
)

SCALARLG = message(
    """
    SIP/2.0 503 Service Unavailable
    Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK-of-the-proxy;rport
    Via: SIP/2.0/UDP 198.51.100.1;branch=z9hG4bKscalarlg
    To: <sip:bruno@harbour.example>
    From: <sip:agnes@quay.example>;tag=scalarlg
    CSeq: 18446744073709551617 OPTIONS
    Call-ID: scalarlg.neap-tide
    Retry-After: 31622400000000000000000000
    Warning: 3990 harbour.example "High Water"
    Content-Length: 0
    """
)

QUOTBAL = message(
    """
    INVITE sip:bruno@harbour.example SIP/2.0
    To: "Bruno of the Pier <sip:bruno@harbour.example>
    From: sip:agnes@quay.example;tag=quot
    Max-Forwards: 10
    Call-ID: quotbal.half-hitch
    Contact: <sip:agnes@198.51.100.1>
    CSeq: 8 INVITE
    Via: SIP/2.0/UDP 198.51.100.1:5050;branch=z9hG4bKquotbal
    Content-Type: application/sdp
    Content-Length: {length}
    """,
    SDP,
)

LTGTRURI = message(
    """
    INVITE <sip:bruno@harbour.example> SIP/2.0
    To: sip:bruno@harbour.example
    From: sip:agnes@quay.example;tag=ltgt
    Max-Forwards: 23
    Call-ID: ltgtruri.1@198.51.100.1
    CSeq: 1 INVITE
    Via: SIP/2.0/UDP 198.51.100.1
    Contact: <sip:agnes@198.51.100.1>
    Content-Type: application/sdp
    Content-Length: {length}
    """,
    SDP,
)

LWSRURI = message(
    """
    INVITE sip:bruno@harbour.example; lr SIP/2.0
    To: sip:bruno@harbour.example;tag=moored
    From: sip:agnes@quay.example;tag=lwsr
    Max-Forwards: 5
    Call-ID: lwsruri.gap-in-the-planks
    CSeq: 2130706433 INVITE
    Via: SIP/2.0/UDP 198.51.100.1:5060;branch=z9hG4bKlwsruri
    Contact: <sip:agnes@198.51.100.1>
    Content-Type: application/sdp
    Content-Length: {length}
    """,
    SDP,
)

LWSSTART = message(
    """
    INVITE  sip:bruno@harbour.example  SIP/2.0
    Max-Forwards: 8
    To: sip:bruno@harbour.example
    From: sip:agnes@quay.example;tag=lwss
    Call-ID: lwsstart.wide-planks@quay.example
    CSeq: 1894 INVITE
    Via: SIP/2.0/UDP dock.quay.example;branch=z9hG4bKlwsstart
    Contact: <sip:agnes@dock.quay.example>
    Content-Type: application/sdp
    Content-Length: {length}
    """,
    SDP,
)

TRWS = message(
    """
    OPTIONS sip:bruno@harbour.example SIP/2.0\x20\x20
    Via: SIP/2.0/TCP dock.quay.example;branch=z9hG4bKtrws
    To: <sip:bruno@harbour.example>
    From: <sip:agnes@quay.example>;tag=trws
    Call-ID: trws.loose-end
    Accept: application/sdp
    CSeq: 2389 OPTIONS
    Max-Forwards: 70
    Content-Length: 0
    """
)

ESCRURI = message(
    """
    INVITE sip:bruno@harbour.example?Route=%3Csip:wreckers.example%3E SIP/2.0
    To: sip:bruno@harbour.example
    From: sip:agnes@quay.example;tag=escr
    Max-Forwards: 7
    Contact: <sip:agnes@dock.quay.example>
    Call-ID: escruri.false-lights
    CSeq: 1492 INVITE
    Via: SIP/2.0/UDP dock.quay.example;branch=z9hG4bKescruri
    Content-Type: application/sdp
    Content-Length: {length}
    """,
    SDP,
)

BADDATE = message(
    """
    INVITE sip:bruno@harbour.example SIP/2.0
    To: sip:bruno@harbour.example
    From: sip:agnes@quay.example;tag=badd
    Max-Forwards: 70
    Call-ID: baddate.local-time
    CSeq: 1393 INVITE
    Via: SIP/2.0/UDP dock.quay.example;branch=z9hG4bKbaddate
    Date: Sun, 07 Feb 2021 06:28:16 EST
    Contact: <sip:agnes@dock.quay.example>
    Content-Type: application/sdp
    Content-Length: {length}
    """,
    SDP,
)

REGBADCT = message(
    """
    REGISTER sip:harbour.example SIP/2.0
    To: sip:clara@harbour.example
    From: sip:clara@harbour.example;tag=regb
    Max-Forwards: 70
    Call-ID: regbadct.unlashed@198.51.100.1
    CSeq: 1 REGISTER
    Via: SIP/2.0/UDP 198.51.100.1:5060;branch=z9hG4bKregbadct
    Contact: sip:clara@quay.example?Route=%3Csip:relay.harbour.example%3E
    l: 0
    """
)

BADASPEC = message(
    """
    OPTIONS sip:bruno@harbour.example SIP/2.0
    Via: SIP/2.0/UDP dock.quay.example:5060;branch=z9hG4bKbadaspec
    Max-Forwards: 70
    From: "Oakum, Agnes" <sip:agnes@quay.example>;tag=bada
    To: "Bollard, Bruno" < sip:bruno@harbour.example >
    Call-ID: badaspec.slack-rope
    Accept: application/sdp
    CSeq: 3924 OPTIONS
    l: 0
    """
)

BADDN = message(
    """
    OPTIONS sip:bruno@harbour.example SIP/2.0
    Via:     SIP/2.0/UDP dock.quay.example:5060;branch=z9hG4bKbaddn
    Max-Forwards:      70
    From:    Oakum, Agnes <sip:agnes@quay.example>;tag=bdn
    To:      Bollard, Bruno <sip:bruno@harbour.example>
    Call-ID: baddn.271@dock.quay.example
    Accept: application/sdp
    CSeq:    3924 OPTIONS
    l: 0
    """
)
BADDN_AS_ARCHIVED = BADDN.removesuffix(b"\r\n")

BADVERS = message(
    """
    OPTIONS sip:bruno@harbour.example SIP/8.0
    Via:     SIP/8.0/UDP dock.quay.example;branch=z9hG4bKbadvers
    Max-Forwards:     70
    From:    A. Oakum <sip:agnes@quay.example>;tag=bvs
    To:      B. Bollard <sip:bruno@harbour.example>
    Call-ID: badvers.277@dock.quay.example
    CSeq:    1 OPTIONS
    l: 0
    """
)

MISMATCH01 = message(
    """
    OPTIONS sip:bruno@harbour.example SIP/2.0
    To: sip:bruno@harbour.example
    From: sip:agnes@quay.example;tag=mis1
    Max-Forwards: 6
    Call-ID: mismatch01.port-and-starboard
    CSeq: 8 INVITE
    Via: SIP/2.0/UDP dock.quay.example;branch=z9hG4bKmis1
    l: 0
    """
)

MISMATCH02 = message(
    """
    CAREEN sip:bruno@harbour.example SIP/2.0
    To: sip:bruno@harbour.example
    From: sip:agnes@quay.example;tag=mis2
    Max-Forwards: 6
    Call-ID: mismatch02.fore-and-aft
    CSeq: 8 INVITE
    Contact: <sip:agnes@dock.quay.example>
    Via: SIP/2.0/UDP dock.quay.example;branch=z9hG4bKmis2
    Content-Type: application/sdp
    l: {length}
    """,
    SDP,
)

# 2**32 + 200, which is a 200 to whoever counts with 32 bits.
BIGCODE = message(
    """
    SIP/2.0 4294967496 the mast stays where it is
    Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK-of-the-proxy;rport
    Via: SIP/2.0/UDP 198.51.100.1;branch=z9hG4bKbigcode
    Call-ID: bigcode.crows-nest
    CSeq: 353 INVITE
    From: <sip:agnes@quay.example>;tag=bigc
    To: <sip:bruno@harbour.example>;tag=harbour
    Content-Length: 0
    Contact: <sip:bruno@203.0.113.1>
    """
)

ROWS = (
    Row("3.1.2.1", "badinv01", "separators with nothing between them, in Via too", BADINV01,
        Answered(400), fault="via",
        choice="nothing of that Via is believed but its first sent-by"),
    Row("3.1.2.2", "clerr", "Content-Length beyond the end", CLERR,
        Answered(400), fault="content-length", on_stream=OnStream.WAITS),
    Row("3.1.2.3", "ncl", "negative Content-Length", NCL,
        Answered(400), fault="content-length", on_stream=OnStream.CLOSES),
    Row("3.1.2.4", "scalar02", "numbers beyond their range in a request", SCALAR02,
        Answered(400), fault="cseq",
        choice="the same for Max-Forwards alone; expiries are not the proxy's"),
    Row("3.1.2.5", "scalarlg", "numbers beyond their range in a response", SCALARLG,
        Dropped(), fault="cseq"),
    Row("3.1.2.6", "quotbal", "a quoted string without its end", QUOTBAL,
        Answered(400, to=sansip.Address(LISTENS.host, 5050)), fault="to"),
    Row("3.1.2.7", "ltgtruri", "Request-URI in angle brackets", LTGTRURI,
        Answered(400), fault="request-uri", choice="refused"),
    Row("3.1.2.8", "lwsruri", "a blank within the Request-URI", LWSRURI, Answered(400), fault=""),
    Row("3.1.2.9", "lwsstart", "two blanks within the request line", LWSSTART,
        Answered(400), fault="", choice="refused"),
    Row("3.1.2.10", "trws", "blanks after the request line", TRWS,
        Answered(400), fault="", choice="refused"),
    Row("3.1.2.11", "escruri", "headers in the Request-URI", ESCRURI,
        Forwarded(uri="sip:bruno@harbour.example"),
        choice="the headers are left out and lead nowhere"),
    Row("3.1.2.12", "baddate", "a Date that is not GMT", BADDATE, Forwarded()),
    Row("3.1.2.13", "regbadct", "a Contact that needs angle brackets", REGBADCT, Forwarded(),
        choice="a proxy does not look at Contact; who does gets an error"),
    Row("3.1.2.14", "badaspec", "blanks within the angle brackets of To", BADASPEC,
        Answered(400), fault="to", choice="refused"),
    Row("3.1.2.15", "baddn", "commas in display names without quotes, no final line end",
        BADDN_AS_ARCHIVED, Answered(400), fault="", on_stream=OnStream.WAITS),
    Row("3.1.2.16", "badvers", "SIP of another version", BADVERS,
        Answered(505, to=CALLER), fault="", choice="its Via says nothing: to the source"),
    Row("3.1.2.17", "mismatch01", "CSeq names another method", MISMATCH01,
        Answered(400), fault="cseq"),
    Row("3.1.2.18", "mismatch02", "the same, and the method is unknown", MISMATCH02,
        Answered(501), fault="cseq", choice="501"),
    Row("3.1.2.19", "bigcode", "a status of ten digits", BIGCODE, Dropped(), fault=""),
)  # fmt: skip

# Beside the row of that name: the same with an end, so that the names are what is wrong.
BADDN_WITH_END = ROWS[14]._replace(data=BADDN, fault="from", on_stream=OnStream.SAME)
