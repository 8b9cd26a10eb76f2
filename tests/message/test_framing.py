"""Streams taken apart: every state and input, every segmentation, every size, in linear time."""

import pickle
from itertools import pairwise
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sansip.errors import RemoteProtocolError
from sansip.message import MessageLimits, Request, Response, parse
from sansip.message.framing import (
    Between,
    Body,
    Broken,
    Complete,
    Expired,
    Fatal,
    Head,
    Input,
    Output,
    Ping,
    Received,
    Refused,
    Skipping,
    StartClock,
    State,
    StopClock,
    joined,
    start,
    step,
)

ROWS = (
    "Via: SIP/2.0/TCP 192.0.2.1:5060;branch=z9hG4bK77a",
    "Max-Forwards: 70",
    "From: <sip:alice@example.com>;tag=1",
    "To: <sip:bob@example.com>",
    "Call-ID: a84b4c76e66710@192.0.2.1",
    "CSeq: 314159 INVITE",
)
START = "INVITE sip:bob@example.com SIP/2.0"
OK = "SIP/2.0 200 OK"


def wire(body: str = "", length: str = "", start: str = START, rows: tuple[str, ...] = ROWS) -> str:
    declared = f"Content-Length: {length or len(body)}"
    return "\r\n".join((start, *rows, declared, "", body))


def without(name: str) -> tuple[str, ...]:
    return tuple(row for row in ROWS if not row.startswith(name))


PLAIN = wire("v=0\r\n")
ANSWER = wire(start=OK)
NO_LENGTH = "\r\n".join((START, *ROWS, "", ""))
TWO_LENGTHS = wire("v=0\r\n").replace("Max-", "Content-Length: 5\r\nMax-")
BAD_FROM = wire("v=0\r\n", rows=("From: <sip:", *without("From")))
HEAD = PLAIN[: -len("v=0\r\n")]
SMALL = MessageLimits(message=400)
LARGE = wire("x" * 400)


# Helpers ----------------------------------------------------------------------------------------


def error(output: Output) -> RemoteProtocolError:
    assert isinstance(output, Refused | Fatal)
    return output.error


def say(output: Output) -> str:
    """Put an output into words."""
    match output:
        case Complete(Request() as request):
            return request.method
        case Complete(Response() as response):
            return str(response.status)
        case Ping(count):
            return f"ping {count}"
        case Refused(wrong) | Fatal(wrong):
            answerable = "" if wrong.message is None else " answerable"
            return f"{type(output).__name__.lower()} {wrong.status_hint}{answerable}"
        case _:
            return "start" if isinstance(output, StartClock) else "stop"


def facts(output: Output) -> tuple[object, ...]:
    """Give all that an output says, in a form that can be compared."""
    match output:
        case Refused(wrong) | Fatal(wrong):
            return (
                *(type(output), wrong.reason, wrong.status_hint, wrong.header, wrong.offset),
                *(wrong.rule, wrong.message),
            )
        case _:
            return (output,)


def run(
    *pieces: str | bytes,
    limits: MessageLimits | None = None,
    missing_length_is_zero: bool = False,
    state: State | None = None,
) -> tuple[State, list[Output]]:
    state = start() if state is None else state
    outputs: list[Output] = []
    for piece in pieces:
        data = piece.encode("utf-8", "surrogateescape") if isinstance(piece, str) else piece
        state, some = step(
            state,
            Received(data),
            limits or MessageLimits(),
            missing_length_is_zero=missing_length_is_zero,
        )
        assert pickle.loads(pickle.dumps(state)) == state  # noqa: S301
        assert sum(isinstance(output, StartClock | StopClock) for output in some) <= 1
        outputs += some
    return state, outputs


def said(*pieces: str | bytes, limits: MessageLimits | None = None) -> str:
    return ", ".join(map(say, run(*pieces, limits=limits)[1])) or "-"


def meaning(outputs: list[Output]) -> list[object]:
    """Give what the outputs say without the clock's orders, and pings counted together."""
    found: list[object] = []
    for output in outputs:
        if isinstance(output, StartClock | StopClock):
            continue
        last = found[-1] if found else None
        if isinstance(output, Ping) and isinstance(last, Ping):
            found[-1] = Ping(last.count + output.count)
        elif isinstance(output, Ping):
            found.append(output)
        else:
            found.append(facts(output))
    return found


# Every state and input ---------------------------------------------------------------------------

STATES: dict[str, State] = {
    "Between": Between(),
    "Between+CR": Between(1),
    "Between+CRLF": Between(2),
    "Between+CRLFCR": Between(3),
    "Head": Head((PLAIN[:60].encode(),)),
    "Head+CRLF": Head((HEAD[:-4].encode(), b"\r\n")),
    "Body": Body(HEAD.encode(), (b"v=",), 3),
    "Skipping": Skipping(6),
    "Broken": Broken(),
}
INPUTS: dict[str, Input] = {
    "nothing": Received(b""),
    "CR": Received(b"\r"),
    "LF": Received(b"\n"),
    "CRLF": Received(b"\r\n"),
    "CRLFCRLF": Received(b"\r\n\r\n"),
    "letter": Received(b"I"),
    "NUL": Received(b"\0"),
    "message": Received(PLAIN.encode()),
    "3-message": Received(b"0\r\n" + PLAIN.encode()),
    "6-message": Received(b"012345" + PLAIN.encode()),
    "6-letter": Received(b"012345I"),
    "6": Received(b"012345"),
    "expired": Expired(),
}
# state | inputs | next state | outputs. What is not mentioned says nothing, and stays as it is or
# collects what came.
TABLE = """
Between        | CR                        | Between+CR     | -
Between        | LF NUL 3-message          | Broken         | fatal 400
Between        | CRLF                      | Between+CRLF   | -
Between        | CRLFCRLF                  | Between        | ping 1
Between        | letter 6-letter 6         | Head           | start
Between        | message                   | Between        | INVITE
Between        | 6-message                 | Between        | refused 501 answerable
Between+CR     | CR CRLF CRLFCRLF          | Broken         | fatal 400
Between+CR     | letter NUL message        | Broken         | fatal 400
Between+CR     | 3-message 6-message       | Broken         | fatal 400
Between+CR     | 6-letter 6                | Broken         | fatal 400
Between+CR     | LF                        | Between+CRLF   | -
Between+CRLF   | CR                        | Between+CRLFCR | -
Between+CRLF   | LF NUL 3-message          | Broken         | fatal 400
Between+CRLF   | CRLF                      | Between        | ping 1
Between+CRLF   | CRLFCRLF                  | Between+CRLF   | ping 1
Between+CRLF   | letter 6-letter 6         | Head           | start
Between+CRLF   | message                   | Between        | INVITE
Between+CRLF   | 6-message                 | Between        | refused 501 answerable
Between+CRLFCR | CR CRLF CRLFCRLF          | Broken         | fatal 400
Between+CRLFCR | letter NUL message        | Broken         | fatal 400
Between+CRLFCR | 3-message 6-message       | Broken         | fatal 400
Between+CRLFCR | 6-letter 6                | Broken         | fatal 400
Between+CRLFCR | LF                        | Between        | ping 1
Head           | CRLFCRLF 3-message        | Broken         | fatal 400 answerable, stop
Head           | message 6-message         | Between        | refused 400 answerable, stop
Head           | expired                   | Broken         | fatal 400
Head+CRLF      | CR LF letter NUL 6-letter | Head           | -
Head+CRLF      | 6                         | Head           | -
Head+CRLF      | CRLF CRLFCRLF             | Body           | -
Head+CRLF      | message 3-message         | Broken         | fatal 400 answerable, stop
Head+CRLF      | 6-message                 | Broken         | fatal 400 answerable, stop
Head+CRLF      | expired                   | Broken         | fatal 400 answerable
Body           | CRLFCRLF                  | Broken         | INVITE, fatal 400, stop
Body           | message 6-message         | Between        | INVITE, refused 501 answerable, stop
Body           | 3-message                 | Between        | INVITE, INVITE, stop
Body           | 6-letter 6                | Head           | INVITE, start
Body           | expired                   | Broken         | fatal 400 answerable
Skipping       | message                   | Broken         | fatal 400, stop
Skipping       | 3-message                 | Between        | refused 501 answerable, stop
Skipping       | 6-message                 | Between        | INVITE, stop
Skipping       | 6-letter                  | Head           | start
Skipping       | 6                         | Between        | stop
Skipping       | expired                   | Broken         | fatal 400
"""


@pytest.mark.rule("3261-7.5-01", "3261-7.5-02", "5626-4.4.1-01", "5626-4.4.1-02", "5626-4.4.1-05")
def test_every_state_takes_every_input_as_in_the_table() -> None:
    expected: dict[tuple[str, str], tuple[str, str]] = {}
    for row in TABLE.strip().splitlines():
        before, names, after, outputs = (cell.strip() for cell in row.split("|"))
        for name in names.split():
            assert (before, name) not in expected, f"{before} + {name} stands twice"
            expected[before, name] = after, outputs
    assert {name for _, name in expected} <= set(INPUTS)
    assert {name for name, _ in expected} <= set(STATES)
    for name, state in STATES.items():
        for key, each in INPUTS.items():
            after, outputs = expected.get((name, key), (name, "-"))
            then, done = step(state, each)
            assert (", ".join(map(say, done)) or "-") == outputs, f"{name} + {key}"
            assert type(then) is type(STATES[after]), f"{name} + {key}"
            if isinstance(then, Between):
                assert then == STATES[after], f"{name} + {key}"
            if isinstance(state, Broken) or each == Received(b""):
                assert then == state, f"{name} + {key}"
            again, same = step(state, each)
            assert (again, list(map(facts, same))) == (then, list(map(facts, done)))


def test_a_stream_begins_between_messages() -> None:
    assert start() == Between()


# Messages ----------------------------------------------------------------------------------------


@pytest.mark.rule("3261-7.5-02")
def test_messages_are_those_that_parse_gives() -> None:
    state, outputs = run(PLAIN + ANSWER + PLAIN)
    messages = [parse(data.encode()) for data in (PLAIN, ANSWER, PLAIN)]
    sizes = [len(PLAIN), len(ANSWER), len(PLAIN)]
    assert (state, outputs) == (Between(), list(map(Complete, messages, sizes)))


@pytest.mark.rule("3261-18.3-01", "3261-7.5-02")
def test_what_follows_a_message_without_a_body_is_the_next_message() -> None:
    """dblreq of RFC 4475 3.1.1.8, which on a stream is two messages."""
    assert said(wire() + PLAIN) == "INVITE, INVITE"
    assert said(wire("INVITE sip:x SIP/2.0\r\n\r\n") + PLAIN) == "INVITE, INVITE"


@pytest.mark.rule("3261-7.5-02")
def test_every_split_in_two_gives_the_same() -> None:
    data = ("\r\n" * 5 + PLAIN + "\r\n\r\n" + BAD_FROM + ANSWER + "\r\n" * 3).encode()
    data += LARGE.encode() + ANSWER.encode() + TWO_LENGTHS.encode() + PLAIN.encode()
    state, outputs = run(data, limits=SMALL)
    whole = meaning(outputs)
    assert ", ".join(map(say, outputs)) == (
        "ping 2, INVITE, ping 1, refused 400 answerable, 200, ping 1, "
        "refused 513 answerable, 200, fatal 400 answerable"
    )
    for at in range(len(data) + 1):
        then, pieces = run(data[:at], data[at:], limits=SMALL)
        assert (then, meaning(pieces)) == (state, whole), at


PIECES = st.sampled_from(
    [
        *(PLAIN, ANSWER, BAD_FROM, LARGE, NO_LENGTH, TWO_LENGTHS, wire()),
        *("\r\n", "\r\n\r\n", "\r", "\n", "\r\n\r", "I", "\0", "x: y", PLAIN[:80], PLAIN[80:]),
        *(HEAD.replace("70\r\n", "70\n"), wire("v=0\r\n", length="-5"), wire(length="2")),
        *("a" * 401, "a" * 393 + "\r\n\r\n", wire("\r\n\r\n"), wire(start="INVITE sip:x SIP/3.0")),
    ]
)
STREAMS = st.one_of(
    st.lists(PIECES, max_size=8).map(lambda pieces: "".join(pieces).encode()),
    st.binary(max_size=40),
    st.lists(st.one_of(PIECES.map(str.encode), st.binary(max_size=4))).map(b"".join),
)


@pytest.mark.rule("3261-7.5-02", "3261-25-01")
@given(STREAMS, st.lists(st.integers(0, 2000)), st.booleans())
def test_every_segmentation_gives_the_same(data: bytes, cuts: list[int], lenient: bool) -> None:  # noqa: FBT001
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    pieces = [data[left:right] for left, right in pairwise(edges)]
    state, whole = run(data, limits=SMALL, missing_length_is_zero=lenient)
    ones = [data[at : at + 1] for at in range(len(data))]
    for cut in (pieces, ones):
        then, outputs = run(*cut, limits=SMALL, missing_length_is_zero=lenient)
        assert meaning(outputs) == meaning(whole)
        assert type(then) is type(state)
        if isinstance(then, Head | Body):
            assert isinstance(state, Head | Body)
            assert b"".join(then.chunks) == b"".join(state.chunks)
        else:
            assert then == state
        expired = [step(each, Expired(), SMALL) for each in (state, then)]
        assert len({str(list(map(facts, done))) for _, done in expired}) == 1


WRONG = {
    "bad From": (BAD_FROM, "refused 400 answerable"),
    "no UTF-8": (BAD_FROM.replace("From: ", "From: \udcff"), "refused 400 answerable"),
    "two Tos": (PLAIN.replace("Max-", "To: <sip:x>\r\nMax-"), "refused 400 answerable"),
    "no Call-ID": (wire(rows=without("Call-ID")), "refused 400 answerable"),
    "bad URI": (wire(start="INVITE sip: SIP/2.0"), "refused 400 answerable"),
    "two spaces": (wire(start="INVITE  sip:x SIP/2.0"), "refused 400 answerable"),
    "another version": (wire(start="INVITE sip:x SIP/7.0"), "refused 505 answerable"),
    "another method": (wire(start="OPTIONS sip:x SIP/2.0"), "refused 400 answerable"),
    "an unknown method": (wire(start="NEW sip:x SIP/2.0"), "refused 501 answerable"),
    "no Via": (wire(rows=without("Via")), "refused 400"),
    "an answer in 3.0": (wire(start="SIP/3.0 200 OK"), "refused 505 answerable"),
    "bare LF": (PLAIN.replace("70\r\n", "70\n"), "fatal 400 answerable"),
    "bare CR": (PLAIN.replace("70\r\n", "70\r"), "fatal 400 answerable"),
    "no colon": (PLAIN.replace("Max-Forwards: ", "Max-Forwards "), "fatal 400 answerable"),
    "many rows": (PLAIN.replace("Max-", "X: y\r\n" * 300 + "Max-"), "fatal 513 answerable"),
    "a long row": (PLAIN.replace("Max-", f"X: {'y' * 20_000}\r\nMax-"), "fatal 513 answerable"),
    "a long URI": (wire(start=f"INVITE sip:{'x' * 20_000} SIP/2.0"), "fatal 414 answerable"),
    "two lengths": (TWO_LENGTHS, "fatal 400 answerable"),
    "different lengths": (TWO_LENGTHS.replace(": 5", ": 3", 1), "fatal 400 answerable"),
    "a negative length": (wire("v=0\r\n", length="-999"), "fatal 400 answerable"),
    "no number": (wire("v=0\r\n", length="five"), "fatal 400 answerable"),
    "a length beyond 32 bits": (wire(length=str(2**32)), "fatal 400 answerable"),
    "a length of many digits": (wire(length="9" * 5000), "fatal 400 answerable"),
}


@pytest.mark.rule("3261-25-01", "3261-18.3-05", "3261-7.1-03")
@pytest.mark.parametrize(("data", "expected"), WRONG.values(), ids=WRONG)
def test_errors_are_those_that_parse_gives(data: str, expected: str) -> None:
    """Also ncl and mcl01 of RFC 4475 (3.1.2.3, 3.3.9): a doubt about the length ends the stream."""
    state, outputs = run(PLAIN + data + PLAIN)
    assert isinstance(state, Broken) == expected.startswith("fatal")
    after = "" if isinstance(state, Broken) else ", INVITE"
    assert ", ".join(map(say, outputs)) == f"INVITE, {expected}{after}"
    with pytest.raises(RemoteProtocolError) as caught:
        parse(data.encode("utf-8", "surrogateescape"))
    assert facts(outputs[1])[1:] == facts(Refused(caught.value))[1:]


@pytest.mark.rule("3261-18.3-04", "3261-20.14-01")
def test_without_a_content_length_a_stream_ends() -> None:
    """inv2543 of RFC 4475 3.4.1 cannot be read from a stream."""
    state, outputs = run(NO_LENGTH + PLAIN)
    assert (state, list(map(say, outputs))) == (Broken(), ["fatal 400 answerable"])
    assert error(outputs[0]).header == "content-length"
    assert error(outputs[0]).rule == "RFC 3261 18.3"
    assert error(outputs[0]).offset == len(NO_LENGTH) - 2
    both = run(NO_LENGTH.replace("From: <", "From: "))[1]
    assert (say(both[0]), error(both[0]).header) == ("fatal 400 answerable", "from")
    answered = run(NO_LENGTH.replace(START, OK))[1]
    assert isinstance(error(answered[0]).message, Response)


@pytest.mark.rule("3261-18.3-04")
def test_a_missing_content_length_is_zero_if_the_option_says_so() -> None:
    _, outputs = run(NO_LENGTH + PLAIN, missing_length_is_zero=True)
    assert list(map(say, outputs)) == ["INVITE", "INVITE"]
    assert outputs[0] == Complete(parse(NO_LENGTH.encode()), len(NO_LENGTH))
    _, outputs = run(NO_LENGTH.replace("From: <", "From: ") + PLAIN, missing_length_is_zero=True)
    assert list(map(say, outputs)) == ["refused 400 answerable", "INVITE"]
    _, outputs = run(TWO_LENGTHS, missing_length_is_zero=True)
    assert list(map(say, outputs)) == ["fatal 400 answerable"]


# Sizes -------------------------------------------------------------------------------------------


@pytest.mark.rule("3261-18.3-06")
def test_a_head_above_the_limit_ends_the_stream_as_soon_as_it_is() -> None:
    endless = f"{START}\r\n{ROWS[0]}\r\nX: " + "y" * 500
    state, outputs = run(endless[:400], limits=SMALL)
    assert (type(state), list(map(say, outputs))) == (Head, ["start"])
    state, outputs = run(endless[400], limits=SMALL, state=state)
    assert (state, list(map(say, outputs))) == (Broken(), ["fatal 513 answerable", "stop"])
    assert error(outputs[0]).offset == 400
    _, all_at_once = run(endless, limits=SMALL)
    assert meaning(all_at_once) == meaning(outputs)


@pytest.mark.rule("3261-18.3-06")
@pytest.mark.parametrize("size", [399, 400, 401, 402])
def test_a_head_may_have_exactly_what_the_limit_allows(size: int) -> None:
    room = size - len(wire().replace("Max-", "X: \r\nMax-"))
    data = wire().replace("Max-", f"X: {'y' * room}\r\nMax-")
    assert len(data) == size
    _, whole = run(data, limits=SMALL)
    assert list(map(say, whole)) == ["INVITE" if size <= 400 else "fatal 513 answerable"]
    for cut in range(1, 6):
        assert meaning(run(data[:-cut], data[-cut:], limits=SMALL)[1]) == meaning(whole)


@pytest.mark.rule("3261-18.3-07")
def test_a_body_above_the_limit_is_refused_at_once_and_skipped_exactly() -> None:
    head, body = LARGE[:-400], LARGE[-400:]
    state, outputs = run(head, limits=SMALL)
    assert (state, list(map(say, outputs))) == (Skipping(400), ["refused 513 answerable", "start"])
    assert error(outputs[0]).offset == 400
    state, outputs = run(body[1:], limits=SMALL, state=state)
    assert (state, outputs) == (Skipping(1), [])
    state, outputs = run(body[:1] + ANSWER, limits=SMALL, state=state)
    assert (state, list(map(say, outputs))) == (Between(), ["200", "stop"])
    assert said(LARGE + LARGE + PLAIN, limits=SMALL) == (
        "refused 513 answerable, refused 513 answerable, INVITE"
    )


@pytest.mark.rule("3261-18.3-07")
@pytest.mark.parametrize("size", [399, 400, 401])
def test_a_message_may_have_exactly_what_the_limit_allows(size: int) -> None:
    data = wire("x" * (size - len(HEAD.encode()) - 2))
    assert len(data) == size
    assert said(data, limits=SMALL) == ("INVITE" if size <= 400 else "refused 513 answerable")


def test_a_length_of_four_gigabytes_costs_no_memory() -> None:
    state, outputs = run(wire(length=str(2**32 - 1)))
    assert (state, len(outputs)) == (Skipping(2**32 - 1), 2)


@pytest.mark.rule("3261-18.3-07")
def test_a_bad_message_is_refused_at_once_and_its_body_skipped() -> None:
    state, outputs = run(BAD_FROM[:-3])
    assert (state, list(map(say, outputs))) == (Skipping(3), ["refused 400 answerable", "start"])
    state, outputs = run("\0\r\n" + PLAIN, state=state)
    assert (state, list(map(say, outputs))) == (Between(), ["INVITE", "stop"])


def test_a_message_is_held_to_the_limits_that_hold_when_its_head_is_read() -> None:
    tiny = MessageLimits(message=50, line=1)
    state, _ = run(PLAIN[:-1])
    assert list(map(say, run(PLAIN[-1:], state=state, limits=tiny)[1])) == ["INVITE", "stop"]
    state, _ = run(PLAIN[:100])
    _, outputs = run(PLAIN[100:] + PLAIN, state=state, limits=tiny)
    assert list(map(say, outputs)) == ["fatal 513", "stop"]
    assert "the headers go on after 50 bytes" in error(outputs[0]).reason


def test_nothing_is_kept_of_what_has_been_read() -> None:
    state, _ = run(PLAIN * 100 + PLAIN[:30])
    assert state == Head((PLAIN[:30].encode(),))


# What is no message ------------------------------------------------------------------------------


@pytest.mark.rule("3261-25-01")
@pytest.mark.parametrize(
    "junk", [b"\x16\x03\x01\x02\0\x01", b"\0", b" ", b"\n", b"\rI", b"\xff", b":"]
)
def test_what_can_begin_no_message_ends_the_stream_without_an_answer(junk: bytes) -> None:
    state, outputs = run(PLAIN.encode() + junk + PLAIN.encode())
    assert (state, list(map(say, outputs))) == (Broken(), ["INVITE", "fatal 400"])
    assert error(outputs[1]).offset == 0


def test_another_protocol_gets_no_answer() -> None:
    assert said("GET / HTTP/1.1\r\nHost: example.com\r\n\r\n") == "fatal 400"


def test_after_the_end_nothing_is_read() -> None:
    state, _ = run(b"\0")
    assert run(PLAIN, b"\0", b"\r\n\r\n", state=state) == (Broken(), [])


# Pings -------------------------------------------------------------------------------------------


@pytest.mark.rule("5626-4.4.1-01", "5626-4.4.1-02", "3261-7.5-01")
def test_pings_are_pairs_of_crlf_between_messages() -> None:
    assert said("\r\n", PLAIN) == "INVITE"
    assert said("\r\n\r\n") == "ping 1"
    assert said(*"\r\n\r\n") == "ping 1"
    assert said("\r\n" * 3 + PLAIN + "\r\n", "\r\n") == "ping 1, INVITE, ping 1"
    assert said("\r\n\r\n\0") == "ping 1, fatal 400"
    # What is left over before a message makes no pair with what comes after it.
    assert said("\r\n" + PLAIN + "\r\n") == "INVITE"


@pytest.mark.rule("5626-4.4.1-05")
def test_no_ping_is_within_a_message() -> None:
    data = wire("\r\n\r\n\r\n\r\n")
    assert said(data) == "INVITE"
    assert said(data[:-5], data[-5:]) == "start, INVITE, stop"
    assert said(LARGE[:-400] + "\r\n" * 200 + PLAIN, limits=SMALL).endswith("INVITE")


def test_many_pings_at_once_are_one_output() -> None:
    assert run("\r\n" * 50_001) == (Between(2), [Ping(25_000)])


# The clock ---------------------------------------------------------------------------------------


@pytest.mark.rule("3261-18.3-06")
def test_the_clock_runs_for_one_message_at_a_time() -> None:
    half, rest = PLAIN[:100], PLAIN[100:]
    # from its first byte to its last
    assert said("\r\n", "I", PLAIN[1:]) == "start, INVITE, stop"
    assert said(half, rest[:20], rest[20:-1], rest[-1]) == "start, INVITE, stop"
    # anew for the next one
    assert said(half, rest + half, rest) == "start, INVITE, start, INVITE, stop"
    # not at all for what comes whole, and stopped by the end of the stream
    assert said(PLAIN + PLAIN) == "INVITE, INVITE"
    assert said(half, rest + "\0") == "start, INVITE, fatal 400, stop"
    assert said(half + "\r\n\r\n") == "fatal 400 answerable"


@pytest.mark.rule("3261-18.3-06")
def test_a_message_that_does_not_end_in_time_ends_the_stream() -> None:
    """Also baddn and clerr of RFC 4475 (3.1.2.15, 3.1.2.2): they wait for what never comes."""
    cases = (
        (HEAD[:-2], "fatal 400 answerable", "RFC 3261 7"),
        (wire("v=0\r\n", length="9999"), "fatal 400 answerable", "RFC 3261 18.3"),
        (wire("v=0\r\n", length="99999"), "fatal 400", "RFC 3261 18.3"),
    )
    for data, expected, rule in cases:
        state, _ = run(data)
        state, outputs = step(state, Expired())
        assert (state, list(map(say, outputs))) == (Broken(), [expected])
        assert error(outputs[0]).rule == rule


def test_the_error_for_a_body_says_how_much_is_missing() -> None:
    state, _ = run(wire("v=0\r\n", length="9999"), b"x")
    _, outputs = step(state, Expired())
    assert "9999 bytes declared, 6 came" in error(outputs[0]).reason
    assert error(outputs[0]).offset == len(wire("v=0\r\n", length="9999")) + 1
    state, _ = run(HEAD[:-2])
    assert error(step(state, Expired())[1][0]).offset == len(HEAD) - 2


# Cost --------------------------------------------------------------------------------------------


@given(st.lists(st.binary(min_size=1, max_size=70), max_size=100))
def test_chunks_are_few_and_each_more_than_twice_the_next(pieces: list[bytes]) -> None:
    chunks: tuple[bytes, ...] = ()
    for piece in pieces:
        chunks = joined(chunks, piece)
        assert all(len(left) > 2 * len(right) for left, right in pairwise(chunks))
    assert b"".join(chunks) == b"".join(pieces)


def by_single_bytes(data: bytes) -> float:
    limits = MessageLimits(line=len(data), message=len(data))
    begun = process_time()
    state: State = start()
    outputs: tuple[Output, ...] = ()
    for at in range(len(data)):
        state, outputs = step(state, Received(data[at : at + 1]), limits)
    assert list(map(say, outputs)) == ["INVITE", "stop"]
    return process_time() - begun


def at_once(data: bytes) -> float:
    begun = process_time()
    state, _ = step(start(), Received(data))
    assert isinstance(state, Between)
    return process_time() - begun


@pytest.mark.rule("SIO-04")
@pytest.mark.parametrize("part", ["head", "body"])
def test_64_kilobytes_by_single_bytes_take_linear_time(part: str) -> None:
    def data(size: int) -> bytes:
        room = "y" * (size - len(PLAIN) - 10)
        return (
            PLAIN.replace("Max", f"X: {room}\r\nMax") if part == "head" else wire(room)
        ).encode()

    small, large = data(8_000), data(64_000)
    # Eight times as much; quadratic would be 64 times.
    assert min(by_single_bytes(large) for _ in range(2)) < 24 * min(
        by_single_bytes(small) for _ in range(3)
    )


@pytest.mark.rule("SIO-04")
@pytest.mark.parametrize("piece", ["\r\n", "\r\n\r\n" + PLAIN, PLAIN, BAD_FROM])
def test_much_at_once_takes_linear_time(piece: str) -> None:
    small, large = (piece * (size // len(piece)) for size in (100_000, 800_000))
    assert min(at_once(large.encode()) for _ in range(2)) < 24 * min(
        at_once(small.encode()) for _ in range(3)
    )
