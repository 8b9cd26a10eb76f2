"""Reading datagrams: the start line, rows, what a proxy depends on, and what it leaves alone."""

import pytest

from sansip.errors import RemoteProtocolError
from sansip.message import CSeq, MessageLimits, Request, Response, Via, parse
from sansip.message.limits import DEFAULT_LIMITS
from sansip.message.parse_ordinary import read_ordinary

VIA = "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK77a;rport"
FROM = 'From: "Alice A." <sip:alice@example.com>;tag=1928301774'
TO = "To: Bob <sip:bob@example.com>"
CALL_ID = "Call-ID: a84b4c76e66710@192.0.2.1"
CSEQ = "CSeq: 314159 INVITE"
FORWARDS = "Max-Forwards: 70"
LENGTH = "Content-Length: 4"
ROWS = (VIA, FORWARDS, FROM, TO, CALL_ID, CSEQ, LENGTH)
START = "INVITE sip:bob@example.com SIP/2.0"
OK = "SIP/2.0 200 OK"


def wire(start: str, *rows: str, body: str = "v=0\n") -> bytes:
    return "\r\n".join((start, *rows, "", body)).encode("utf-8", "surrogateescape")


def swap(old: str, *new: str) -> tuple[str, ...]:
    """Give the rows of an ordinary request with other rows in the place of one."""
    at = ROWS.index(old)
    return (*ROWS[:at], *new, *ROWS[at + 1 :])


def request(*rows: str, start: str = START, body: str = "v=0\n") -> Request:
    made = parse(wire(start, *rows, body=body))
    assert isinstance(made, Request)
    return made


def response(start: str, *rows: str) -> Response:
    made = parse(wire(start, *rows))
    assert isinstance(made, Response)
    return made


def refusal(data: bytes, limits: MessageLimits | None = None) -> RemoteProtocolError:
    with pytest.raises(RemoteProtocolError) as caught:
        parse(data, limits=limits or MessageLimits())
    return caught.value


# Plain messages


def test_an_ordinary_request_is_read() -> None:
    made = request(*ROWS)
    assert (made.method, made.uri_text, made.body) == ("INVITE", "sip:bob@example.com", b"v=0\n")
    assert made.names == (
        *("via", "max-forwards", "from", "to", "call-id", "cseq", "content-length"),
    )
    assert made.lines == ROWS
    assert made.via == Via("UDP", "192.0.2.1", 5060, "z9hG4bK77a", (("rport", ""),))
    assert made.cseq == CSeq(314159, "INVITE")
    assert (made.from_tag, made.to_tag) == ("1928301774", None)
    assert made.call_id == "a84b4c76e66710@192.0.2.1"
    assert (made.max_forwards, made.content_length) == (70, 4)
    assert made.uri.host == "example.com"


def test_an_ordinary_response_is_read() -> None:
    made = response("SIP/2.0 180 Ringing", *ROWS)
    assert (made.status, made.reason, made.lines) == (180, "Ringing", ROWS)
    assert made.cseq.method == "INVITE"


@pytest.mark.parametrize("space", ["", "   "])
def test_a_length_may_be_padded(space: str) -> None:
    made = request(*ROWS[:-1], f"Content-Length:{space}4")
    assert read_ordinary(made.render().decode(), DEFAULT_LIMITS) is not None
    assert made.body == b"v=0\n"
    assert made.lines[-1] == f"Content-Length:{space}4"


@pytest.mark.rule("3261-7.2-02")
def test_a_reason_phrase_is_kept_byte_for_byte() -> None:
    data = wire("SIP/2.0 200 = 2**3 * 5**2 \u043d\u043e \udcff%", *ROWS)
    assert parse(data).render() == data


@pytest.mark.rule("3261-7.2-01")
@pytest.mark.parametrize("start", ["SIP/2.0 100 ", "SIP/2.0 100"])
def test_a_reason_phrase_may_be_empty_or_missing(start: str) -> None:
    made = response(start, *ROWS)
    assert (made.status, made.reason) == (100, "")
    assert made.render().startswith(b"SIP/2.0 100 \r\n")


@pytest.mark.rule("3261-7.2-01")
@pytest.mark.parametrize(
    "code", ["099", "700", "4294967301", "20", "x00", "\u0662\u0660\u0660", ""]
)
def test_a_status_code_is_three_digits_from_100_to_699(code: str) -> None:
    error = refusal(wire(f"SIP/2.0 {code} OK", *ROWS))
    assert "status code" in error.reason
    assert isinstance(error.message, Response)


@pytest.mark.rule("3261-7.1-02")
def test_the_version_is_read_in_any_case_and_written_in_upper_case() -> None:
    made = request(*ROWS, start="INVITE sip:bob@example.com sip/2.0")
    assert made.render() == wire(START, *ROWS)
    assert response("Sip/2.0 200 OK", *ROWS).render() == wire(OK, *ROWS)


@pytest.mark.rule("3261-7.1-03")
def test_another_version_is_answered_with_505() -> None:
    error = refusal(wire("INVITE sip:bob@example.com SIP/7.0", *ROWS))
    assert error.status_hint == 505
    assert isinstance(error.message, Request)
    assert isinstance(refusal(wire("SIP/7.0 200 OK", *ROWS)).message, Response)


@pytest.mark.rule("3261-7.1-01", "3261-7.1-04")
@pytest.mark.parametrize(
    "start",
    [
        "INVITE  sip:bob@example.com SIP/2.0",
        "INVITE sip:bob@example.com  SIP/2.0",
        "INVITE sip:bob@example.com SIP/2.0 ",
        " INVITE sip:bob@example.com SIP/2.0",
        "INVITE sip:bob@example.com; lr SIP/2.0",
        "INVITE sip:bob@example.com",
        "INVITE SIP/2.0",
        "IN/VITE sip:bob@example.com SIP/2.0",
        "INVITE <sip:bob@example.com> SIP/2.0",
        "INVITE sip:bob@exam\tple.com SIP/2.0",
        "INVITE sip:2001:db8::10 SIP/2.0",
        "INVITE sip:[2001:db8::10 SIP/2.0",
        "INVITE bob SIP/2.0",
        "INVITE sip: SIP/2.0",
        "INVITE sip:bob@ SIP/2.0",
        "INVITE sip:bob@example.com:port SIP/2.0",
        "INVITE sip:bob@example.com:65536 SIP/2.0",
        "INVITE sip:bob@%65xample.com SIP/2.0",
        "",
        "nonsense",
    ],
)
def test_a_malformed_request_line_is_refused(start: str) -> None:
    assert refusal(wire(start, *ROWS)).status_hint == 400


@pytest.mark.rule("3261-7.1-01", "3261-25-03")
def test_a_method_is_any_token_and_case_matters() -> None:
    method = "!interesting-Method0123456789_*+`.%indeed'~"
    made = request(*swap(CSEQ, f"CSeq: 0 {method}"), start=f"{method} sip:bob@example.com SIP/2.0")
    assert made.method == method
    assert refusal(wire("invite sip:bob@example.com SIP/2.0", *ROWS)).header == "cseq"


@pytest.mark.parametrize("uri", ["tel:+15551212", "soap.beep://192.0.2.103:3002", "nobodyKnows:x"])
def test_any_scheme_can_be_read(uri: str) -> None:
    assert request(*ROWS, start=f"INVITE {uri} SIP/2.0").uri_text == uri


# Rows


@pytest.mark.rule("3261-7.3.1-01", "3261-7.3.3-01")
def test_names_are_found_in_any_spelling() -> None:
    made = request(
        "v :SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1",
        "f\t: <sip:alice@example.com>;tag=1",
        "T:<sip:bob@example.com>",
        "CALL-ID: 1",
        "cSEQ: 1 INVITE",
        "X-Mine: ;;,,;;,;",
        "VIA: SIP/2.0/UDP 192.0.2.2",
        "l:0",
        body="",
    )
    assert made.names == (
        *("via", "from", "to", "call-id", "cseq", "x-mine", "via", "content-length"),
    )
    assert made.via.branch == "z9hG4bK1"
    assert made.get("x-mine") == ";;,,;;,;"


@pytest.mark.rule("3261-7.3.1-02")
def test_folded_rows_are_unfolded_when_read_and_kept_when_written() -> None:
    rows = swap(
        FROM,
        "From:\r\n \t Alice\r\n\t<sip:alice@example.com>\r\n ;\r\n tag\r\n =\r\n 1\r\n ",
        "Subject: one\r\n\t two",
    )
    made = request(*rows)
    assert made.from_tag == "1"
    assert made.get("subject") == "one two"
    assert made.lines == rows
    assert made.render() == wire(START, *rows)


def test_a_fold_after_the_start_line_is_refused() -> None:
    assert "continuation line" in refusal(wire(START, " folded", *ROWS)).reason


@pytest.mark.rule("3261-7.3.1-08")
@pytest.mark.parametrize("line", ["Subject", ": empty", "Sub ject: x", "S\u00fcbject: x", "Via"])
def test_a_row_without_name_and_colon_is_refused(line: str) -> None:
    error = refusal(wire(START, *ROWS, line))
    assert "header name" in error.reason
    assert isinstance(error.message, Request)


@pytest.mark.rule("3261-25-01")
@pytest.mark.parametrize("bad", ["one\ntwo", "one\rtwo", "one\rtwo\nthree"])
def test_a_bare_line_end_is_refused(bad: str) -> None:
    data = wire(START, *ROWS, f"Subject: {bad}")
    error = refusal(data)
    assert error.offset == data.index(b"Subject: one") + len("Subject: one")
    assert isinstance(error.message, Request)


@pytest.mark.rule("3261-25-01")
def test_bare_line_feeds_are_accepted_on_demand() -> None:
    data = wire(START, *ROWS).replace(b"\r\n", b"\n")
    assert "empty line" in refusal(data).reason
    assert parse(data, bare_lf=True) == parse(wire(START, *ROWS))
    with pytest.raises(RemoteProtocolError):
        parse(data[:100], bare_lf=True)


@pytest.mark.rule("3261-16.3-02", "3261-16.3-08")
def test_a_malformed_header_that_a_proxy_does_not_need_is_no_matter() -> None:
    rows = (*ROWS, "Date: Fri, 01 Jan 2010 16:00:00 EST", "Contact: <<", "Expires: x", "Route: <")
    assert request(*rows).lines == rows


@pytest.mark.rule("3261-25-02")
def test_octets_that_are_not_utf_8_are_kept() -> None:
    data = wire(START, *swap(TO, 'To: "\\\0\udcff \u0431" <sip:bob@example.com>'))
    assert parse(data).render() == data


# What a proxy depends on


@pytest.mark.rule("3261-8.1.1-01")
@pytest.mark.parametrize("row", [VIA, FROM, TO, CALL_ID, CSEQ])
def test_what_is_mandatory_must_be_there(row: str) -> None:
    error = refusal(wire(START, *swap(row)))
    assert (error.status_hint, error.header) == (400, row.partition(":")[0].lower())
    assert isinstance(error.message, Request if row is not VIA else type(None))
    assert isinstance(refusal(wire(OK, *swap(row))).message, Response)


@pytest.mark.parametrize("row", [FROM, TO, CALL_ID, CSEQ, FORWARDS, LENGTH])
@pytest.mark.rule("3261-18.3-05")
def test_what_can_be_there_once_must_not_come_twice(row: str) -> None:
    for other in (row, row.lower().replace("invite", "INVITE")):
        error = refusal(wire(START, *ROWS, other))
        assert (error.status_hint, error.header) == (400, row.partition(":")[0].lower())


def test_vias_may_be_missing_only_if_something_else_is_wrong() -> None:
    assert refusal(wire(START, *swap(VIA, "Allow: x", "Allow: y"))).header == "via"


@pytest.mark.rule("3261-25-10")
def test_ipv6_is_read_with_brackets() -> None:
    rows = swap(VIA, "Via: SIP/2.0/UDP [2001:DB8::1]:5070;branch=z9hG4bK1")
    made = request(*rows, start="INVITE sip:bob@[2001:db8::10]:5080 SIP/2.0")
    assert (made.uri.host, made.uri.port) == ("2001:db8::10", 5080)
    assert (made.via.host, made.via.port, made.via.branch) == ("2001:DB8::1", 5070, "z9hG4bK1")
    assert refusal(wire("INVITE sip:[1:2] SIP/2.0", *rows)).header == "request-uri"


def test_max_forwards_and_the_body_length_may_be_missing() -> None:
    made = request(VIA, FROM, TO, CALL_ID, CSEQ)
    assert (made.max_forwards, made.content_length, made.body) == (None, None, b"v=0\n")


@pytest.mark.rule("3261-25-05", "3261-20.22-01")
@pytest.mark.parametrize(("text", "count"), [("0068", 68), ("255", 255), ("0", 0)])
def test_max_forwards_is_read(text: str, count: int) -> None:
    assert request(*swap(FORWARDS, f"Max-Forwards: {text}")).max_forwards == count


@pytest.mark.rule("3261-25-05", "3261-20.22-01")
@pytest.mark.parametrize("text", ["256", "300", "-1", "x", "", "7 0", "\u0667"])
def test_max_forwards_out_of_range_is_refused_in_requests_only(text: str) -> None:
    rows = swap(FORWARDS, f"Max-Forwards: {text}")
    assert refusal(wire(START, *rows)).header == "max-forwards"
    assert response(OK, *rows, FORWARDS).max_forwards is None


@pytest.mark.rule("3261-25-05")
@pytest.mark.parametrize("number", ["0009", "4294967295", "000000000000009"])
def test_cseq_numbers_may_have_leading_zeros(number: str) -> None:
    assert request(*swap(CSEQ, f"CSeq: {number}\t INVITE")).cseq == CSeq(int(number), "INVITE")


@pytest.mark.rule("3261-25-05")
@pytest.mark.parametrize(
    "text",
    ["4294967296", "36893488147419103232 INVITE", "1", "", "-1 INVITE", "1 INVITE x", "1 I/"],
)
def test_a_malformed_cseq_is_refused(text: str) -> None:
    rows = swap(CSEQ, f"CSeq: {text}")
    assert refusal(wire(START, *rows)).header == "cseq"
    assert refusal(wire(OK, *rows)).header == "cseq"


@pytest.mark.rule("3261-8.1.1.5-01")
def test_the_method_of_cseq_must_be_the_request_s() -> None:
    known = refusal(wire("OPTIONS sip:bob@example.com SIP/2.0", *ROWS))
    assert (known.status_hint, known.header) == (400, "cseq")
    unknown = refusal(wire("NEWMETHOD sip:bob@example.com SIP/2.0", *ROWS))
    assert (unknown.status_hint, unknown.header) == (501, "cseq")


@pytest.mark.parametrize("text", ["", "a b", "a\tb", "a\0b"])
@pytest.mark.rule("3261-25-04")
def test_a_call_id_is_one_word(text: str) -> None:
    assert refusal(wire(START, *swap(CALL_ID, f"Call-ID: {text}"))).header == "call-id"


@pytest.mark.rule("3261-25-04")
def test_a_call_id_groups_nothing() -> None:
    word = "intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{"
    assert request(*swap(CALL_ID, f"Call-ID: {word}")).call_id == word


@pytest.mark.rule("3261-7.3.1-06", "3261-25-02")
@pytest.mark.parametrize(
    "text",
    [
        "",
        "<>",
        '"Bob <sip:bob@example.com>',
        '"Bob" < sip:bob@example.com >',
        "Bob, Bell <sip:bob@example.com>",
        "<sip:bob@example.com",
        "sip:bob@example.com>",
        "<sip:bob@example.com> x",
        "<sip:bob@example.com>;tag=1;tag=2",
        "<sip:bob@example.com>;tag=1;TAG=2",
        "<sip:bob@example.com>;;tag=1",
        "<sip:bob@example.com>;tag=a b",
        '<sip:bob@example.com>;x="a',
        "sip:bob@example.com?Subject=x",
        "sip:bob,x@example.com",
        "<sip:a@example.com><sip:b@example.com>",
    ],
)
def test_malformed_addresses_are_refused_in_from_and_to(text: str) -> None:
    assert refusal(wire(START, *swap(TO, f"To: {text}"))).header == "to"
    assert refusal(wire(OK, *swap(FROM, f"From: {text}"))).header == "from"


@pytest.mark.rule("3261-25-07", "3261-25-09")
@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("sip:bob@example.com;tag=7", "7"),
        ("sip:bob@example.com", None),
        ("caller<sip:bob@example.com>;tag=7", "7"),
        ('"a;tag=1 \\" <x>" <sip:bob@example.com;tag=2> ; TAG = 7 ;x="y;z"', "7"),
        ("isbn:2983792873;tag=7", "7"),
        ("<tel:+1>;x;tag=7", "7"),
    ],
)
def test_addresses_of_every_form_are_read(text: str, tag: str | None) -> None:
    assert request(*swap(TO, f"To: {text}")).to_tag == tag


@pytest.mark.rule("3261-19.3-01", "3261-25-07")
@pytest.mark.parametrize("header", ["To", "From"])
@pytest.mark.parametrize("tag", ["tag", "TAG", "tag=", "x;tag", "tag;x=1"])
def test_a_tag_has_a_value(header: str, tag: str) -> None:
    """RFC 3261 25.1: ``tag-param = "tag" EQUAL token``."""
    old = TO if header == "To" else FROM
    with pytest.raises(RemoteProtocolError) as caught:
        request(*swap(old, f"{header}: <sip:bob@example.com>;{tag}"))
    assert (caught.value.status_hint, caught.value.header) == (400, header.lower())


@pytest.mark.rule("3261-7.3.1-06")
@pytest.mark.parametrize(
    "text",
    [
        "",
        "SIP/2.0/UDP",
        "SIP/2.0/UDP 192.0.2.15;;,;,,",
        "SIP/7.0/UDP 192.0.2.15",
        "SIP/2.0/UDP 192.0.2.15;branch=1;branch=2",
        "SIP/2.0/UDP 192.0.2.15;branch=1;rport;rport",
        "SIP/2.0/UDP 192.0.2.15;rport;branch=1;rport",
        "SIP/2.0/UDP 192.0.2.15;branch=",
        "SIP/2.0/UDP 192.0.2.15;branch",
        "SIP/2.0/UDP 192.0.2.15;branch=[1]",
        "SIP/2.0/UDP 2001:db8::1;branch=1",
        "SIP/2.0/UDP [2001:db8::g];branch=1",
        "SIP/2.0/UDP host:99999;branch=1",
    ],
)
def test_a_malformed_top_via_is_refused(text: str) -> None:
    assert refusal(wire(START, *swap(VIA, f"Via: {text}"))).header == "via"


@pytest.mark.rule("3261-25-06")
def test_only_the_top_via_is_looked_at() -> None:
    made = request(*swap(VIA, VIA, "Via: ;;,;"))
    assert made.via.branch == "z9hG4bK77a"
    listed = request(*swap(VIA, VIA + ", ;;"))
    assert listed.via.branch == "z9hG4bK77a"
    stamped = response(OK, *swap(VIA, f"{VIA}=5060;received=192.0.2.1", VIA))
    assert (stamped.via.rport, stamped.via.received) == ("5060", "192.0.2.1")


# Bodies and sizes


@pytest.mark.rule("3261-18.3-01", "3261-18.3-03")
@pytest.mark.parametrize("length", ["Content-Length: 2", "l: 02", "L :2"])
def test_what_follows_the_body_is_left_out(length: str) -> None:
    assert request(*swap(LENGTH, length), body="abcd").body == b"ab"


@pytest.mark.rule("3261-18.3-02")
@pytest.mark.parametrize(
    "length", ["Content-Length: 5", "l: 5", "Content-Length :5", "Content-Length: 9999"]
)
def test_a_body_that_ends_early_is_refused(length: str) -> None:
    error = refusal(wire(START, *swap(LENGTH, length)))
    assert (error.status_hint, error.header) == (400, "content-length")


@pytest.mark.rule("3261-18.3-05")
@pytest.mark.parametrize(
    "text", ["-999", "", "x", "4, 4", "0x4", "\u0664", "4294967296", "9" * 5000]
)
def test_a_length_that_is_no_number_is_refused(text: str) -> None:
    error = refusal(wire(START, *swap(LENGTH, f"Content-Length: {text}")))
    assert (error.status_hint, error.header) == (400, "content-length")


@pytest.mark.rule("3261-18.3-08")
def test_the_largest_datagram_can_be_read() -> None:
    head = wire(START, *swap(LENGTH), body="")
    assert len(parse(head + bytes(65_535 - len(head))).render()) == 65_535
    assert refusal(head + bytes(65_536 - len(head))).status_hint == 513


@pytest.mark.parametrize(
    "limits",
    [
        MessageLimits(message=100),
        MessageLimits(headers=6),
        MessageLimits(line=40),
        MessageLimits(vias=0),
    ],
)
@pytest.mark.parametrize("row", [VIA, VIA + ";\r\n x"])
def test_messages_are_held_to_their_limits(limits: MessageLimits, row: str) -> None:
    assert refusal(wire(START, *swap(VIA, row)), limits).status_hint == 513


def test_limits_that_are_not_exceeded_do_not_matter() -> None:
    data = wire(START, *ROWS)
    limits = MessageLimits(message=len(data), headers=len(ROWS), line=len(FROM), vias=1)
    assert parse(data, limits=limits) == parse(data)


@pytest.mark.rule("3261-18.3-06")
@pytest.mark.parametrize("data", [b"", b"\r\n\r\n", b"\0", b"SIP", wire(START, *ROWS)[:-8]])
def test_a_head_that_does_not_end_is_refused(data: bytes) -> None:
    assert refusal(data).status_hint == 400


@pytest.mark.rule("3261-8.1.1-01", "SIO-04")
def test_a_start_line_that_is_too_long_is_refused_as_such() -> None:
    """414 is Request-URI Too Long (RFC 3261 21.4.12)."""
    data = wire(f"INVITE sip:{'b' * 200}@example.com SIP/2.0", *ROWS)
    assert refusal(data, MessageLimits(line=150)).status_hint == 414
    assert parse(data, limits=MessageLimits(line=1000)) == parse(data)


# The two readers


@pytest.mark.rule("3261-7.3.1-02")
@pytest.mark.parametrize(
    "sender", [FROM, FROM.replace(" <", "\r\n  <"), FROM.replace(";", "\r\n\t;")]
)
def test_folded_rows_are_kept_and_mean_what_unfolded_ones_do(sender: str) -> None:
    rows = swap(FROM, sender)
    made = request(*rows, "Supported: timer,\r\n\t100rel", "Subject: a\r\n b\r\n\tc")
    assert made.lines == (*rows, "Supported: timer,\r\n\t100rel", "Subject: a\r\n b\r\n\tc")
    assert made.render() == wire(START, *made.lines)
    assert made.from_tag == "1928301774"
    assert (made.get("subject"), made.values("supported")) == ("a b c", ("timer", "100rel"))


@pytest.mark.rule("3261-18.3-03", "3261-7.3.1-02", "3261-25-01")
@pytest.mark.parametrize("fold", ["", "Subject: a\r\n b"])
@pytest.mark.parametrize(
    "body", [" x\r\nRoute: <sip:evil>\r\n\r\n", "\r\n" * 2000 + " x", " \r\n\t\r\n\r\n ", "\r\n x"]
)
def test_what_is_in_the_body_is_never_taken_for_rows(fold: str, body: str) -> None:
    rows = [row for row in (*ROWS, fold) if row and row != LENGTH]
    made = request(*rows, body=body)
    assert made.lines == tuple(rows)
    assert made.body == body.encode()


@pytest.mark.rule("3261-7.3.1-01", "3261-7.3.3-01", "3261-8.1.1-01")
@pytest.mark.parametrize("row", [VIA, FROM, TO, CALL_ID, CSEQ, FORWARDS, LENGTH])
@pytest.mark.parametrize("first", list("VvFfTtIiCcLlMm"))
def test_a_name_that_only_looks_like_one_that_counts_is_another_name(row: str, first: str) -> None:
    name, _, value = row.partition(":")
    looks = first + name[1:]
    rows = swap(row, f"{looks}:{value}")
    if looks.lower() == name.lower():
        assert request(*rows).names[ROWS.index(row)] == name.lower()
    elif row in (FORWARDS, LENGTH):
        made = request(*rows)
        assert (made.get(name), made.get(looks)) == (None, value.strip())
    else:
        assert refusal(wire(START, *rows)).header == name.lower()
