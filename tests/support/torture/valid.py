"""RFC 4475 3.1.1: messages that are odd but valid. All of them go through a proxy."""

import sansip
from torture.rows import (
    RELAY,
    SDP,
    Consumed,
    Forwarded,
    OnStream,
    Returned,
    Row,
    message,
)

ODD_METHOD = "Sail-0123456789_*+`.%49NVITE!'~"
ODD_USER = "9.Knots_&-more~(a=b)*!'+$2,/rope?;;anchor:~half_hitch(1)=2&!3-*'.,+$"
ODD_CALL_ID = "}cleat%2F)\"<-!.*_+'~:/?[\\`@bight>](sheet{"

WSINV = message(
    """
    INVITE sip:bruno@harbour.example;shoreline SIP/2.0
    tO  :
     sip:bruno@harbour.example ;
       tag\t=  rope-77
    FROM\t: "Agnes \\\\\\"of the ferry\\""   <sip:agnes@quay.example>
      ;
      tag   =
     tide.1
    mAX-fORWARDS  :  0068
    Call-ID : wsinv.4711@198.51.100.1
    content-LENGTH   :   {length}
    CSEQ:  0009
      INVITE
    VIA  :   SIP  /   2.0
     / UDP
        198.51.100.1 ; branch  = lowtide17
    s  :
    Tide-Table  :   high water
    \tat noon
    Unlisted-Anywhere: ;,;;,,;=,
    C : application/sdp
    ROUTE :
     <sip:relay.harbour.example;lr;mooring=north;unmoored>
    v :  SIP /  2.0 /TCP     buoy.quay.example
      ;   branch  =
      z9hG4bKsecond ,
      SIP/2.0/  UDP  10.8.7.6  ; branch=
     z9hG4bKthird
    m:"Agnes \\"\\"" <sip:agnes@198.51.100.1> ; newparam
       =   newvalue ;
      valueless ; q  =  0.33
    """,
    SDP,
)

INTMETH = message(
    f"""
    {ODD_METHOD} sip:{ODD_USER}@harbour.example SIP/2.0
    Via: SIP/2.0/TCP skiff.quay.example;branch=z9hG4bK~'`+_*%21!.-
    To: "ring \\\a nothing \\\0 gone \\\x7f" <sip:{ODD_USER}@harbour.example>
    From: Bow~`.- stern'+_ keel*%! <sip:plain@quay.example>;%-.!_*+''~knot=\
"\u043f\u0440\u0438\u0447\u0430\u043b";tag=%!-.'~`stay*+_3
    Call-ID: {ODD_CALL_ID}
    CSeq: 2147480000 {ODD_METHOD}
    Max-Forwards: 255
    ~'`_+*%.!-Signal:\ufeff\u706f\u53f0
    Content-Length: 0
    """
)

ESC01 = message(
    """
    INVITE sip:sips%3Abruno%40pier.example@harbour.example SIP/2.0
    To: sip:%62run%6F@harbour.example
    From: <sip:the%20tide%20table@quay.example>;tag=esc1
    Max-Forwards: 87
    i: esc01.ebb-0917
    CSeq: 8712 INVITE
    Via: SIP/2.0/UDP dock.quay.example;branch=z9hG4bKesc01
    C: application/sdp
    Contact:
      <sip:a%67nes@dock.quay.example;%6C%72;st%65p=v%61lue%25%34%31>
    Content-Length: {length}
    """,
    SDP,
)

ESCNULL = message(
    """
    REGISTER sip:harbour.example SIP/2.0
    To: sip:nothing-%00-nothing@harbour.example
    From: sip:nothing-%00-nothing@harbour.example;tag=0
    Max-Forwards: 70
    Call-ID: escnull.flotsam
    CSeq: 31 REGISTER
    Via: SIP/2.0/UDP dock.quay.example;branch=z9hG4bKescnull
    Contact: <sip:%00@dock.quay.example>
    Contact: <sip:%00%00@dock.quay.example>
    L:0
    """
)

ESC02 = message(
    """
    R%45GISTE%52 sip:harbour.example SIP/2.0
    To: "%Q%41" <sip:gangway@harbour.example>
    From: "%Q%41" <sip:gangway@harbour.example>;tag=esc2
    Call-ID: esc02.jetsam
    Via: SIP/2.0/TCP dock.quay.example;branch=z9hG4bK%7Aesc02
    CSeq: 65537 R%45GISTE%52
    Max-Forwards: 70
    Contact: <sip:first@one.quay.example>
    C%6Fntact: <sip:second@two.quay.example>
    Contact: <sip:third@three.quay.example>
    l: 0
    """
)

LWSDISP = message(
    """
    OPTIONS sip:bruno@harbour.example SIP/2.0
    To: sip:bruno@harbour.example
    From: agnes<sip:agnes@quay.example>;tag=close
    Max-Forwards: 70
    Call-ID: lwsdisp.71@dock.quay.example
    CSeq: 6 OPTIONS
    Via: SIP/2.0/UDP dock.quay.example;branch=z9hG4bKlwsdisp
    l: 0
    """
)

VIA_SPELLINGS = (
    "Via:", "v:", "V:", "ViA:", "VIa:", "VIA:", "via:", "viA:", "vIa:", "vIA:", "vIA :",
    "V :", "v :", "V  :", "v  :", "Via :", "Via  :", *["Via:"] * 16,
)  # fmt: skip
LONGREQ = message(
    f"""
    INVITE sip:bruno@harbour.example SIP/2.0
    To: "The name on this berth is {"considerably" * 10} long" \
<sip:bruno@harbour.example:6000;oneparam=so{"wide" * 20}avalue;\
far{"name" * 25}=short;so{"wide" * 25}ParamThatHasNoValue>
    F: sip:{"unendingnameofacaller" * 5}@quay.example;tag=77{"415" * 50}1;\
strangeheaderparam{"name" * 20}=strangeheaderparam{"value" * 15};Valueless{"paramname" * 10}
    Call-ID: longreq.the{"very" * 20}longcallid
    CSeq: 414141 INVITE
    Strange-{"Wide" * 20}-Name: strange-{"wide" * 20}-value;\
 strange-{"wide" * 20}-parameter-name = strange-{"wide" * 20}-parameter-value
    VIAS
    Via: SIP/2.0/TCP first.quay.example;received=198.51.100.99;branch=so{"wide" * 50}abranch
    Max-Forwards: 70
    Contact: <sip:{"unendingnameofacaller" * 5}@dock.quay.example>
    Content-Type: application/sdp
    l: {{length}}
    """,
    SDP,
).replace(
    b"VIAS",
    "\r\n".join(
        f"{spelling} SIP/2.0/TCP lock{len(VIA_SPELLINGS) - number}.quay.example"
        for number, spelling in enumerate(VIA_SPELLINGS)
    ).encode(),
)

DBLREQ = message(
    """
    REGISTER sip:harbour.example SIP/2.0
    To: sip:clara@harbour.example
    From: sip:clara@harbour.example;tag=dbl1
    Max-Forwards: 8
    I: dblreq.first
    Contact: sip:clara@198.51.100.1
    CSeq: 8 REGISTER
    Via: SIP/2.0/UDP 198.51.100.1;branch=z9hG4bKdbl1
    Content-Length: 0
    """
)
AFTER_DBLREQ = message(
    """
    INVITE sip:bruno@harbour.example SIP/2.0
    t: sip:bruno@harbour.example
    From: sip:agnes@quay.example;tag=dbl2
    Max-Forwards: 8
    Call-ID: dblreq.second@198.51.100.1
    CSeq: 8 INVITE
    Via: SIP/2.0/UDP 198.51.100.1;branch=z9hG4bKdbl2
    Content-Type: application/sdp
    Content-Length: {length}
    """,
    SDP,
)

SEMIURI = message(
    """
    OPTIONS sip:bruno;berth=4%40north.example@harbour.example SIP/2.0
    To: sip:bruno_@harbour.example
    From: sip:agnes@quay.example;tag=semi
    Max-Forwards: 3
    Call-ID: semiuri.north
    CSeq: 8 OPTIONS
    Accept: application/sdp,
        text/plain, multipart/alternative,
        message/sipfrag
    Via: SIP/2.0/UDP 198.51.100.1;branch=z9hG4bKsemi
    l: 0
    """
)

TRANSPORTS = message(
    """
    OPTIONS sip:bruno@harbour.example SIP/2.0
    To: sip:bruno@harbour.example
    From: <sip:agnes@quay.example>;tag=carried
    Max-Forwards: 70
    Call-ID:  transports.all-of-them
    Accept: application/sdp
    CSeq: 61 OPTIONS
    Via: SIP/2.0/UDP v1.quay.example;branch=z9hG4bKv1
    Via: SIP/2.0/SCTP v2.quay.example;branch=z9hG4bKv2
    Via: SIP/2.0/TLS v3.quay.example;branch=z9hG4bKv3
    Via: SIP/2.0/PIGEON v4.quay.example;branch=z9hG4bKv4
    Via: SIP/2.0/TCP v5.quay.example;branch=z9hG4bKv5
    l: 0
    """
)

BINARY = bytes(range(256)) + b"\0\r\n\r\nINVITE sip:x SIP/2.0\r\n\r\n\n\r\0\0\x80\xff" + bytes(8)
MULTIPART = b"".join(
    [
        b"--planks\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: binary\r\n\r\n",
        b"Ahoy\r\n",
        b"--planks\r\nContent-Type: application/octet-stream\r\n",
        b"Content-Transfer-Encoding: binary\r\n\r\n",
        BINARY,
        b"\r\n--planks--\r\n",
    ]
)
MPART01 = message(
    """
    MESSAGE sip:bruno@harbour.example SIP/2.0
    Via: SIP/2.0/UDP 198.51.100.1:5070;branch=z9hG4bK-mpart-01--;rport
    Max-Forwards: 70
    Route: <sip:203.0.113.2:5080>
    Identity: bm90IGEgc2lnbmF0dXJlIGF0IGFsbCwgYnV0IGFzIGxvbmcgYXMgb25lLCBzbyB0aGF0+/cGFzcw==
    Contact: <sip:agnes@198.51.100.1:5070>
    To: <sip:bruno@harbour.example>
    From: <sip:agnes@quay.example>;tag=mpart
    Call-ID: mpart01.c2VhZ3VsbA..
    CSeq: 1 MESSAGE
    Content-Transfer-Encoding: binary
    Content-Type: multipart/mixed;boundary=planks
    Date: Sun, 07 Feb 2021 06:28:16 GMT
    User-Agent: Semaphore/0.3 (flags)
    Content-Length: {length}
    """,
    MULTIPART,
)

UNREASON = message(
    """
    SIP/2.0 200 = 10**2 + 10**2 (\u043c\u0430\u044f\u043a \u0432\u0438\u0434\u0435\u043d) 100%
    Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK-of-the-proxy;rport
    Via: SIP/2.0/UDP 198.51.100.1;branch=z9hG4bKunreason
    Call-ID: unreason.mast
    CSeq: 35 INVITE
    From: sip:agnes@quay.example;tag=unreason
    To: sip:bruno@harbour.example;tag=harbour
    Content-Length: {length}
    Content-Type: application/sdp
    Contact: <sip:bruno@203.0.113.1>
    """,
    SDP,
)

NOREASON = message(
    """
    SIP/2.0 100\x20
    Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK-of-the-proxy;rport
    Via: SIP/2.0/UDP 198.51.100.1;branch=z9hG4bKnoreason
    Call-ID: noreason.fog
    CSeq: 35 INVITE
    From: <sip:agnes@quay.example>;tag=noreason
    To: <sip:bruno@harbour.example>;tag=harbour
    Content-Length: 0
    Contact: <sip:bruno@203.0.113.1>
    """
)

ROWS = (
    Row("3.1.1.1", "wsinv", "folds, blanks, odd case, leading zeros", WSINV, Forwarded(RELAY)),
    Row("3.1.1.2", "intmeth", "every character that tokens and words may have", INTMETH,
        Forwarded()),
    Row("3.1.1.3", "esc01", "escapes in URIs, to be undone once", ESC01, Forwarded()),
    Row("3.1.1.4", "escnull", "escaped NULs in user parts", ESCNULL, Forwarded()),
    Row("3.1.1.5", "esc02", "% where it is no escape", ESC02, Forwarded()),
    Row("3.1.1.6", "lwsdisp", "no blank between display name and <", LWSDISP, Forwarded()),
    Row("3.1.1.7", "longreq", "very long values, 34 Via rows", LONGREQ, Forwarded()),
    Row("3.1.1.8", "dblreq", "more bytes than Content-Length says", DBLREQ + AFTER_DBLREQ,
        Forwarded(), on_stream=OnStream.TWO_MESSAGES),
    Row("3.1.1.9", "semiuri", "; and an escaped @ in the user part", SEMIURI, Forwarded()),
    Row("3.1.1.10", "transports", "known and unknown transports in Via", TRANSPORTS, Forwarded()),
    Row("3.1.1.11", "mpart01", "a body with NULs in it, a strict router", MPART01,
        Forwarded(
            sansip.Address(RELAY.host, 5080), "sip:203.0.113.2:5080", "<sip:bruno@harbour.example>"
        )),
    Row("3.1.1.12", "unreason", "UTF-8 in the reason phrase", UNREASON, Returned()),
    Row("3.1.1.13", "noreason", "no reason phrase", NOREASON, Consumed()),
)  # fmt: skip
