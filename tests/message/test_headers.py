"""Typed headers: for each header, what texts mean and how the values are written."""

import pytest
from _pytest.mark import ParameterSet

from sansip.message import CSeq, NameAddr, Request, Via, headers
from sansip.message.fields import STAR
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
from sansip.message.headers import Header

P = Parameterised


def rule(header: Header, text: str, value: object, written: str | None = None) -> ParameterSet:
    """Make one case: what a text means, and how it is written, by default the same."""
    marks = pytest.mark.rule(header.rule)
    name = f"{header.name}: {text}"
    return pytest.param(
        header, text, value, text if written is None else written, marks=marks, id=name
    )


CASES = [
    rule(headers.ACCEPT, "application/sdp;level=1", P("application/sdp", (("level", "1"),))),
    rule(headers.ACCEPT, "Text / *\t;q=0.5", P("Text/*", (("q", "0.5"),)), "Text/*;q=0.5"),
    rule(headers.ACCEPT, "*/*", P("*/*")),
    rule(headers.ACCEPT_ENCODING, "gzip;q=0.3", P("gzip", (("q", "0.3"),))),
    rule(headers.ACCEPT_LANGUAGE, "en-gb;q=0.8", P("en-gb", (("q", "0.8"),))),
    rule(headers.ALERT_INFO, "<http://h/a,b.wav>", NameAddr("", "http://h/a,b.wav")),
    rule(headers.ALERT_INFO, "<urn:alert:x>;y", NameAddr("", "urn:alert:x", (("y", ""),))),
    rule(headers.ALLOW, "INVITE", "INVITE"),
    rule(
        headers.AUTHENTICATION_INFO,
        'nextnonce="4,7" , qop=auth,',
        AuthenticationInfo((("nextnonce", '"4,7"'), ("qop", "auth"))),
        'nextnonce="4,7", qop=auth',
    ),
    rule(
        headers.AUTHORIZATION,
        'Digest username="a\\"b", realm="x, y",uri="sip:h" ,nc=00000001,\r\n  qop=auth',
        Credentials(
            "Digest",
            (
                *(("username", '"a\\"b"'), ("realm", '"x, y"'), ("uri", '"sip:h"')),
                *(("nc", "00000001"), ("qop", "auth")),
            ),
        ),
        'Digest username="a\\"b", realm="x, y", uri="sip:h", nc=00000001, qop=auth',
    ),
    rule(
        headers.AUTHORIZATION,
        "Basic  YTpi==",
        Credentials("Basic", (), "YTpi=="),
        "Basic YTpi==",
    ),
    rule(
        headers.AUTHORIZATION,
        "NoOne opaque-data=here",
        Credentials("NoOne", (("opaque-data", "here"),)),
    ),
    rule(headers.CALL_ID, 'in"va<l{id}@h', 'in"va<l{id}@h'),
    rule(
        headers.CALL_INFO,
        "<http://h/p.jpg> ;purpose=icon",
        NameAddr("", "http://h/p.jpg", (("purpose", "icon"),)),
        "<http://h/p.jpg>;purpose=icon",
    ),
    rule(headers.CONTACT, "*", STAR),
    rule(
        headers.CONTACT,
        "sip:a@h;unknown",
        NameAddr("", "sip:a@h", (("unknown", ""),)),
        "<sip:a@h>;unknown",
    ),
    rule(headers.CONTACT, "<sip:a@h;unknown>", NameAddr("", "sip:a@h;unknown")),
    rule(
        headers.CONTACT,
        '<sip:a@h>;+sip.instance="<urn:uuid:1>";reg-id=1',
        NameAddr("", "sip:a@h", (("+sip.instance", '"<urn:uuid:1>"'), ("reg-id", "1"))),
    ),
    rule(
        headers.CONTENT_DISPOSITION,
        "session;handling=optional",
        P("session", (("handling", "optional"),)),
    ),
    rule(headers.CONTENT_ENCODING, "gzip", "gzip"),
    rule(headers.CONTENT_LANGUAGE, "fr", "fr"),
    rule(headers.CONTENT_LENGTH, "0349", 349, "349"),
    rule(
        headers.CONTENT_TYPE,
        'multipart/mixed;boundary="a;b"',
        P("multipart/mixed", (("boundary", '"a;b"'),)),
    ),
    rule(headers.CSEQ, "0009  INVITE", CSeq(9, "INVITE"), "9 INVITE"),
    rule(headers.DATE, "Sat, 13 Nov 2010 23:29:00 GMT", Date(2010, 11, 13, 23, 29)),
    rule(
        headers.DATE,
        "Mon,  29 Feb 2000 00:00:59 GMT",
        Date(2000, 2, 29, 0, 0, 59),
        "Tue, 29 Feb 2000 00:00:59 GMT",
    ),
    rule(headers.ERROR_INFO, "<sip:not-in-service@h>", NameAddr("", "sip:not-in-service@h")),
    rule(headers.EXPIRES, "5", 5),
    rule(headers.EXPIRES, "10000000000000", 2**32 - 1, "4294967295"),
    rule(
        headers.FROM,
        '"A. G. Bell" <sip:agb@h>;tag=a48s',
        NameAddr("A. G. Bell", "sip:agb@h", (("tag", "a48s"),)),
    ),
    rule(headers.FROM, "caller<sip:a@h>", NameAddr("caller", "sip:a@h"), '"caller" <sip:a@h>'),
    rule(
        headers.FROM,
        "Anonymous <sip:c8oqz84zk7z@h>;tag=hyh8",
        NameAddr("Anonymous", "sip:c8oqz84zk7z@h", (("tag", "hyh8"),)),
        '"Anonymous" <sip:c8oqz84zk7z@h>;tag=hyh8',
    ),
    rule(headers.IN_REPLY_TO, '70"10@saturn', '70"10@saturn'),
    rule(headers.MAX_FORWARDS, "0068", 68, "68"),
    rule(headers.MIN_EXPIRES, "60", 60),
    rule(headers.MIME_VERSION, "1.0", "1.0"),
    rule(headers.ORGANIZATION, 'Boxes, "by" Bob <', 'Boxes, "by" Bob <'),
    rule(headers.ORGANIZATION, "", ""),
    rule(headers.PRIORITY, "emergency", "emergency"),
    rule(
        headers.PROXY_AUTHENTICATE,
        'Digest realm="a,b",stale=FALSE',
        Challenge("Digest", (("realm", '"a,b"'), ("stale", "FALSE"))),
        'Digest realm="a,b", stale=FALSE',
    ),
    rule(
        headers.PROXY_AUTHORIZATION,
        'Digest nonce="c60f"',
        Credentials("Digest", (("nonce", '"c60f"'),)),
    ),
    rule(headers.PROXY_REQUIRE, "foo", "foo"),
    rule(headers.RECORD_ROUTE, "<sip:h;lr>;x=[::1]", NameAddr("", "sip:h;lr", (("x", "[::1]"),))),
    rule(headers.REPLY_TO, "sip:h", NameAddr("", "sip:h"), "<sip:h>"),
    rule(headers.REPLY_TO, "Bob <sip:bob@h>", NameAddr("Bob", "sip:bob@h"), '"Bob" <sip:bob@h>'),
    rule(headers.REQUIRE, "100rel", "100rel"),
    rule(
        headers.RETRY_AFTER,
        "18000;duration=3600",
        RetryAfter(18000, None, (("duration", "3600"),)),
    ),
    rule(
        headers.RETRY_AFTER,
        "120(a (b, \\) ;) c) ; x",
        RetryAfter(120, "a (b, \\) ;) c", (("x", ""),)),
        "120 (a (b, \\) ;) c);x",
    ),
    rule(headers.RETRY_AFTER, "1 ()", RetryAfter(1, "")),
    rule(headers.RETRY_AFTER, "99999999999", RetryAfter(2**32 - 1), "4294967295"),
    rule(headers.ROUTE, "<sip:h;lr>", NameAddr("", "sip:h;lr")),
    rule(headers.SERVER, "HomeServer v2 (a, (b))", "HomeServer v2 (a, (b))"),
    rule(headers.SUBJECT, "", ""),
    rule(
        headers.SUBJECT,
        "Tech \u00e4 \udce4,\r\n\tmore",
        "Tech \u00e4 \udce4, more",
        "Tech \u00e4 \udce4, more",
    ),
    rule(headers.SUPPORTED, "timer", "timer"),
    rule(headers.TIMESTAMP, "54", Timestamp("54")),
    rule(headers.TIMESTAMP, "54.25\t .1", Timestamp("54.25", ".1"), "54.25 .1"),
    rule(headers.TO, '"\\\0\\"\\\\" <sip:a@h>', NameAddr('\0"\\', "sip:a@h")),
    rule(headers.TO, "<isbn:2983792873>", NameAddr("", "isbn:2983792873")),
    rule(headers.UNSUPPORTED, "foo", "foo"),
    rule(headers.USER_AGENT, "Softphone/1.5 (beta, 3)", "Softphone/1.5 (beta, 3)"),
    rule(
        headers.VIA,
        "SIP / 2.0 / udp h:5060 ;branch=1",
        Via("UDP", "h", 5060, "1"),
        "SIP/2.0/UDP h:5060;branch=1",
    ),
    rule(headers.WARNING, '370 [::1]:5060 "a, \\"b\\""', SipWarning(370, "[::1]:5060", 'a, "b"')),
    rule(
        headers.WWW_AUTHENTICATE,
        'Digest realm="a", qop="auth,auth-int"',
        Challenge("Digest", (("realm", '"a"'), ("qop", '"auth,auth-int"'))),
    ),
    # extensions
    rule(
        headers.ACCEPT_CONTACT,
        '*;methods="BYE, X";require',
        P("*", (("methods", '"BYE, X"'), ("require", ""))),
    ),
    rule(headers.ALLOW_EVENTS, "presence.winfo", "presence.winfo"),
    rule(
        headers.DIVERSION,
        "<tel:+1;ext=2>;reason=no-answer",
        NameAddr("", "tel:+1;ext=2", (("reason", "no-answer"),)),
    ),
    rule(headers.EVENT, "presence ; ID=1", P("presence", (("id", "1"),)), "presence;id=1"),
    rule(headers.GEOLOCATION, "<cid:x@h>", NameAddr("", "cid:x@h")),
    rule(
        headers.HISTORY_INFO,
        "<sip:a@h?Reason=SIP%3Bcause%3D302>;index=1.1",
        NameAddr("", "sip:a@h?Reason=SIP%3Bcause%3D302", (("index", "1.1"),)),
    ),
    rule(
        headers.IDENTITY,
        "e30.a,b;info=<https://h/c>;ppt=shaken",
        "e30.a,b;info=<https://h/c>;ppt=shaken",
    ),
    rule(
        headers.JOIN,
        "1@h;from-tag=f;to-tag=t",
        DialogId("1@h", (("from-tag", "f"), ("to-tag", "t"))),
    ),
    rule(headers.MIN_SE, "90;x", Interval(90, (("x", ""),))),
    rule(
        headers.P_ACCESS_NETWORK_INFO,
        "IEEE-802.11;network-provided",
        P("IEEE-802.11", (("network-provided", ""),)),
    ),
    rule(
        headers.P_ASSERTED_IDENTITY,
        "tel:+14085264000",
        NameAddr("", "tel:+14085264000"),
        "<tel:+14085264000>",
    ),
    rule(headers.P_VISITED_NETWORK_ID, '"my;net" ; x', P('"my;net"', (("x", ""),)), '"my;net";x'),
    rule(headers.PATH, "<sip:h;lr;ob>", NameAddr("", "sip:h;lr;ob")),
    rule(headers.PRIVACY, "id", "id"),
    rule(headers.RACK, "776656\t1  INVITE", RAck(776656, 1, "INVITE"), "776656 1 INVITE"),
    rule(
        headers.REASON,
        'Q.850 ;cause=16;text="a;b"',
        Reason("Q.850", (("cause", "16"), ("text", '"a;b"'))),
        'Q.850;cause=16;text="a;b"',
    ),
    rule(headers.REFER_TO, "<sip:a@h?Replaces=1%40h>", NameAddr("", "sip:a@h?Replaces=1%40h")),
    rule(headers.REFERRED_BY, '<sip:a@h>;cid="1@h"', NameAddr("", "sip:a@h", (("cid", '"1@h"'),))),
    rule(
        headers.REMOTE_PARTY_ID,
        "<sip:a@h>;party=calling",
        NameAddr("", "sip:a@h", (("party", "calling"),)),
    ),
    rule(
        headers.REPLACES,
        'a"<b@h ;to-tag=t;from-tag=f',
        DialogId('a"<b@h', (("to-tag", "t"), ("from-tag", "f"))),
        'a"<b@h;to-tag=t;from-tag=f',
    ),
    rule(headers.RESOURCE_PRIORITY, "dsn.flash", "dsn.flash"),
    rule(headers.RSEQ, "988789", 988789),
    rule(
        headers.SECURITY_CLIENT,
        "ipsec-3gpp;alg=hmac-sha-1-96;spi-c=1",
        P("ipsec-3gpp", (("alg", "hmac-sha-1-96"), ("spi-c", "1"))),
    ),
    rule(headers.SESSION_EXPIRES, "1800;refresher=UAC", Interval(1800, (("refresher", "UAC"),))),
    rule(headers.SESSION_ID, "ab;remote=cd", P("ab", (("remote", "cd"),))),
    rule(headers.SIP_ETAG, "dx200xyz", "dx200xyz"),
    rule(headers.SUBSCRIPTION_STATE, "active;expires=60", P("active", (("expires", "60"),))),
    rule(
        headers.TARGET_DIALOG,
        "1@h;local-tag=l;remote-tag=r",
        DialogId("1@h", (("local-tag", "l"), ("remote-tag", "r"))),
    ),
    rule(headers.USER_TO_USER, "56a390;encoding=hex", P("56a390", (("encoding", "hex"),))),
]


@pytest.mark.rule("3261-25-05", "3261-25-07", "3261-25-08", "3261-25-09", "3261-25-02")
@pytest.mark.parametrize(("header", "text", "value", "written"), CASES)
def test_texts_are_read_and_written(header: Header, text: str, value: object, written: str) -> None:
    assert header.parse(text) == value
    assert str(value) == written
    assert header.render(value) == written
    assert header.parse(written) == value
    request = Request.make("OPTIONS", "sip:h", [(header.name, written)])
    assert header.of(request) in {value, (value,)} | ({()} if written == "" else set())
