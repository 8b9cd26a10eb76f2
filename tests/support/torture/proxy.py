"""The proxy that the torture messages go through, and what it made of them.

Its policy believes everybody: requests go to where their Route or Request-URI points. What it sent
is read here with the plainest of means, not by the code that is being tested.
"""

import sansip
from sansip import dns
from stage import PROXY, Stage, ToName
from torture.rows import (
    BRANCH_OF_PROXY,
    CALLER,
    HARBOUR,
    RELAY,
    Answered,
    Consumed,
    Dropped,
    Forwarded,
    Returned,
    Row,
)

PROXY_6 = sansip.Address("2001:db8:5060::1", 5060)
ZONE: dict[tuple[str, str], dns.Answer] = {
    ("harbour.example", "A"): dns.Found((dns.Ip(HARBOUR.host),), 60.0),
    ("relay.harbour.example", "A"): dns.Found((dns.Ip(RELAY.host),), 60.0),
}
# Rows that every proxy changes or adds to.
OWN = frozenset({b"via", b"v", b"max-forwards", b"max-breadth"})
PLACED_BY_US = b";did="
FLOW = 7

Rows = list[tuple[bytes, bytes]]  # (name in lower case, the whole row with its folds)


def on_the_way() -> Stage:
    """A stage with that proxy, which has an address of either family."""
    endpoints = [
        sansip.Endpoint(transport, str(local))
        for transport in ("udp", "tcp")
        for local in (PROXY, PROXY_6)
    ]
    # Large ones, too, go on as datagrams: how they travel is not what the table is about.
    config = sansip.Config(endpoints, tcp_above=None)
    engine = sansip.Engine(config, ToName(follow_route=True))
    return Stage(engine, dict(ZONE))


def receive(stage: Stage, data: bytes, source: sansip.Address = CALLER) -> None:
    """A datagram comes, to the endpoint of its family."""
    local = PROXY_6 if ":" in source.host else PROXY
    stage.step(sansip.DatagramReceived(stage.now, f"udp:{local}", source, local, data))


def connect(stage: Stage, source: sansip.Address = CALLER) -> None:
    """A peer opens the connection with the number FLOW."""
    local = PROXY_6 if ":" in source.host else PROXY
    stage.step(sansip.FlowOpened(stage.now, FLOW, f"tcp:{local}", source, local))


def stream(stage: Stage, *pieces: bytes) -> None:
    """Bytes come over that connection."""
    for piece in pieces:
        stage.step(sansip.StreamReceived(stage.now, FLOW, piece))


def is_closed(stage: Stage) -> bool:
    """Whether that connection was ordered closed, and nothing ordered over it after that."""
    orders = [action for actions in stage.actions for action in actions]
    if sansip.CloseFlow(FLOW) not in orders:
        return False
    later = orders[orders.index(sansip.CloseFlow(FLOW)) + 1 :]
    return not [order for order in later if getattr(order, "flow", None) == FLOW]


def plain(data: bytes) -> tuple[bytes, Rows, bytes]:
    """Start line, rows and body."""
    head, _, body = data.partition(b"\r\n\r\n")
    start, *lines = head.split(b"\r\n")
    rows: list[bytes] = []
    for line in lines:
        if line[:1] in b" \t":
            rows[-1] += b"\r\n" + line
        else:
            rows.append(line)
    return start, [(row.partition(b":")[0].strip().lower(), row) for row in rows], body


def requests(stage: Stage) -> list[sansip.Send]:
    return [send for send in stage.sends if not send.data.startswith(b"SIP/")]


def answers(stage: Stage) -> list[sansip.Send]:
    """The responses that were sent, but for the 100 that every INVITE gets."""
    return [s for s in stage.sends if s.data.startswith(b"SIP/") and s.data[8:11] != b"100"]


# --- what became of it


def check(stage: Stage, row: Row, flow: int | None = None) -> None:
    """What this row says has become of its message, and nothing else has happened.

    ``flow`` is the connection that it came over.
    """
    match row.verdict:
        case Forwarded() as wanted:
            assert not answers(stage)
            (send,) = requests(stage)
            check_forwarded(send, row.data, wanted)
        case Answered() as wanted:
            assert not requests(stage)
            (send,) = answers(stage)
            assert (send.flow, send.remote) == (flow, wanted.to if flow is None else row.source)
            check_answered(send, row.data, wanted)
        case Returned():
            (send,) = answers(stage)
            check_returned(send, row.data)
        case Consumed() | Dropped():
            assert not answers(stage)


def check_forwarded(send: sansip.Send, data: bytes, wanted: Forwarded) -> None:
    """One Via more, one hop less, perhaps our Record-Route; all else is the same to the byte."""
    assert send.remote == wanted.to
    came, rows_before, body_before = plain(data)
    went, rows_after, body_after = plain(send.data)
    method, uri, version = came.split(b" ")
    if wanted.uri is not None:
        uri = wanted.uri.encode()
    assert went == b" ".join((method, uri, version))
    length = dict(rows_before).get(b"content-length", dict(rows_before).get(b"l"))
    sized = body_before if length is None else body_before[: int(length.partition(b":")[2])]
    assert body_after == sized
    if wanted.route is not None:
        rows_before = [(name, row) for name, row in rows_before if name != b"route"]
        routes = [row for name, row in rows_after if name == b"route"]
        assert routes == [b"Route: " + wanted.route.encode()]
        rows_after = [(name, row) for name, row in rows_after if name != b"route"]
    kept = [row for name, row in rows_after if name not in OWN and PLACED_BY_US not in row]
    assert kept == [row for name, row in rows_before if name not in OWN]
    before, after = sansip.parse(data), sansip.parse(send.data)
    hops = before.max_forwards
    assert after.max_forwards == (70 if hops is None else hops - 1)
    ours, stamped, *others = after.values("via")
    first, *rest = before.values("via")
    assert others == rest
    assert sansip.parse(send.data).via.branch not in {None, before.via.branch}
    assert ours.startswith("SIP/2.0/UDP ")
    assert sent_by(stamped.encode()) == sent_by(first.encode())
    # Rows of Via below the first are not even spelled anew.
    vias_before = [row for name, row in rows_before if name in {b"via", b"v"}]
    vias_after = [row for name, row in rows_after if name in {b"via", b"v"}]
    assert vias_after[2:] == vias_before[1:]


def sent_by(via: bytes) -> list[bytes]:
    """The words of a Via before its parameters."""
    return via.partition(b";")[0].replace(b"/", b" ").split()


def check_answered(send: sansip.Send, data: bytes, wanted: Answered) -> None:
    """A response of that status with the Via, and all that could be read of the identification."""
    start, rows, body = plain(send.data)
    assert start.startswith(b"SIP/2.0 %d " % wanted.status)
    assert not body
    names = [name for name, _ in rows]
    assert names.count(b"to") <= 1
    assert names.count(b"content-length") == 1
    asked = dict(reversed(plain(data)[1]))  # the first of each name
    for name in (b"from", b"call-id", b"cseq"):
        assert dict(rows).get(name) == asked.get(name)
    if b"to" in asked:
        assert dict(rows)[b"to"].startswith(asked[b"to"])
        assert b";tag=" in dict(rows)[b"to"]
    (via,) = [row for name, row in rows if name == b"via"]
    assert b";branch" not in asked[b"via"] or b";branch=" in via
    assert sent_by(via) == sent_by(asked[b"via"])
    for header, text in wanted.headers:
        assert f"{header}: {text}".encode() in dict(rows).values()


def check_returned(send: sansip.Send, data: bytes) -> None:
    """All but the topmost Via is the same byte for byte."""
    assert send.remote == sansip.Address(CALLER.host, 5060)
    start, rows, body = plain(data)
    kept = [row for _, row in rows if BRANCH_OF_PROXY not in row]
    assert plain(send.data)[0] == start
    assert [row for _, row in plain(send.data)[1]] == kept
    assert send.data.endswith(b"\r\n\r\n" + body)


# --- responses need something that they answer


def ask(stage: Stage, data: bytes) -> bytes:
    """Send a request through the proxy, and give this response the branch that the proxy chose."""
    method = dict(plain(data)[1])[b"cseq"].split()[-1].decode()
    asked = sansip.Request.make(
        method,
        "sip:bruno@harbour.example",
        [
            ("Via", f"SIP/2.0/UDP {CALLER.host};branch=z9hG4bKasked"),
            ("From", "<sip:agnes@quay.example>;tag=asked"),
            ("To", "<sip:bruno@harbour.example>"),
            ("Call-ID", "asked"),
            ("CSeq", f"35 {method}"),
            ("Max-Forwards", "70"),
        ],
    )
    receive(stage, asked.render())
    branch = sansip.parse(requests(stage)[-1].data).via.branch
    assert branch is not None
    return data.replace(BRANCH_OF_PROXY, branch.encode())
