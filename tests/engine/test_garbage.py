"""Nothing that comes leaves cycles behind: memory is free again without a garbage collector."""

import gc
from collections.abc import Iterator

import pytest

import sansip
from stage import CALLER, make_request

UDP = sansip.Endpoint("udp", "192.0.2.10:5060")
TCP = sansip.Endpoint("tcp", "192.0.2.10:5060")
GOOD = make_request(branch="z9hG4bK1", call_id="1").render()
BAD = (
    b"no SIP at all",
    b"OPTIONS sip:a@b SIP/2.0\r\nVia: 1\r\n\r\n",
    GOOD.replace(b"SIP/2.0/UDP", b"SIP/2.0"),
    GOOD.replace(b"CSeq: 1", b"CSeq: x"),
    GOOD.replace(b"CSeq", b"C-Seq"),
    GOOD.replace(b"Max-Forwards: 70", b"Max-Forwards: 9999999999"),
    GOOD.replace(b"INVITE sip:", b"INVITE sip:[", 1),
    GOOD[:-60],
)


@pytest.fixture
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def engine() -> tuple[sansip.Engine, sansip.State]:
    made = sansip.Engine(sansip.Config([UDP, TCP]), sansip.Policy())
    state, _ = made.start(bytes(32), 0.0)
    return made, state


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("data", [GOOD, *BAD])
def test_datagrams_leave_no_cycles(data: bytes) -> None:
    made, state = engine()
    event = sansip.DatagramReceived(1.0, UDP.name, CALLER, UDP.bind, data)
    gc.collect()
    state, _ = made.step(state, event)
    state, _ = made.step_all(state, [event, event])
    assert gc.collect() == 0


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("data", [GOOD, *BAD])
def test_streams_leave_no_cycles(data: bytes) -> None:
    made, state = engine()
    opened = sansip.FlowOpened(1.0, 1, TCP.name, CALLER, TCP.bind)
    gc.collect()
    state, _ = made.step(state, opened)
    for part in (data[:20], data[20:], b"\r\n\r\n" + GOOD):
        state, _ = made.step(state, sansip.StreamReceived(1.0, 1, part))
    assert gc.collect() == 0
