"""How much has been run, and whose it was, however long a journal is."""

import pytest

import sansip
from sansip import dns
from sansip.replay import Tally, tally
from stage import GW_1, Stage, ToGroup, config, make_request, on_stage


def tallied(stage: Stage) -> Tally:
    found = Tally()
    for event, actions in zip(stage.events, stage.actions, strict=True):
        found.add(event.at - 1000.0, event, actions)
    return found


def owners(stage: Stage) -> list[tuple[str, str | None]]:
    """The kind of each event, and whose it is said to be when it comes."""
    found, told = Tally(), list[tuple[str, str | None]]()
    for event, actions in zip(stage.events, stage.actions, strict=True):
        found.add(0.0, event, actions)
        told.append((type(event).__name__, found.call_of(event, actions)))
    return told


def test_events_are_counted_by_their_kinds_and_calls_once() -> None:
    stage = on_stage(ToGroup())
    stage.receive(make_request())
    stage.receive(make_request())
    stage.respond(200, GW_1)
    stage.receive(make_request("OPTIONS", branch="z9hG4bK2", call_id="call-2"))
    stage.advance(1.0)
    assert str(tallied(stage)) == (
        "6 events (4 messages, 1 DNS answer, 1 timer), 19 actions, 1 call, 0.5 s"
    )
    assert str(Tally()) == "0 events, 0 actions, 0 calls, 0.0 s"


def test_calls_that_are_delivered_are_counted() -> None:
    stage = Stage(sansip.Engine(config()))
    stage.receive(make_request())
    stage.receive(make_request("OPTIONS", branch="z9hG4bK2", call_id="call-2"))
    assert ", 1 call, " in str(tallied(stage))


def test_most_steps_are_said_to_be_of_their_call() -> None:
    stage = on_stage(ToGroup())
    stage.receive(make_request("OPTIONS", call_id="call-1"))
    stage.advance(3.1)
    stage.refuse(next(send for send in stage.sends if send.remote == GW_1))
    told = owners(stage)
    assert {call for _, call in told} == {"call-1"}
    assert {name for name, _ in told} == {
        *("DatagramReceived", "DnsAnswered", "TimerFired", "SendFailed")
    }
    found = tallied(stage)
    ours, other = [sansip.SendFailed(1.0, "e", GW_1, "", name) for name in (stage.sends[1].id, "x")]
    assert found.call_of(ours, ()) == "call-1"
    assert found.call_of(other, ()) is None


def test_what_the_program_submits_and_is_handed_is_of_its_call() -> None:
    stage = Stage(sansip.Engine(config()))
    stage.receive(make_request())
    handle = next(
        action.handle
        for actions in stage.actions
        for action in actions
        if isinstance(action, sansip.Deliver)
    )
    response = sansip.Response(200, "OK", ("Call-ID: call-1",))
    found = Tally()
    assert found.call_of(sansip.ResponseSubmitted(1.0, handle, response), ()) == "call-1"
    delivered = sansip.Deliver(handle, "request", make_request(call_id="it"))
    assert found.call_of(sansip.CancelSubmitted(1.0, handle), (delivered,)) == "it"
    assert found.call_of(sansip.CancelSubmitted(1.0, handle), ()) is None
    timer = sansip.Timer("h|call-7 a b", "call", 3)
    assert found.call_of(sansip.TimerFired(1.0, timer), ()) == "call-7"


def test_of_an_endless_journal_little_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tally, "MOST_CALLS", 3)
    monkeypatch.setattr(tally, "MOST_OWNERS", 4)
    found, remote = Tally(), sansip.Address("192.0.2.1", 5060)
    for number in range(9):
        data = make_request(call_id=f"call-{number}").render()
        found.add(0.0, dns_answered(), (sansip.Send(f"1 c|{number}", "e", remote, None, data),))
    assert ", 3 calls or more, " in str(found)

    def of(number: int) -> str | None:
        timer = sansip.Timer(f"c|{number}", "A", 1)
        return found.call_of(sansip.TimerFired(1.0, timer), ())

    assert [of(number) for number in range(9)] == [None] * 5 + [f"call-{n}" for n in (5, 6, 7, 8)]
    found.add(0.0, dns_answered(), (sansip.Send("1 c|x", "e", remote, None, b"\0"),))


def dns_answered() -> sansip.DnsAnswered:
    return sansip.DnsAnswered(1.0, 1, dns.NoName(1.0))
