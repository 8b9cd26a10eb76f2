"""RFC 5118: messages with IPv6 addresses, some of them written wrongly."""

from functools import partial

import sansip
from torture.rows import (
    CALLER_6,
    HARBOUR,
    LISTENS_6,
    Answered,
    Forwarded,
    Row,
    message,
)

PIER = sansip.Address("2001:db8:51::10", 5060)

IPV6_GOOD = message(
    """
    REGISTER sip:[2001:db8:51::10] SIP/2.0
    To: sip:clara@harbour.example
    From: sip:clara@harbour.example;tag=v6g
    Via: SIP/2.0/UDP [2001:db8:7::1];branch=z9hG4bKv6good
    Call-ID: ipv6-good@buoy_7
    Max-Forwards: 70
    Contact: "Clara" <sip:clara@[2001:db8:7::1]>
    CSeq: 981 REGISTER
    Content-Length: 0
    """
)

IPV6_BAD = message(
    """
    REGISTER sip:2001:db8:51::10 SIP/2.0
    To: sip:clara@harbour.example
    From: sip:clara@harbour.example;tag=v6b
    Via: SIP/2.0/UDP [2001:db8:7::1];branch=z9hG4bKv6bad
    Call-ID: ipv6-bad@buoy_7
    Max-Forwards: 70
    Contact: "Clara" <sip:clara@[2001:db8:7::1]>
    CSeq: 982 REGISTER
    Content-Length: 0
    """
)

PORT_AMBIGUOUS = message(
    """
    REGISTER sip:[2001:db8:51::10:5070] SIP/2.0
    To: sip:clara@harbour.example
    From: sip:clara@harbour.example;tag=v6a
    Via: SIP/2.0/UDP [2001:db8:7::1];branch=z9hG4bKv6ambiguous
    Call-ID: port-ambiguous@buoy_7
    Contact: "Clara" <sip:clara@[2001:db8:7::1]>
    Max-Forwards: 70
    CSeq: 983 REGISTER
    Content-Length: 0
    """
)

PORT_UNAMBIGUOUS = message(
    """
    REGISTER sip:[2001:db8:51::10]:5070 SIP/2.0
    To: sip:clara@harbour.example
    From: sip:clara@harbour.example;tag=v6u
    Via: SIP/2.0/UDP [2001:db8:7::1];branch=z9hG4bKv6unambiguous
    Call-ID: port-unambiguous@buoy_7
    Contact: "Clara" <sip:clara@[2001:db8:7::1]>
    Max-Forwards: 70
    CSeq: 984 REGISTER
    Content-Length: 0
    """
)

VIA_RECEIVED_WITH_DELIM = message(
    """
    BYE sip:[2001:db8:51::10] SIP/2.0
    To: sip:bruno@harbour.example;tag=bollard
    From: sip:agnes@quay.example;tag=v6d
    Via: SIP/2.0/UDP [2001:db8:7::9];received=[2001:db8:7::ff];branch=z9hG4bKv6delim
    Call-ID: via-received-param-with-delim@buoy_7
    Max-Forwards: 70
    CSeq: 321 BYE
    Content-Length: 0
    """
)

VIA_RECEIVED_NO_DELIM = message(
    """
    OPTIONS sip:[2001:db8:51::10] SIP/2.0
    To: sip:bruno@harbour.example
    From: sip:agnes@quay.example;tag=v6n
    Via: SIP/2.0/UDP [2001:db8:7::9];received=2001:db8:7::ff;branch=z9hG4bKv6nodelim
    Call-ID: via-received-param-no-delim@buoy_7
    Max-Forwards: 70
    Contact: "Agnes" <sip:agnes@[2001:db8:7::9]>
    CSeq: 921 OPTIONS
    Content-Length: 0
    """
)

IPV6_IN_SDP = message(
    """
    INVITE sip:bruno@[2001:db8:51::10] SIP/2.0
    To: sip:bruno@[2001:db8:51::10]
    From: sip:agnes@quay.example;tag=v6s
    Via: SIP/2.0/UDP [2001:db8:7::1];branch=z9hG4bKv6insdp
    Call-ID: ipv6-in-sdp@buoy_7
    Contact: "Agnes" <sip:agnes@[2001:db8:7::1]>
    CSeq: 861 INVITE
    Max-Forwards: 70
    Content-Type: application/sdp
    Content-Length: {length}
    """,
    b"v=0\r\n"
    b"o=agnes 7132 0 IN IP6 2001:db8:7::1\r\n"
    b"s=Pictures from the lighthouse\r\n"
    b"c=IN IP6 2001:db8:7::1\r\n"
    b"t=0 0\r\n"
    b"m=audio 40000 RTP/AVP 96\r\n"
    b"a=rtpmap:96 G726-40/8000\r\n"
    b"m=video 40002 RTP/AVP 97\r\n"
    b"a=rtpmap:97 H264/90000\r\n",
)

MULT_IP_IN_HEADER = message(
    """
    BYE sip:bruno@harbour.example SIP/2.0
    Via: SIP/2.0/UDP [2001:db8:7::1]:6050;branch=z9hG4bKv6mult
    Via: SIP/2.0/UDP 198.51.100.60;branch=z9hG4bKv4mult
    Via: SIP/2.0/TCP [2001:db8:7::fe];branch=z9hG4bKv6last;received=198.51.100.61
    Call-ID: mult-ip-in-header@buoy_7
    Max-Forwards: 70
    CSeq: 891 BYE
    To: sip:bruno@harbour.example;tag=98--21
    From: sip:agnes@quay.example;tag=v6m
    Content-Length: 0
    """
)

MULT_IP_IN_SDP = message(
    """
    INVITE sip:bruno@[2001:db8:51::10] SIP/2.0
    To: sip:bruno@[2001:db8:51::10]
    From: sip:agnes@quay.example;tag=v6x
    Via: SIP/2.0/UDP [2001:db8:7::1];branch=z9hG4bKv6multsdp
    Call-ID: mult-ip-in-sdp@buoy_7
    Contact: "Agnes" <sip:agnes@[2001:db8:7::1]>
    Max-Forwards: 70
    CSeq: 892 INVITE
    Content-Type: application/sdp
    Content-Length: {length}
    """,
    b"v=0\r\n"
    b"o=agnes 7133 7134 IN IP4 dock.quay.example\r\n"
    b"s=-\r\n"
    b"t=0 0\r\n"
    b"m=audio 40000 RTP/AVP 8\r\n"
    b"c=IN IP4 198.51.100.40\r\n"
    b"m=video 40002 RTP/AVP 97\r\n"
    b"c=IN IP6 2001:db8:7::1\r\n"
    b"a=rtpmap:97 H264/90000\r\n",
)

IPV4_MAPPED_IPV6 = message(
    """
    INVITE sip:bruno@harbour.example SIP/2.0
    To: sip:bruno@harbour.example
    From: sip:agnes@east.quay.example;tag=v6p
    Via: SIP/2.0/UDP [::ffff:198.51.100.1]:19823;branch=z9hG4bKv4mapped
    Via: SIP/2.0/UDP [::ffff:198.51.100.2];branch=z9hG4bKv4mapped2
    Call-ID: ipv4-mapped-ipv6@buoy_7
    Contact: "A. in the wheelhouse" <sip:agnes@[::ffff:198.51.100.2]>
    CSeq: 612 INVITE
    Max-Forwards: 70
    Content-Type: application/sdp
    Content-Length: {length}
    """,
    b"v=0\r\n"
    b"o=agnes 7135 0 IN IP6 ::ffff:198.51.100.2\r\n"
    b"s=Land in sight!\r\n"
    b"c=IN IP6 ::ffff:198.51.100.2\r\n"
    b"t=0 0\r\n"
    b"m=audio 40000 RTP/AVP 8\r\n",
)

THREE_COLONS = message(
    """
    OPTIONS sip:bruno@[2001:db8:::203.0.113.9] SIP/2.0
    To: sip:bruno@[2001:db8:::203.0.113.9]
    From: sip:agnes@quay.example;tag=v6c
    Via: SIP/2.0/UDP dock.quay.example;branch=z9hG4bKv6colons3
    Call-ID: ipv6-bug-abnf-3-colons@buoy_7
    CSeq: 689 OPTIONS
    Max-Forwards: 70
    Content-Length: 0
    """
)

TWO_COLONS = message(
    """
    OPTIONS sip:bruno@[2001:db8::203.0.113.9] SIP/2.0
    To: sip:bruno@[2001:db8::203.0.113.9]
    From: sip:agnes@quay.example;tag=v6c
    Via: SIP/2.0/UDP dock.quay.example;branch=z9hG4bKv6colons2
    Call-ID: ipv6-correct-abnf-2-colons@buoy_7
    CSeq: 689 OPTIONS
    Max-Forwards: 70
    Content-Length: 0
    """
)

DOTTED = sansip.Address("2001:db8::cb00:7109", 5060)  # ends in 203.0.113.9

_row = partial(Row, source=CALLER_6)

ROWS = (
    _row("4.1", "ipv6-good", "IPv6 in Request-URI, Via, Contact", IPV6_GOOD, Forwarded(PIER)),
    _row("4.2", "ipv6-bad", "IPv6 without brackets in the Request-URI", IPV6_BAD,
        Answered(400, to=LISTENS_6), fault="request-uri"),
    _row("4.3", "port-ambiguous", "a port within the brackets", PORT_AMBIGUOUS,
        Forwarded(sansip.Address("2001:db8:51::10:5070", 5060))),
    _row("4.4", "port-unambiguous", "a port after the brackets", PORT_UNAMBIGUOUS,
        Forwarded(sansip.Address("2001:db8:51::10", 5070))),
    _row("4.5", "via-received-param-with-delim", "received in brackets",
        VIA_RECEIVED_WITH_DELIM, Forwarded(PIER), choice="ours is sent without brackets"),
    _row("4.5", "via-received-param-no-delim", "received without brackets",
        VIA_RECEIVED_NO_DELIM, Forwarded(PIER)),
    _row("4.6", "ipv6-in-sdp", "IPv6 in the body", IPV6_IN_SDP, Forwarded(PIER)),
    _row("4.7", "mult-ip-in-header", "Vias of both families", MULT_IP_IN_HEADER,
        Forwarded(HARBOUR)),
    _row("4.8", "mult-ip-in-sdp", "both families in the body", MULT_IP_IN_SDP,
        Forwarded(PIER)),
    Row("4.9", "ipv4-mapped-ipv6", "IPv4 addresses mapped into IPv6", IPV4_MAPPED_IPV6,
        Forwarded(HARBOUR),
        choice="the mapped address is the IPv4 address"),
    _row("4.10", "ipv6-bug-abnf-3-colons", "three colons, after the old grammar",
        THREE_COLONS, Forwarded(DOTTED), choice="read as two, sent on as it came"),
    _row("4.10", "ipv6-correct-abnf-2-colons", "the same with two colons", TWO_COLONS,
        Forwarded(DOTTED)),
)  # fmt: skip
