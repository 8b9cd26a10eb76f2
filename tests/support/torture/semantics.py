"""RFC 4475 3.2 to 3.4: well-formed messages that mean something awkward."""

from torture.rows import (
    SDP,
    Answered,
    Dropped,
    Forwarded,
    OnStream,
    Row,
    message,
)

BADBRANCH = message(
    """
    OPTIONS sip:bruno@harbour.example SIP/2.0
    To: sip:bruno@harbour.example
    From: sip:agnes@quay.example;tag=badb
    Max-Forwards: 3
    Via: SIP/2.0/UDP 198.51.100.1;branch=z9hG4bK
    Accept: application/sdp
    Call-ID: badbranch.bare-trunk
    CSeq: 8 OPTIONS
    l: 0
    """
)

INSUF = message(
    """
    INVITE sip:bruno@harbour.example SIP/2.0
    CSeq: 1939 INVITE
    Via: SIP/2.0/UDP 198.51.100.1;branch=z9hG4bKinsuf
    Content-Type: application/sdp
    l: {length}
    """,
    SDP,
)

UNKSCM = message(
    """
    OPTIONS smokeSignal:three-puffs-and-a-pause SIP/2.0
    To: sip:bruno@harbour.example
    From: sip:agnes@quay.example;tag=unks
    Max-Forwards: 3
    Call-ID: unkscm.ridge
    CSeq: 3923 OPTIONS
    Via: SIP/2.0/TCP dock.quay.example;branch=z9hG4bKunkscm
    Content-Length: 0
    """
)

NOVELSC = message(
    """
    OPTIONS soap.beep://203.0.113.1:3003 SIP/2.0
    To: sip:bruno@harbour.example
    From: sip:agnes@quay.example;tag=novl
    Max-Forwards: 3
    Call-ID: novelsc.lather
    CSeq: 3924 OPTIONS
    Via: SIP/2.0/TCP dock.quay.example;branch=z9hG4bKnovelsc
    Content-Length: 0
    """
)

UNKSM2 = message(
    """
    REGISTER sip:harbour.example SIP/2.0
    To: isbn:9780000000002
    From: <http://www.quay.example>;tag=uns2
    Call-ID: unksm2.library@dock-side.quay.example
    CSeq: 2349 REGISTER
    Max-Forwards: 70
    Via: SIP/2.0/UDP 198.51.100.1:5060;branch=z9hG4bKunksm2
    Contact: <name:Clara_Lanyard>
    l: 0
    """
)

BEXT01 = message(
    """
    OPTIONS sip:bruno@harbour.example SIP/2.0
    To: sip:bruno_@harbour.example
    From: sip:agnes@quay.example;tag=bext
    Max-Forwards: 6
    Call-ID: bext01.wishes
    Require: calmSeas, fairWinds
    Proxy-Require: pilotOnBoard, quarantineFlag
    CSeq: 8 OPTIONS
    Via: SIP/2.0/TLS dock.quay.example;branch=z9hG4bKbext01
    Content-Length: 0
    """
)

INVUT = message(
    """
    INVITE sip:bruno@harbour.example SIP/2.0
    Contact: <sip:agnes@dock.quay.example>
    To: sip:bruno@harbour.example
    From: sip:agnes@quay.example;tag=invt
    Max-Forwards: 70
    Call-ID: invut.manifest
    CSeq: 2354 INVITE
    Via: SIP/2.0/UDP dock.quay.example;branch=z9hG4bKinvut
    Content-Type: application/bill-of-lading
    Content-Length: {length}
    """,
    b'<hold>\r\n  <barrel of="tar"/>\r\n</hold>\r\n',
)

REGAUT01 = message(
    """
    REGISTER sip:harbour.example SIP/2.0
    To: sip:clara@harbour.example
    From: sip:clara@harbour.example;tag=rega
    Max-Forwards: 8
    Call-ID: regaut01.password
    CSeq: 9338 REGISTER
    Via: SIP/2.0/TCP 198.51.100.1;branch=z9hG4bKregaut
    Authorization: SecretHandshake left-hand=three-times
    Content-Length:0
    """
)

MULTI01 = message(
    """
    INVITE sip:bruno@harbour.example SIP/2.0
    Contact: <sip:agnes@dock.quay.example>
    Via: SIP/2.0/UDP 198.51.100.1;branch=z9hG4bKmulti01
    Max-Forwards: 70
    CSeq: 5 INVITE
    Call-ID: multi01.port@198.51.100.1
    CSeq: 59 INVITE
    Call-ID: multi01.starboard@198.51.100.1
    From: sip:agnes@quay.example;tag=mul1
    To: sip:bruno@harbour.example
    To: sip:clara@harbour.example
    From: sip:agatha@quay.example;tag=mul2
    Content-Type: application/sdp
    l: {length}
    Contact: <sip:agatha@dock.quay.example>
    Max-Forwards: 5
    """,
    SDP,
)

MCL01 = message(
    """
    OPTIONS sip:bruno@harbour.example SIP/2.0
    Via: SIP/2.0/UDP dock.quay.example;branch=z9hG4bKmcl01
    To: sip:bruno@harbour.example
    From: sip:agnes@quay.example;tag=mcl1
    Call-ID: mcl01.two-yardsticks
    CSeq: 1593 OPTIONS
    Content-Length: 14
    Max-Forwards: 60
    Content-Length: 6
    Content-Type: text/plain
    """,
    b"Nobody can say where this text was meant to end.\r\n",
)

BCAST = message(
    """
    SIP/2.0 200 OK
    Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK-of-the-proxy;rport
    Via: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bKbcast
    Call-ID: bcast.all-ships
    CSeq: 35 INVITE
    From: sip:agnes@quay.example;tag=bcas
    To: sip:bruno@harbour.example;tag=harbour
    Content-Length: {length}
    Content-Type: application/sdp
    Contact: <sip:bruno@203.0.113.1>
    """,
    SDP,
)

ZEROMF = message(
    """
    OPTIONS sip:bruno@harbour.example SIP/2.0
    To: sip:bruno@harbour.example
    From: sip:agnes@quay.example;tag=zero
    Call-ID: zeromf.end-of-the-rope
    CSeq: 3924 OPTIONS
    Via: SIP/2.0/UDP dock.quay.example;branch=z9hG4bKzeromf
    Max-Forwards: 0
    Content-Length: 0
    """
)

CPARAM01 = message(
    """
    REGISTER sip:harbour.example SIP/2.0
    Via: SIP/2.0/UDP dock.quay.example:5060;branch=z9hG4bKcparam01
    Max-Forwards: 70
    From: sip:clara@harbour.example;tag=cpa1
    To: sip:clara@harbour.example
    Call-ID: cparam01.outside@dock.quay.example
    CSeq: 2 REGISTER
    Contact: sip:+15550100@gw.quay.example;lanternlit
    l: 0
    """
)

CPARAM02 = message(
    """
    REGISTER sip:harbour.example SIP/2.0
    Via: SIP/2.0/UDP dock.quay.example:5060;branch=z9hG4bKcparam02
    Max-Forwards: 70
    From: sip:clara@harbour.example;tag=cpa2
    To: sip:clara@harbour.example
    Call-ID: cparam02.inside@dock.quay.example
    CSeq: 3 REGISTER
    Contact: <sip:+15550100@gw.quay.example;lanternlit>
    l: 0
    """
)

REGESCRT = message(
    """
    REGISTER sip:harbour.example SIP/2.0
    To: sip:clara@harbour.example
    From: sip:clara@harbour.example;tag=rege
    Max-Forwards: 70
    Call-ID: regescrt.lashed@198.51.100.1
    CSeq: 14 REGISTER
    Via: SIP/2.0/UDP dock.quay.example;branch=z9hG4bKregescrt
    M: <sip:clara@quay.example?Route=%3Csip:relay.harbour.example%3E>
    L:0
    """
)

SDP01 = message(
    """
    INVITE sip:bruno@harbour.example SIP/2.0
    To: sip:bruno_@harbour.example
    Contact: <sip:agnes@dock.quay.example>
    From: sip:agnes@quay.example;tag=sdp1
    Max-Forwards: 5
    Call-ID: sdp01.signal-flags
    Accept: text/bunting
    CSeq: 8 INVITE
    Via: SIP/2.0/UDP 198.51.100.1;branch=z9hG4bKsdp01
    Content-Length: {length}
    Content-Type: application/sdp
    """,
    SDP,
)

INV2543 = message(
    """
    INVITE sip:Bruno@harbour.example SIP/2.0
    Via: SIP/2.0/UDP old.quay.example
    From: <sip:+15550111@old.quay.example;user=phone>
    Record-Route: <sip:Bruno@harbour.example;maddr=lock.quay.example>
    To: sip:+15550122@lock.quay.example;user=phone
    Call-ID: inv2543.1999@old.quay.example
    CSeq: 56 INVITE
    Content-Type: application/sdp
    """,
    SDP,
)

ROWS = (
    Row("3.2.1", "badbranch", "a branch that is the magic cookie alone", BADBRANCH, Forwarded(),
        choice="matched as RFC 2543 does"),
    Row("3.3.1", "insuf", "no Call-ID, From, To", INSUF, Answered(400), fault="from"),
    Row("3.3.2", "unkscm", "Request-URI of an unknown scheme", UNKSCM, Answered(416)),
    Row("3.3.3", "novelsc", "Request-URI of a registered but odd scheme", NOVELSC, Answered(416),
        choice="416: never routed"),
    Row("3.3.4", "unksm2", "other schemes in To, From, Contact", UNKSM2, Forwarded()),
    Row("3.3.5", "bext01", "unknown extensions required", BEXT01,
        Answered(420, headers=(("Unsupported", "pilotOnBoard, quarantineFlag"),))),
    Row("3.3.6", "invut", "a body of unknown type", INVUT, Forwarded()),
    Row("3.3.7", "regaut01", "an unknown authorization scheme", REGAUT01, Forwarded()),
    Row("3.3.8", "multi01", "two of what there is one of", MULTI01, Answered(400), fault="from"),
    Row("3.3.9", "mcl01", "two Content-Lengths", MCL01,
        Answered(400), fault="content-length", on_stream=OnStream.CLOSES),
    Row("3.3.10", "bcast", "a response whose next Via is a broadcast address", BCAST, Dropped()),
    Row("3.3.11", "zeromf", "Max-Forwards is 0", ZEROMF, Answered(483),
        choice="483 to OPTIONS too"),
    Row("3.3.12", "cparam01", "a parameter of Contact", CPARAM01, Forwarded()),
    Row("3.3.13", "cparam02", "a parameter of the URI in Contact", CPARAM02, Forwarded()),
    Row("3.3.14", "regescrt", "headers in the URI in Contact", REGESCRT, Forwarded()),
    Row("3.3.15", "sdp01", "an INVITE that accepts no SDP", SDP01, Forwarded()),
    Row("3.4.1", "inv2543", "an INVITE of 1999", INV2543, Forwarded(),
        fault=None, choice="taken in a datagram; over a stream its length cannot be known",
        on_stream=OnStream.CLOSES),
)  # fmt: skip
