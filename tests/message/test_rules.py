"""Rules of docs/conformance.md that no other test of this folder is about, or not all of it."""

from itertools import product

import pytest

from sansip.errors import RemoteProtocolError
from sansip.message import (
    CSeq,
    Request,
    Response,
    Via,
    ack,
    cancel,
    equivalent,
    parse,
    parse_name_addr,
    parse_uri,
    parse_via,
    reply,
)

VIA = "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1"
FROM = "From: <sip:alice@example.org>;tag=1"
TO = "To: <sip:bob@example.com>"
ROWS = (VIA, FROM, TO, "Call-ID: c", "CSeq: 1 INVITE")
START = "INVITE sip:bob@example.com SIP/2.0"
OK = "SIP/2.0 200 OK"


def wire(*rows: str, start: str = START, body: bytes = b"") -> bytes:
    head = "\r\n".join((start, *rows, "", ""))
    return head.encode("utf-8", "surrogateescape") + body


def request(*rows: str, start: str = START, body: bytes = b"") -> Request:
    made = parse(wire(*(rows or ROWS), start=start, body=body))
    assert isinstance(made, Request)
    return made


def with_row(row: str) -> Request:
    return request(*ROWS, row)


def with_top_via(text: str) -> Request:
    return request(f"Via: {text}", *ROWS[1:])


# 7: messages


@pytest.mark.rule("3261-7.1-01", "3261-25-03")
def test_a_method_has_no_escapes_and_its_case_counts() -> None:
    made = request(*ROWS[:-1], "CSeq: 1 RE%47ISTER", start="RE%47ISTER sip:h SIP/2.0")
    assert (made.method, made.cseq) == ("RE%47ISTER", CSeq(1, "RE%47ISTER"))
    for cseq in ("1 REGISTER", "1 RE%47ister"):
        with pytest.raises(RemoteProtocolError):
            request(*ROWS[:-1], f"CSeq: {cseq}", start="RE%47ISTER sip:h SIP/2.0")


@pytest.mark.rule("3261-7.1-04")
@pytest.mark.parametrize("bad", ["\0", "\t", "\x7f", "<", ">", '"'])
def test_what_must_not_be_in_a_request_uri_cannot_get_there(bad: str) -> None:
    for uri in (f"sip:bo{bad}b@example.com", f"tel:+1{bad}", f"x:{bad}"):
        with pytest.raises(RemoteProtocolError):
            request(start=f"INVITE {uri} SIP/2.0")


@pytest.mark.rule("3261-7.2-01")
@pytest.mark.parametrize("status", [100, 199, 600, 699])
def test_the_first_and_the_last_status_codes_are_read(status: int) -> None:
    made = parse(wire(*ROWS, start=f"SIP/2.0 {status} x"))
    assert isinstance(made, Response)
    assert made.status == status


@pytest.mark.rule("3261-7.2-02")
@pytest.mark.parametrize(
    "reason", ["", " ", " a  b\t ", "200 OK", "SIP/2.0 486 x", "%00\udcff\x01"]
)
@pytest.mark.parametrize("row", ["Subject: x", "Subject: x\r\n folded", "From : sip:a@h;tag=1"])
def test_a_reason_phrase_is_kept_however_the_rest_is_spelled(reason: str, row: str) -> None:
    rows = [each for each in ROWS if not each.startswith(row.partition(" ")[0].rstrip(":"))]
    data = wire(*rows, row, start=f"SIP/2.0 180 {reason}")
    made = parse(data)
    assert isinstance(made, Response)
    assert (made.status, made.reason, made.render()) == (180, reason, data)


@pytest.mark.rule("3261-7.3.1-01")
def test_rows_that_are_made_here_have_one_form() -> None:
    made = with_row("SUBJECT\t :\t x \t")
    assert made.get("subject") == "x"
    assert made.set("subject", "y").lines[-1] == "Subject: y"
    assert made.append("CALL-INFO", "y").lines[-1] == "Call-Info: y"


@pytest.mark.rule("3261-7.3.1-02")
@pytest.mark.parametrize("fold", ["\r\n ", "\r\n\t", " \t\r\n \t ", "\r\n \r\n\t"])
def test_a_fold_anywhere_is_white_space(fold: str) -> None:
    made = request(
        f"Via:{fold}SIP/2.0/UDP{fold}192.0.2.1;{fold}branch{fold}={fold}z9hG4bK1{fold},{fold}x",
        f'From: "A{fold}B"{fold}<sip:a@h>{fold};tag=1',
        f"To{fold[:0]}:{fold}<sip:b@h>",
        f"Call-ID:{fold}c",
        f"CSeq:{fold}1{fold}INVITE",
        f"Subject:{fold}I know{fold}you",
    )
    assert made.via == Via("UDP", "192.0.2.1", None, "z9hG4bK1")
    assert " ".join(parse_name_addr(made.get("from") or "").display.split()) == "A B"
    assert (made.from_tag, made.call_id, made.cseq) == ("1", "c", CSeq(1, "INVITE"))
    assert " ".join((made.get("subject") or "").split()) == "I know you"
    assert "\r" not in "".join(made.rows("subject") + made.values("via"))
    # Whatever is written anew is not folded.
    stamped = made.with_top_via(made.via.stamped("192.0.2.1", 1)).pop_first("via")
    assert "\r" not in stamped.lines[0]


LISTED = (
    ("via", ("SIP/2.0/UDP a;x=';branch=1", 'SIP/2.0/TCP b;y="p,q;\\","', "SIP/2.0/TLS [::1]")),
    ("route", ("<sip:a,b;lr>", '"x, \\"y\\", <" <sip:c;lr>;p="1,2"', "Z <sip:d>")),
    ("record-route", ("<sip:a,b;lr>", "<sip:c;lr>", "<sip:a,b;lr>")),
    ("contact", ('"," <sip:a>;q=0.1', "sip:b;expires=3", "<tel:+1,2>")),
    ("supported", ("100rel", "path", "timer")),
)


@pytest.mark.rule("3261-7.3.1-03")
@pytest.mark.parametrize(("name", "values"), LISTED)
def test_a_list_is_the_same_in_any_mix_of_rows_and_commas(
    name: str, values: tuple[str, ...]
) -> None:
    for joints in product((",", " ,\t", ",\r\n ", f"\r\n{name.upper()} : "), repeat=2):
        text = values[0] + joints[0] + values[1] + joints[1] + values[2]
        rows = f"{name}: {text}".split(f"\r\n{name.upper()} : ")
        heads = [rows[0], *[f"{name.upper()} : {row}" for row in rows[1:]]]
        rest = ROWS[1:] if name == "via" else ROWS
        assert request(*heads, *rest).values(name) == values


@pytest.mark.rule("3261-7.3.1-03")
@pytest.mark.parametrize("name", ["User-Agent", "Server", "Retry-After"])
def test_what_may_have_a_comment_is_no_list(name: str) -> None:
    text = "18000 (a, b (c, d)), e"
    assert with_row(f"{name}: {text}").values(name.lower()) == (text,)


@pytest.mark.rule("3261-7.3.1-04")
@pytest.mark.parametrize(
    "name", ["WWW-Authenticate", "Authorization", "Proxy-Authenticate", "Proxy-Authorization"]
)
def test_challenges_and_credentials_are_never_split_or_joined(name: str) -> None:
    one, other = 'Digest realm="a", nonce="b", qop="auth,auth-int"', "Basic Zm9v, x=y"
    made = request(*ROWS, f"{name}: {one}", f"{name.upper()}: {other}")
    assert made.values(name.lower()) == (one, other)
    assert with_row(f"{name}: {one}").values(name.lower()) == (one,)
    assert made.pop_first(name).values(name.lower()) == (other,)


@pytest.mark.rule("3261-7.3.1-05")
def test_a_forwarded_copy_keeps_the_order_of_all_rows() -> None:
    rows = (
        *("Route: <sip:r1;lr>", "X-B: 1", VIA, "X-A: 1", "Record-Route: <sip:p1;lr>", "X-B: 2"),
        *("v: SIP/2.0/TCP b", *ROWS[1:], "Route: <sip:r2;lr>,<sip:r3;lr>", "Max-Forwards: 9"),
        *("Record-Route: <sip:p0;lr>", "Contact: <sip:x>", "m: <sip:y>", "X-B: 3"),
    )
    made = request(*rows).forwarded("sip:x", "SIP/2.0/UDP p", 8, ("<sip:p2;lr>",))
    ours = {"Via: SIP/2.0/UDP p", "Record-Route: <sip:p2;lr>", "Max-Forwards: 8"}
    assert [r for r in made.lines if r not in ours] == [r for r in rows if r != "Max-Forwards: 9"]
    assert made.values("via")[0] == "SIP/2.0/UDP p"
    assert made.values("record-route") == ("<sip:p2;lr>", "<sip:p1;lr>", "<sip:p0;lr>")
    above = request("Record-Route: <sip:p1;lr>", *rows[1:]).forwarded(
        "x:y", "z", 8, ("<sip:p2;lr>",)
    )
    assert above.values("record-route") == (
        "<sip:p2;lr>",
        "<sip:p1;lr>",
        "<sip:p1;lr>",
        "<sip:p0;lr>",
    )


@pytest.mark.rule("3261-7.3.1-06")
@pytest.mark.parametrize(
    "row",
    [
        *("Via: SIP/2.0/UDP h;branch=1;x;X=2", 'Via: SIP/2.0/UDP h;x="1";x="1"'),
        *("From: <sip:a@h>;tag=1;a=b;A=c", "To: sip:b@h;tag=1;tag=1", "From: <sip:a>;x;tag=1;x"),
    ],
)
def test_a_parameter_comes_once_where_a_proxy_depends_on_it(row: str) -> None:
    name = row.partition(":")[0]
    rows = [row if each.startswith(f"{name}:") else each for each in ROWS]
    for start in (START, OK):
        with pytest.raises(RemoteProtocolError) as caught:
            parse(wire(*rows, start=start))
        assert (caught.value.header, caught.value.status_hint) == (name.lower(), 400)


@pytest.mark.rule("3261-7.3.1-06", "3261-7.3.1-08")
@pytest.mark.parametrize(
    "row",
    [
        *("Contact: <sip:a@h>;q=1;q=0", f"{VIA};branch=2", "Content-Type: a/b;c=d;c=e"),
        *("X-Mine: ;a;a=,,b;a", "Route: <sip:r;lr>;x;x", 'P-Mine: \u20ac \udcff\t\x01 \\ " <'),
    ],
)
def test_elsewhere_it_goes_through_as_it_came(row: str) -> None:
    data = wire(*ROWS, row)
    assert parse(data).render() == data


@pytest.mark.rule("3261-7.3.1-07")
def test_what_is_compared_with_and_without_case() -> None:
    via = parse_via('SIP/2.0/udp H;BRANCH=z9;Received=x;Q="Ab"')
    assert (via.transport, via.branch, via.received, via.param("q")) == ("UDP", "z9", "x", '"Ab"')
    assert via.sent_by == parse_via("SIP/2.0/UDP h").sent_by
    address = parse_name_addr("<sip:A@h>;TAG=x;Q=y")
    assert (address.param("tag"), address.param("q")) == ("x", "y")
    assert with_row("sUBJECT: Ab").get("subject") == "Ab"
    assert request(*ROWS[:3], "CALL-ID: C", "cseq: 1 INVITE").call_id == "C"


@pytest.mark.rule("3261-7.3.2-01", "3261-20.22-01")
@pytest.mark.parametrize(
    ("start", "row"),
    [
        (START, "Retry-After: soon"),
        (START, "Proxy-Authenticate: x"),
        (START, "WWW-Authenticate: ;;"),
        (START, "Unsupported: a"),
        (OK, "Max-Forwards: 0"),
        (OK, "Max-Forwards: 999"),
        (OK, "Proxy-Require: wonders"),
        (OK, "Route: nonsense"),
        (OK, "Subject: x"),
    ],
)
def test_what_makes_no_sense_here_is_kept_and_ignored(start: str, row: str) -> None:
    data = wire(*ROWS, row, start=start)
    assert parse(data).render() == data


@pytest.mark.rule("3261-7.3.3-01")
@pytest.mark.parametrize(
    ("short", "name"),
    [
        *(("c", "content-type"), ("e", "content-encoding"), ("f", "from"), ("i", "call-id")),
        *(("k", "supported"), ("l", "content-length"), ("m", "contact"), ("s", "subject")),
        *(("t", "to"), ("v", "via"), ("a", "accept-contact"), ("b", "referred-by")),
        *(("d", "request-disposition"), ("j", "reject-contact"), ("n", "identity-info")),
        *(("o", "event"), ("r", "refer-to"), ("u", "allow-events"), ("x", "session-expires")),
        ("y", "identity"),
    ],
)
def test_a_compact_name_is_another_spelling(short: str, name: str) -> None:
    once = {"from", "to", "call-id", "content-length"}
    for spelling in (short, short.upper(), f"{short} "):
        rows = [row for row in ROWS if row.partition(":")[0].lower() != name or name == "via"]
        text = {"content-length": "0", "from": "<sip:a>;tag=1"}.get(name, "<sip:x>")
        made = request(*rows, f"{spelling}: {text}")
        assert made.rows(name)[-1] == text
        if name not in once:
            both = request(*rows, f"{spelling}:{text}", f"{name.title()}: 2", f"{short}: 3")
            assert both.values(name)[-3:] == (text, "2", "3")


@pytest.mark.rule("3261-7.3.3-02")
def test_compact_names_come_in_and_stay_but_never_come_of_us() -> None:
    rows = ("v: SIP/2.0/UDP a;branch=1", "f: <sip:a>;tag=1", "t: <sip:b>", "i: c", "CSeq: 1 INVITE")
    made = request(*rows, "k: timer", "l: 0")
    assert made.lines == (*rows, "k: timer", "l: 0")
    edited = made.set("supported", "path").prepend("via", "SIP/2.0/UDP z").with_body(b"x", "a/b")
    assert edited.lines == (
        *("Via: SIP/2.0/UDP z", *rows, "Supported: path", "Content-Length: 1"),
        "Content-Type: a/b",
    )


@pytest.mark.rule("3261-7.4-01")
@pytest.mark.parametrize("type_", [(), ("Content-Type: text/plain",), ("c: ;;",)])
@pytest.mark.parametrize("length", [True, False])
def test_a_body_is_octets_that_nobody_reads(type_: tuple[str, ...], *, length: bool) -> None:
    body = bytes(range(256)) + b"\r\n\r\nVia: x\r\n\n\0"
    rows = (*ROWS, *type_, *([f"Content-Length: {len(body)}"] if length else []))
    made = request(*rows, body=body)
    assert made.body == body
    assert made.render() == wire(*rows, body=body)


# 18.3: where a message ends


@pytest.mark.rule("3261-18.3-01")
def test_a_second_message_in_a_datagram_is_neither_read_nor_passed_on() -> None:
    first = wire(*ROWS, "Content-Length: 0")
    assert parse(first + wire(*ROWS)).render() == first
    some = wire(*ROWS, "Content-Length: 3", body=b"abc")
    assert parse(some + b"\r\n\r\n" + first).render() == some


@pytest.mark.rule("3261-18.3-02")
@pytest.mark.parametrize("length", ["1", "01", "4294967295"])
def test_a_response_that_ends_early_is_an_error_too(length: str) -> None:
    for row in (f"Content-Length: {length}", f"l :{length}"):
        with pytest.raises(RemoteProtocolError) as caught:
            parse(wire(*ROWS, row, start=OK))
        assert isinstance(caught.value.message, Response)
        assert caught.value.header == "content-length"


@pytest.mark.rule("3261-18.3-03")
@pytest.mark.parametrize("start", [START, OK])
def test_without_a_length_all_of_the_datagram_is_body(start: str) -> None:
    body = b"\r\n\r\nx\r\n" * 3
    assert parse(wire(*ROWS, start=start, body=body)).body == body


@pytest.mark.rule("3261-18.3-05")
@pytest.mark.parametrize("start", [START, OK])
@pytest.mark.parametrize("second", ["Content-Length: 0", "l: 0", "Content-Length: 1", "L:"])
def test_two_lengths_are_one_too_many_even_if_they_agree(start: str, second: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        parse(wire("Content-Length: 0", *ROWS, second, start=start))
    assert (caught.value.header, caught.value.status_hint) == ("content-length", 400)


@pytest.mark.rule("3261-18.3-06")
@pytest.mark.parametrize("cut", [1, 2, 3, 4, 5])
def test_a_head_is_complete_only_with_its_empty_line(cut: int) -> None:
    for start, kind in ((START, Request), (OK, Response)):
        with pytest.raises(RemoteProtocolError) as caught:
            parse(wire(*ROWS, "Subject: xyz", start=start)[:-cut])
        assert "empty line" in caught.value.reason
        assert isinstance(caught.value.message, kind)


# 19: URIs


@pytest.mark.rule("3261-19.1.1-01")
def test_all_that_a_user_part_may_hold() -> None:
    uri = parse_uri("sip:-_.!~*'()&=+$,;?/%40a:&=+$,@h:1;P;q=/[]:&+$;r=%3b?x=y")
    assert (uri.user, uri.password) == ("-_.!~*'()&=+$,;?/%40a", "&=+$,")
    assert (uri.host, uri.port, uri.headers) == ("h", 1, "x=y")
    assert uri.params == (("p", ""), ("q", "/[]:&+$"), ("r", "%3b"))


@pytest.mark.rule("3261-19.1.1-01")
@pytest.mark.parametrize("scheme", ["sip", "SIP", "Sips", "SIPS", "TEL", "Urn"])
def test_a_scheme_may_be_in_any_case(scheme: str) -> None:
    uri = parse_uri(f"{scheme}:1")
    assert (uri.scheme, uri.is_sip) == (scheme.lower(), scheme.lower() in {"sip", "sips"})
    assert (uri.host, uri.user) == {"s": ("1", None), "t": ("", "1")}.get(uri.scheme[0], ("", None))


@pytest.mark.rule("3261-19.1.2-01", "3261-19.1.4-06")
def test_escapes_are_decoded_once_and_the_text_is_kept() -> None:
    twice = parse_uri("sip:%2541@h")
    assert (twice.user, twice.text) == ("%2541", "sip:%2541@h")
    assert not equivalent(twice, parse_uri("sip:%41@h"))
    assert not equivalent(twice, parse_uri("sip:A@h"))
    assert equivalent(parse_uri("sip:%41@h;p=%62?s=%63"), parse_uri("sip:A@h;p=b?s=c"))
    for reserved in ";/?:@&=+$,":
        escaped = f"sip:x%{ord(reserved):02x}@h"
        assert equivalent(parse_uri(escaped), parse_uri(escaped.upper().replace("SIP:X", "sip:x")))
        if reserved not in ":@":
            assert not equivalent(parse_uri(escaped), parse_uri(f"sip:x{reserved}@h"))
    assert not equivalent(parse_uri("sip:a%00b@h"), parse_uri("sip:a@h"))


@pytest.mark.rule("3261-19.1.4-02", "3261-19.1.4-03")
@pytest.mark.parametrize(
    ("one", "other"),
    [
        *(("Alice@h", "alice@h"), ("a:Pw@h", "a:pw@h"), ("a:p@h", "a@h"), ("a@h", "h")),
        *(("h:5061", "h:5060"), ("a@h", "a@h:5060"), ("a@h.", "a@i.")),
    ],
)
def test_user_password_host_and_port_must_match(one: str, other: str) -> None:
    for scheme in ("sip", "sips"):
        first, second = parse_uri(f"{scheme}:{one}"), parse_uri(f"{scheme}:{other}")
        assert not equivalent(first, second)
        assert not equivalent(second, first)


@pytest.mark.rule("3261-19.1.4-04")
@pytest.mark.parametrize("name", ["user", "ttl", "method", "maddr", "transport"])
def test_parameters_that_must_be_in_both_or_in_neither(name: str) -> None:
    plain, other = parse_uri("sip:h"), parse_uri(f"sip:h;{name.upper()}=a")
    assert not equivalent(plain, other)
    assert not equivalent(other, plain)
    assert equivalent(other, parse_uri(f"SIP:H;{name}=A"))
    assert not equivalent(other, parse_uri(f"sip:h;{name}=b"))
    assert equivalent(plain, parse_uri(f"sip:h;x{name}=a"))


@pytest.mark.rule("3261-19.1.4-05")
@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        *(("?a=1&b=2", "?B=2&A=1", True), ("?a=1", "", False), ("?a=1&b=2", "?a=1", False)),
        *(("?a=1", "?a=2", False), ("?a=1&a=2", "?a=1", False), ("?a=%31", "?a=1", True)),
    ],
)
def test_headers_of_uris_count_in_any_order(one: str, other: str, *, same: bool) -> None:
    first, second = parse_uri(f"sip:h{one}"), parse_uri(f"sip:h{other}")
    assert equivalent(first, second) == equivalent(second, first) == same


@pytest.mark.rule("3261-19.1.4-07", "5118-4.9", "5118-4.10")
def test_addresses_compare_by_value_and_never_equal_names() -> None:
    value = parse_uri("sip:[2001:db8::c000:201]")
    for text in ("[2001:DB8:0:0::C000:0201]", "[2001:db8::192.0.2.1]", "[2001:db8:::192.0.2.1]"):
        assert equivalent(value, parse_uri(f"sip:{text}"))
    for text in ("2001.db8", "192.0.2.1", "[::ffff:192.0.2.1]", "[2001:db8::c000:202]"):
        assert not equivalent(value, parse_uri(f"sip:{text}"))


# 20: headers


@pytest.mark.rule("3261-20.14-01")
def test_whatever_is_made_here_says_how_long_its_body_is() -> None:
    invite = request(*ROWS)
    made = (
        Request.make("OPTIONS", "sip:h"),
        Response.make(200, "OK"),
        reply(invite, 100),
        reply(invite, 404),
        ack(invite, reply(invite, 404)),
        cancel(invite),
        invite.with_body(b"x").with_body(b""),
    )
    for message in made:
        assert (message.rows("content-length"), message.body) == (("0",), b"")


@pytest.mark.rule("3261-20.22-01")
def test_max_forwards_begins_at_70() -> None:
    invite = request(*ROWS)
    for made in (cancel(invite), ack(invite, reply(invite, 404))):
        assert made.rows("max-forwards") == ("70",)


@pytest.mark.rule("3261-20.42-01", "3261-19.1.1-03")
@pytest.mark.parametrize(
    ("transport", "port"), [("UDP", 5060), ("tcp", 5060), ("SCTP", 5060), ("TLS", 5061)]
)
def test_a_via_without_port_means_the_default_of_its_transport(transport: str, port: int) -> None:
    plain, written, other = (
        parse_via(f"SIP/2.0/{transport} h{tail}").sent_by for tail in ("", f":{port}", ":5062")
    )
    assert plain == written == f"h:{port}"
    assert other == "h:5062"


# 25: grammar


@pytest.mark.rule("3261-25-01")
@pytest.mark.parametrize(
    "head",
    [
        *("\n\n", "\r\r", "\n\r\n", "\r\n\n", "\r\n\r", "\n\r"),
        *("\r\nX: a\nContent-Length: 3\r\n\r\n", "\r\nX: a\rl: 3\r\n\r\n"),
        *("\r\nX: a\r\r\n\r\n", "\r\nX: a\n\r\n\r\n", "\nX: a\r\n\r\n"),
    ],
)
def test_no_line_of_a_head_ends_in_anything_but_crlf(head: str) -> None:
    data = wire(*ROWS)[:-4] + head.encode() + b"xyz"
    with pytest.raises(RemoteProtocolError):
        parse(data)


@pytest.mark.rule("3261-25-02")
def test_a_backslash_may_precede_anything_but_a_line_end() -> None:
    legal = [chr(code) for code in range(128) if chr(code) not in "\r\n"]
    for character in legal:
        address = parse_name_addr(f'"a\\{character}b" <sip:h>;x="\\{character}"')
        assert (address.display, address.uri_text) == (f"a{character}b", "sip:h")
        assert address.params == (("x", f'"\\{character}"'),)
    assert parse_name_addr('"\u0416\udcff\t\\\\" <sip:h>').display == "\u0416\udcff\t\\"


@pytest.mark.rule("3261-25-02")
@pytest.mark.parametrize(
    "row",
    [
        *('From: "A <sip:a@h>;tag=1', 'From: "A\\" <sip:a@h>;tag=1', 'To: <sip:a@h>;x="y'),
        *('To: "', 'Via: SIP/2.0/UDP h;x="y', 'Via: SIP/2.0/UDP h;x="\\"'),
    ],
)
def test_a_quoted_string_must_end_where_a_proxy_depends_on_it(row: str) -> None:
    name = row.partition(":")[0]
    rows = [row if each.startswith(f"{name}:") else each for each in ROWS]
    with pytest.raises(RemoteProtocolError) as caught:
        parse(wire(*rows))
    assert (caught.value.header, caught.value.status_hint) == (name.lower(), 400)


@pytest.mark.rule("3261-25-03")
def test_what_a_token_is_made_of() -> None:
    for code in range(256):
        character = chr(code)
        legal = character.isascii() and (character.isalnum() or character in "-.!%*_+`'~")
        for row, start in (
            (f"From: <sip:a>;tag=a{character}b", START),
            (f"{VIA}{character}b", START),
            (f"CSeq: 1 IN{character}VITE", f"IN{character}VITE sip:h SIP/2.0"),
            (f"X{character}Y: z", START),
        ):
            name = row.partition(":")[0]
            rows = [each for each in ROWS if not each.startswith(f"{name}:")]
            read = _reads(wire(row, *rows, start=start))
            if legal or name in {"CSeq", "Via"} or name.startswith("X"):
                # Behind a branch the next parameter, the next value or white space may begin.
                assert read == (legal or _goes_on(name, character)), (row, start)


def _goes_on(name: str, character: str) -> bool:
    return character in {"Via": ";,", "CSeq": ""}.get(name, ":")


def _reads(data: bytes) -> bool:
    try:
        parse(data)
    except RemoteProtocolError:
        return False
    return True


@pytest.mark.rule("3261-25-04", "3261-25-03")
@pytest.mark.parametrize("word", ["(", '"', "[@]", "<a@b>", "a,b", '"a@b', "\\", "{?}/:'"])
def test_nothing_groups_in_a_call_id(word: str) -> None:
    made = request(*ROWS[:3], f"Call-ID: {word} ", ROWS[4])
    assert (made.call_id, made.values("call-id")) == (word, (word,))


@pytest.mark.rule("3261-25-05", "3261-8.1.1.5-01")
def test_a_cseq_is_at_most_what_32_bits_hold_in_responses_too() -> None:
    for start in (START, OK):
        most = parse(wire(*ROWS[:4], "CSeq: 4294967295 INVITE", start=start))
        assert most.cseq == CSeq(2**32 - 1, "INVITE")
        with pytest.raises(RemoteProtocolError):
            parse(wire(*ROWS[:4], "CSeq: 4294967296 INVITE", start=start))


@pytest.mark.rule("3261-25-06")
@pytest.mark.parametrize("blank", ["", " ", "\t", " \t "])
def test_white_space_round_the_separators_of_a_via(blank: str) -> None:
    for transport in ("UDP", "x-9.!%*_+`'~"):
        made = with_top_via(
            f"SIP{blank}/{blank}2.0{blank}/{blank}{transport} h{blank}:{blank}5062{blank}"
            f";{blank}branch{blank}={blank}z9hG4bK1{blank};{blank}rport"
        )
        expected = Via(transport.upper(), "h", 5062, "z9hG4bK1", (("rport", ""),))
        assert made.via == expected


@pytest.mark.rule("3261-25-07")
@pytest.mark.parametrize(
    ("text", "uri", "params"),
    [
        ("sip:a@h;x=1;lr", "sip:a@h", (("x", "1"), ("lr", ""))),
        ("<sip:a@h;x=1;lr>", "sip:a@h;x=1;lr", ()),
        ("<sip:a@h;x=1>;x=2", "sip:a@h;x=1", (("x", "2"),)),
        ("<sip:a,b@h?c=d>;x", "sip:a,b@h?c=d", (("x", ""),)),
    ],
)
def test_whose_a_parameter_is(text: str, uri: str, params: tuple[tuple[str, str], ...]) -> None:
    address = parse_name_addr(text)
    assert (address.uri_text, address.params) == (uri, params)


@pytest.mark.rule("3261-25-07")
@pytest.mark.parametrize("text", ["sip:a,b@h", "sip:a@h?b=c", "sip:a@h,sip:b@h", "tel:1,2;tag=1"])
def test_a_uri_with_a_comma_or_headers_needs_brackets(text: str) -> None:
    with pytest.raises(RemoteProtocolError):
        parse_name_addr(text)
    for name in ("From", "To"):
        rows = [row for row in ROWS if not row.startswith(name)]
        with pytest.raises(RemoteProtocolError) as caught:
            request(*rows, f"{name}: {text}")
        assert (caught.value.header, caught.value.status_hint) == (name.lower(), 400)
        request(*rows, f"{name}: <{text.partition(';')[0]}>;tag=1")


@pytest.mark.rule("3261-25-09")
@pytest.mark.parametrize("display", ["caller", "A B", '"caller"', '"a\\"<b>"', ""])
def test_a_display_name_may_touch_the_bracket(display: str) -> None:
    for between in ("", " ", "\t "):
        made = request(VIA, f"From: {display}{between}<sip:a@h>;tag=9", *ROWS[2:])
        assert made.from_tag == "9"


@pytest.mark.rule("3261-25-11")
def test_a_host_may_end_in_a_dot_and_has_no_escapes() -> None:
    for host in ("3com.example.", "a-b.1.example", "X.EXAMPLE"):
        assert parse_uri(f"sip:a@{host}").host == host.lower()
        assert with_top_via(f"SIP/2.0/UDP {host};branch=1").via.host == host
    assert equivalent(parse_uri("sip:a@H.Example"), parse_uri("sip:a@h.eXAMPLE"))
    for read in (parse_uri, with_top_via):
        for host in ("%68.example", "h%2eexample", "a%00"):
            text = f"sip:a@{host}" if read is parse_uri else f"SIP/2.0/UDP {host};branch=1"
            with pytest.raises(RemoteProtocolError):
                read(text)


# RFC 5118: IPv6


@pytest.mark.rule("5118-4.1", "5118-4.4", "3261-25-10")
def test_ipv6_in_brackets_with_and_without_a_port() -> None:
    made = request(
        "Via: SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bK1",
        "From: <sip:a@[2001:db8::9]>;tag=1",
        *ROWS[2:],
        "Contact: <sip:a@[2001:db8::9:1]:5070;lr>",
        start="REGISTER sip:[2001:db8::10]:5070;x SIP/2.0".replace("REGISTER", "INVITE"),
    )
    assert (made.uri.host, made.uri.port, made.uri.is_ip) == ("2001:db8::10", 5070, True)
    assert (made.via.host, made.via.port) == ("2001:db8::9:1", None)
    contact = parse_name_addr(made.get("contact") or "").uri
    assert (contact.host, contact.port, contact.lr) == ("2001:db8::9:1", 5070, True)


@pytest.mark.rule("5118-4.2", "3261-25-10")
@pytest.mark.parametrize(
    "host", ["2001:db8::10", "2001:db8::10:5070", "[2001:db8::10", "2001:db8::10]", "[]", "[h]"]
)
def test_ipv6_without_its_brackets_is_refused(host: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        request(start=f"INVITE sip:{host} SIP/2.0")
    assert caught.value.status_hint == 400
    with pytest.raises(RemoteProtocolError):
        with_top_via(f"SIP/2.0/UDP {host};branch=z9hG4bK1")


@pytest.mark.rule("5118-4.3")
def test_what_is_in_the_brackets_is_the_address() -> None:
    uri = request(start="INVITE sip:[2001:db8::10:5070] SIP/2.0").uri
    assert (uri.host, uri.port) == ("2001:db8::10:5070", None)


@pytest.mark.rule("5118-4.5", "3261-25-10")
def test_received_comes_with_brackets_or_without_and_goes_without() -> None:
    for text in ("[2001:db8::9:255]", "2001:db8::9:255"):
        made = with_top_via(f"SIP/2.0/UDP [2001:db8::9:1];received={text};branch=z9hG4bK1")
        assert made.via.received == "2001:db8::9:255"
    stamped = parse_via("SIP/2.0/UDP [::1];branch=1;rport").stamped("2001:db8::1", 9)
    assert str(stamped) == "SIP/2.0/UDP [::1];branch=1;received=2001:db8::1;rport=9"


@pytest.mark.rule("5118-4.6", "5118-4.8")
def test_addresses_in_a_session_description_are_no_matter() -> None:
    body = b"v=0\r\nc=IN IP6 2001:db8::20\r\nm=audio 1 RTP/AVP 0\r\nc=IN IP4 192.0.2.1\r\n"
    rows = (*ROWS, "Content-Type: application/sdp", f"Content-Length: {len(body)}")
    assert request(*rows, body=body).render() == wire(*rows, body=body)


@pytest.mark.rule("5118-4.7")
def test_each_via_has_its_own_family() -> None:
    texts = (
        "SIP/2.0/UDP [2001:db8::9:1]:6050;branch=z9hG4bK1",
        "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK2",
        "SIP/2.0/TCP [2001:db8::9:1];received=192.0.2.255;branch=z9hG4bK3",
    )
    made = request(*[f"Via: {text}" for text in texts], *ROWS[1:])
    hosts = [(via.host, via.port, via.received) for via in map(parse_via, made.values("via"))]
    assert hosts == [
        ("2001:db8::9:1", 6050, None),
        ("192.0.2.1", None, None),
        ("2001:db8::9:1", None, "192.0.2.255"),
    ]


@pytest.mark.rule("5118-4.9")
def test_ipv4_in_ipv6_is_read() -> None:
    made = request(
        "Via: SIP/2.0/UDP [::ffff:192.0.2.10]:19823;branch=z9hG4bK1", *ROWS[1:],
        start="INVITE sip:[::FFFF:192.0.2.2] SIP/2.0",
    )  # fmt: skip
    assert (made.via.host, made.via.port) == ("::ffff:192.0.2.10", 19823)
    assert (made.uri.host, made.uri.is_ip) == ("::ffff:192.0.2.2", True)


@pytest.mark.rule("5118-4.10")
@pytest.mark.parametrize("text", ["[2001:db8:::192.0.2.1]", "[2001:db8::192.0.2.1]"])
def test_three_colons_are_read_as_two_and_kept(text: str) -> None:
    made = request(*ROWS, start=f"OPTIONS sip:u@{text} SIP/2.0".replace("OPTIONS", "INVITE"))
    assert made.uri.host == "2001:db8::192.0.2.1"
    assert made.render().startswith(f"INVITE sip:u@{text} SIP/2.0\r\n".encode())
    assert with_top_via(f"SIP/2.0/UDP {text};branch=1").via.host == "2001:db8::192.0.2.1"
