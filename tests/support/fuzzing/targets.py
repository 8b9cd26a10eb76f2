"""Functions that take any bytes at all, and raise only if something is wrong with sansip.

``message`` takes a datagram, ``stream`` what comes over a connection and how it is cut, ``header``
a row, ``uri`` lines with a URI each, ``engine`` what comes to a proxy, one thing after the other.
"""

import re
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from typing import Final

import sansip
from sansip import LocalProtocolError, RemoteProtocolError, dns
from sansip.message import (
    DEFAULT_LIMITS,
    Message,
    MessageLimits,
    Request,
    Response,
    ack,
    cancel,
    canonical,
    embedded,
    equivalent,
    framing,
    headers,
    parse,
    parse_uri,
    reply,
    salvage,
    top_branch,
)
from sansip.message.grammar import unfold
from sansip.message.parse import read_head
from sansip.message.parse_careful import read_with_care
from stage import CALLER, GW_1, GW_2, PROXY, SEED, ZONE, ToName, make_request

_BARE_LF: Final = re.compile(rb"(?<!\r)\n")

# Messages -------------------------------------------------------------------------------------


def message(data: bytes) -> None:
    """A datagram: read, written, read again, edited, answered."""
    top_branch(data)
    salvage(data, DEFAULT_LIMITS)
    assert _outcome(data, fast=True) == _outcome(data, fast=False), "the two readers differ"
    for bare_lf in (False, True)[: 1 + (_BARE_LF.search(data) is not None)]:
        try:
            made = parse(data, bare_lf=bare_lf)
        except RemoteProtocolError as error:
            _refused(error, len(data) + data.count(b"\n"))
        else:
            if not bare_lf:
                rows, end, _ = data.partition(b"\r\n")[2].partition(b"\r\n\r\n")
                assert made.render().partition(b"\r\n")[2] == rows + end + made.body
            _accepted(made)


def _outcome(data: bytes, *, fast: bool) -> object:
    try:
        made, start, length = (read_head if fast else read_with_care)(data, DEFAULT_LIMITS)
    except RemoteProtocolError as error:
        return (error.reason, error.status_hint, error.header, error.offset, error.rule)
    return (made.render(), start, length, made.names, _meaning(made))


def _meaning(made: Message) -> tuple[object, ...]:
    fields = (made.via, made.cseq, made.call_id, made.from_tag, made.to_tag, made.max_forwards)
    return (*fields, made.uri) if isinstance(made, Request) else fields


def _refused(error: RemoteProtocolError, size: int = DEFAULT_LIMITS.message) -> None:
    assert error.reason
    assert error.rule
    assert 400 <= error.status_hint <= 699
    assert -1 <= error.offset <= size
    if isinstance(error.message, Request):
        reply(error.message, error.status_hint, to_tag="t").render()


def _accepted(made: Request | Response) -> None:
    data = made.render()
    again = parse(data)
    assert again == made
    assert again.render() == data
    assert _meaning(again) == _meaning(made)
    for name in made.names:
        made.get(name)
        made.values(name)
        header = headers.find(name)
        if header is not None:
            with suppress(RemoteProtocolError):
                header.of(made)
    _edited(made)
    if isinstance(made, Request):
        assert isinstance(parse(cancel(made).render()), Request)
        answer = parse(reply(made, 486, to_tag="t").render())
        assert isinstance(answer, Response)
        assert isinstance(parse(ack(made, answer).render()), Request)
    else:
        made.without_top_via().render()


def _edited(made: Request | Response) -> None:
    """What an edit does not touch stays as it is."""
    others = [line for name, line in zip(made.names, made.lines, strict=True) if name != "via"]
    for edited in (made.prepend("Via", "SIP/2.0/UDP h;branch=1"), made.pop_first("via")):
        rows = zip(edited.names, edited.lines, strict=True)
        assert [line for name, line in rows if name != "via"] == others
        assert edited.body == made.body
    longer = made.prepend("Via", "SIP/2.0/UDP h;branch=1").append("X-Mine", "x").with_body(b"x")
    assert parse(longer.render()) == longer
    assert parse(longer.pop_first("via").render()).via == made.via
    short = made.compact()
    assert parse(short.render()) == short
    assert short.names == made.names


# Streams --------------------------------------------------------------------------------------

_SMALL: Final = MessageLimits(message=400, headers=12, line=120, vias=3)
_BYTEWISE: Final = 500  # so many bytes at most are fed one by one


def stream(data: bytes) -> None:
    """The first byte says how to cut; then come the cuts, in 256ths; the rest is the stream.

    Its bits: 0 to 2: how many cuts; 3: one after every byte; 4: narrow limits; 5: Content-Length
    may be missing.
    """
    how = data[0] if data else 0
    count = how & 7
    where, data = data[1 : 1 + count], data[1 + count :]
    cuts = sorted({at * len(data) // 256 for at in where})
    if how & 8 and len(data) <= _BYTEWISE:
        cuts = list(range(len(data)))
    limits, lenient = _SMALL if how & 16 else DEFAULT_LIMITS, how & 32 > 0
    pieces = [data[a:b] for a, b in pairwise([0, *cuts, len(data)])]
    whole = _heard([data], limits, lenient=lenient)
    assert _heard(pieces, limits, lenient=lenient) == whole, "cuts matter"


def _heard(pieces: list[bytes], limits: MessageLimits, *, lenient: bool) -> list[object]:
    """Give what comes out but the orders to the clock, which must make sense by themselves."""
    state: framing.State = framing.start()
    heard: list[object] = []
    running = False
    for piece in pieces:
        state, outputs = framing.step(
            state, framing.Received(piece), limits, missing_length_is_zero=lenient
        )
        for output in outputs:
            match output:
                case framing.StartClock():
                    running = True
                case framing.StopClock():
                    assert running
                    running = False
                case framing.Ping(count):
                    before = heard.pop() if heard and isinstance(heard[-1], int) else 0
                    assert isinstance(before, int)
                    heard.append(before + count)
                case framing.Complete(made, size):
                    heard.append((made.render(), made.names, _meaning(made), size))
                case framing.Refused(error) | framing.Fatal(error):
                    heard.append((type(output), error.reason, error.offset, error.status_hint))
                    _refused(error)
    assert running == isinstance(state, framing.Head | framing.Body | framing.Skipping)
    _, outputs = framing.step(state, framing.Expired(), limits)
    assert not any(isinstance(output, framing.Complete) for output in outputs)
    return heard


# Headers --------------------------------------------------------------------------------------


def header(data: bytes) -> None:
    """A row: what can be read of it can be written, and read again."""
    name, _, rest = data.decode("utf-8", "surrogateescape").partition(":")
    found = headers.find(name)
    if found is None:
        return
    text = unfold(rest)
    pieces = found.split(text) if isinstance(found, headers.Many) else [text]
    for piece in (*pieces, text):
        try:
            read = found.parse(piece)
        except RemoteProtocolError as error:
            _refused(error)
            continue
        assert found.parse(str(read)) == read, f"{read!s} is read in another way"
        with suppress(LocalProtocolError):  # a line end in it
            assert found.parse(found.render(read)) == read
    with suppress(RemoteProtocolError):
        found.of(Request("OPTIONS", "sip:h", (f"{name}:{rest}", f"{name}: {text}")))


# URIs -----------------------------------------------------------------------------------------


def uri(data: bytes) -> None:
    """Lines, each a URI: taken apart, changed, compared."""
    found: list[sansip.Uri] = []
    for line in data.decode("utf-8", "surrogateescape").split("\n")[:4]:
        with suppress(RemoteProtocolError):
            found.append(parse_uri(line))
            assert found[-1].text == line
    for one in found:
        assert equivalent(one, one)
        assert parse_uri(str(one)) == one
        bare = one.for_request_line()
        assert not bare.is_sip or bare.headers is None
        assert bare.for_request_line() == bare
        _ = one.decoded, one.transport, one.maddr, one.lr, one.number, one.is_ip, embedded(one)
        if one.is_sip:
            _changed(one)
        for other in found:
            assert equivalent(one, other) == equivalent(other, one), "not symmetric"
            assert not equivalent(one, other) or canonical(one) == canonical(other)


def _changed(one: sansip.Uri) -> None:
    moved = one.with_host("example.com", 5070)
    assert (moved.host, moved.port) == ("example.com", 5070)
    assert (moved.user, moved.params, moved.headers) == (one.user, one.params, one.headers)
    named = one.with_user("a;b@c", "?")
    assert (named.decoded.user, named.decoded.password) == ("a;b@c", "?")
    assert named.host == one.host
    more = one.with_param("x", "a;b=c")
    assert dict(more.decoded.params)["x"] == "a;b=c"
    assert more.without_params("x").param("x") is None
    assert one.with_headers().headers is None
    assert one.with_scheme("sips").host == one.host


# The engine -----------------------------------------------------------------------------------

BETWEEN: Final = b"\n~~\n"  # parts what comes one after the other
_TCP: Final = f"tcp:{PROXY}"
_UDP: Final = f"udp:{PROXY}"
_SOURCES: Final = {b"c": CALLER, b"g": GW_1, b"h": GW_2}
_ENGINE: Final = sansip.Engine(
    sansip.Config(
        endpoints=[sansip.Endpoint("udp", str(PROXY)), sansip.Endpoint("tcp", str(PROXY))],
        groups={"gateways": ["sip:gw-1.example.com:5060", "sip:gw-2.example.com:5060"]},
    ),
    ToName(),
)
_MOST_STEPS: Final = 60


class Proxy:
    """A proxy in which a call rings, and a connection is open."""

    def __init__(self, state: sansip.State, timers: dict[sansip.Timer, float], at: float) -> None:
        self.state, self.timers, self.at = state, dict(timers), at
        self.sent: list[sansip.Send] = []
        self.steps = 0

    def step(self, event: sansip.Event) -> None:
        self.steps += 1
        self.state, actions = _ENGINE.step(self.state, event)
        for action in actions:
            match action:
                case sansip.Send():
                    self.sent.append(action)
                    _look_at(action)
                case sansip.StartTimer(timer, after):
                    self.timers[timer] = self.at + after
                case sansip.StopTimer(timer):
                    self.timers.pop(timer, None)
                case sansip.QueryDns(query, name, kind):
                    answer = ZONE.get((name, kind), dns.NoName(30.0))
                    self.step(sansip.DnsAnswered(self.at, query, answer))
                case _:
                    pass

    def wait(self, most: int) -> None:
        """Let so many timers fire."""
        while self.timers and most and self.steps < _MOST_STEPS:
            most -= 1
            timer = min(self.timers, key=lambda timer: self.timers[timer])
            self.at = max(self.at, self.timers.pop(timer))
            self.step(sansip.TimerFired(self.at, timer))


def _look_at(send: sansip.Send) -> None:
    """What we send is good; but an answer to what cannot be read has only what could be saved."""
    try:
        parse(send.data)
    except RemoteProtocolError:
        assert send.data.startswith(b"SIP/2.0 ") or not send.data.strip(b"\r\n"), send.data


def _ringing() -> Proxy:
    state, actions = _ENGINE.start(SEED, 1000.0)
    assert not actions
    proxy = Proxy(state, {}, 1000.0)
    invite = make_request().render()
    proxy.step(sansip.DatagramReceived(1000.0, _UDP, CALLER, PROXY, invite))
    proxy.step(sansip.FlowOpened(1000.0, 1, _TCP, CALLER, PROXY))
    return proxy


RINGING: Final = _ringing()


def engine(data: bytes) -> None:
    """What comes, parted by ``BETWEEN``; the first letter says what it is.

    c, g and h: a datagram from the caller, from a gateway; s: bytes over the connection; e: an ICMP
    error that quotes them; t: some timers fire. Anything else is a datagram from the caller.
    """
    proxy = Proxy(RINGING.state, RINGING.timers, RINGING.at)
    for piece in data.split(BETWEEN)[:6]:
        kind, rest = piece[:1], piece[1:]
        proxy.at += 0.01
        match kind:
            case b"t":
                proxy.wait(4)
            case b"e":
                proxy.step(sansip.SendFailed(proxy.at, _UDP, GW_1, "unreachable", None, rest))
            case b"s":
                proxy.step(sansip.StreamReceived(proxy.at, 1, rest))
            case b"c" | b"g" | b"h":
                source = _SOURCES[kind]
                proxy.step(sansip.DatagramReceived(proxy.at, _UDP, source, PROXY, rest))
            case _:
                proxy.step(sansip.DatagramReceived(proxy.at, _UDP, CALLER, PROXY, piece))
    proxy.wait(8)


TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    "message": message,
    "stream": stream,
    "header": header,
    "uri": uri,
    "engine": engine,
}
