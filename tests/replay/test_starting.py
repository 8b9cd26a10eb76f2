"""A replay compares what the start has ordered, as it does with all that comes after."""

import dataclasses

import sansip
from journals import STARTED, head_of
from sansip.journal import Writer, read
from sansip.replay import replay
from stage import SEED


def probed(every: float) -> sansip.Config:
    probing = sansip.Probing(every)
    group = sansip.Group((sansip.Member("sip:192.0.2.1"),), probing)
    return sansip.Config([sansip.Endpoint("udp", "192.0.2.10:5060")], groups={"gateways": group})


def journal(*redacted: str, change: sansip.Config | None = None) -> list[str]:
    """What a server with probes has written that has not heard anything."""
    _, ordered = sansip.Engine(probed(5.0)).start(SEED, STARTED)
    head = head_of(change or probed(5.0), None, redacted=redacted)
    lines: list[str] = []
    Writer(lines.append, dataclasses.replace(head, ordered=ordered))
    return lines


def test_the_start_replays_without_difference() -> None:
    assert replay(read(journal())) is None
    assert replay(read(journal("body", "authorization"))) is None


def test_a_start_that_orders_something_else_is_the_first_difference() -> None:
    found = replay(read(journal(change=probed(6.0))))
    assert found is not None
    assert (found.number, found.event) == (0, None)
    assert str(found).splitlines()[0] == "the start differs"
    assert str(found).splitlines()[-2:] == ["      recorded  5.0", "      replayed  6.0"]


def test_the_start_belongs_to_no_call() -> None:
    assert replay(read(journal(change=probed(6.0))), call="x") is None
