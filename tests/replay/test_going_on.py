"""A replay begins where its journal begins: in a state, if that goes on from another one."""

import dataclasses

import pytest

import sansip
from journals import head_of, journal_of
from sansip.journal import BODY, CREDENTIALS, JournalError, Named, Writer, read
from sansip.replay import Tally, decisions, replay
from stage import GW_2, Stage, ToGroup, config, make_request, on_stage

TO_GROUP = Named("stage:ToGroup")


def policy_named(_: str) -> sansip.Policy:
    return ToGroup()


@pytest.mark.parametrize("redacted", [(), (*CREDENTIALS, BODY)])
def test_a_journal_that_goes_on_from_a_state_is_run_from_there(redacted: tuple[str, ...]) -> None:
    stage = on_stage(ToGroup())
    secret = [("Proxy-Authorization", 'Digest response="hush"')]
    stage.receive(make_request(headers=secret, body=b"hush"))  # of which gateway 1 says nothing
    stage.step(sansip.Administered(stage.now, sansip.Rekey(b"x" * 32)))
    begun, state, started = len(stage.events), stage.state.freeze(), stage.now
    stage.receive(make_request(branch="z9hG4bK2", call_id="call-2", headers=secret, body=b"hush"))
    stage.advance(3.5)
    stage.respond(200, GW_2)
    stage.advance(40.0)
    head = head_of(stage.engine.config, TO_GROUP, redacted=redacted)
    lines: list[str] = []
    writer = Writer(lines.append, dataclasses.replace(head, started=started, state=state))
    for event, actions in list(zip(stage.events, stage.actions, strict=True))[begun:]:
        writer.event(event, actions)
    tally = Tally()
    assert replay(read(lines), policies=policy_named, tally=tally) is None
    assert tally.events.total() == len(stage.events) - begun
    assert tally.last == 43.5
    assert ("hush" in "".join(lines)) is not bool(redacted)
    assert list(decisions(read(lines), ToGroup(), policies=policy_named)) == []


def test_without_its_seed_a_journal_is_not_run() -> None:
    stage = Stage(sansip.Engine(config()))
    stage.receive(make_request())
    lines = journal_of(stage, None)
    found = read(lines)
    assert replay(found) is None
    bare: list[str] = []
    Writer(bare.append, dataclasses.replace(found.head, seed=b""))
    with pytest.raises(JournalError, match="its seed was left out"):
        replay(read(bare))
