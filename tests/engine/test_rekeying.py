"""Another seed for a running engine: what is going on goes on, and only what is new is drawn anew.

So a journal that is closed, and with it its seed, tells nobody what will be drawn later.
"""

import json
import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sansip
from programs import PROGRAMS, Program, play
from sansip.journal.codec import Codec
from sansip.message import ack, cancel
from stage import (
    CALLER,
    GW_1,
    GW_2,
    SEED,
    Decide,
    Stage,
    ToName,
    config,
    in_use,
    make_request,
    on_stage,
)
from wishes import ENGINES

OTHER = b"another seed, as good as the one"
ANOTHER = bytes(range(64))
ADDRESS = f"sip:bob@{GW_1}"


def rekey(stage: Stage, seed: bytes = OTHER) -> None:
    assert stage.step(sansip.Administered(stage.now, sansip.Rekey(seed))) == ()


def branch_of(stage: Stage, method: str = "INVITE") -> str | None:
    return stage.at(GW_1, method)[-1].via.branch


# What it does


def test_what_is_drawn_later_is_drawn_from_the_new_seed() -> None:
    stage, other = on_stage(), on_stage()
    other.state, _ = other.engine.start(OTHER, other.now)
    rekey(stage)
    for each in (stage, other):
        each.receive(make_request("OPTIONS", ADDRESS))
    unique = [(branch_of(each, "OPTIONS") or "").partition(".")[0] for each in (stage, other)]
    assert unique[0] == unique[1]
    assert stage.state.seed == OTHER
    assert stage.state.secret == SEED
    assert other.state.secret == OTHER


@pytest.mark.parametrize("size", [0, 15, 65])
def test_a_seed_needs_to_be_one(size: int) -> None:
    stage = on_stage()
    before = stage.state.freeze()
    with pytest.raises(sansip.LocalProtocolError, match=f"seed has {size} bytes; it needs 16"):
        stage.step(sansip.Administered(stage.now, sansip.Rekey(bytes(size))))
    assert stage.state == before


@pytest.mark.parametrize("size", [16, 64])
def test_a_seed_may_be_short_or_long(size: int) -> None:
    stage = on_stage()
    rekey(stage, bytes(size))
    assert stage.state.seed == bytes(size)


def test_a_secret_of_the_configuration_stays_too() -> None:
    stage = on_stage(secret=b"sixteen bytes ok")
    rekey(stage)
    assert stage.state.secret == b"sixteen bytes ok"


# What is going on goes on: before each of its messages, the seed changes


def call(change: Callable[[Stage], None]) -> Stage:
    """A call that fails over, rings, is taken, and ends within its dialog."""
    stage = on_stage()
    change(stage)
    stage.receive(make_request(uri="sip:bob@gw.example.com"))
    change(stage)
    stage.advance(0.6)  # sent again
    change(stage)
    stage.respond(503, GW_1)
    change(stage)
    stage.respond(180, GW_2)
    change(stage)
    stage.respond(200, GW_2, headers=tuple(map(record_route, stage.at(GW_2, "INVITE"))))
    change(stage)
    stage.respond(200, GW_2)  # sent again
    answer = stage.responses()[-1]
    routes = [("Route", route) for route in reversed(answer.values("record-route"))]
    for method in ("ACK", "ACK", "BYE"):
        change(stage)
        number = 2 if method == "BYE" else 1
        stage.receive(
            make_request(
                method, f"sip:bob@{GW_2}", branch=f"z9hG4bK{method}", cseq=number, to_tag="gw",
                headers=routes,
            )
        )  # fmt: skip
    change(stage)
    stage.respond(200, GW_2, method="BYE")
    change(stage)
    stage.advance(3600.0)
    return stage


def record_route(request: sansip.Request) -> tuple[str, str]:
    return "Record-Route", request.values("record-route")[0]


def seeds() -> Callable[[Stage], None]:
    """Another seed each time."""
    left = [bytes([number]) * 32 for number in range(100)]

    def change(stage: Stage) -> None:
        rekey(stage, left.pop())

    return change


def test_a_call_goes_on_from_its_first_message_to_its_last() -> None:
    plain, changed = call(lambda _: None), call(seeds())
    for stage in (plain, changed):
        assert stage.statuses() == [100, 180, 200, 200]
        assert stage.statuses(method="BYE") == [200]
        assert len(stage.at(GW_1, "INVITE")) == 2
        assert len(stage.at(GW_1, "ACK")) == 1
        assert len(stage.at(GW_2, "INVITE")) == 1
        assert len(stage.at(GW_2, "ACK")) == 2
        assert stage.is_empty()
    for gateway, method in ((GW_1, "INVITE"), (GW_1, "ACK"), (GW_2, "ACK")):
        assert len({each.via.branch for each in changed.at(gateway, method)}) == 1
    assert changed.at(GW_1, "ACK")[0].via.branch == changed.at(GW_1, "INVITE")[0].via.branch


@pytest.mark.parametrize("body", [b"", b"x" * 1300], ids=["small", "large"])
def test_a_cancel_goes_where_its_invite_went_and_by_its_branch(body: bytes) -> None:
    """A large one would have gone over TCP: its key has to be found among two."""
    stage = on_stage()
    request = make_request(uri=ADDRESS, body=body)
    stage.receive(request)
    stage.respond(180, GW_1)
    rekey(stage)
    stage.receive(cancel(request))
    assert branch_of(stage, "CANCEL") == branch_of(stage, "INVITE")
    rekey(stage, ANOTHER)
    stage.respond(200, GW_1, method="CANCEL")
    stage.respond(487, GW_1)
    assert stage.statuses() == [100, 180, 487]
    assert stage.statuses(method="CANCEL") == [200]
    stage.advance(3600.0)
    assert stage.is_empty()


def test_a_cancel_that_waits_for_the_first_provisional_goes_too() -> None:
    stage = on_stage()
    request = make_request(uri=ADDRESS)
    stage.receive(request)
    stage.receive(cancel(request))
    rekey(stage)
    stage.respond(100, GW_1)
    assert branch_of(stage, "CANCEL") == branch_of(stage, "INVITE")


@pytest.mark.parametrize("status", [404, 503])
def test_the_acknowledgement_of_a_refusal_without_a_transaction_is_known(status: int) -> None:
    """What is not known would be relayed, or reported as one that is not."""
    stage = on_stage(Decide(sansip.Reply(status)))
    request = make_request(uri=ADDRESS)
    stage.receive(request)
    (refusal,) = stage.responses()
    rekey(stage)
    stage.receive(request)  # a copy
    assert stage.responses()[1].to_tag == refusal.to_tag
    rekey(stage, ANOTHER)
    stage.receive(ack(request, refusal))
    assert stage.reports == []
    assert not stage.at(GW_1, "ACK")


def test_all_responses_to_what_is_delivered_have_one_tag() -> None:
    stage = on_stage(Decide(sansip.Local()))
    request = make_request()
    stage.receive(request)
    handle = stage.delivered[0].handle
    for status in (180, 183, 200):
        rekey(stage, bytes([status - 100]) * 16)
        response = sansip.reply(request, status)
        stage.step(sansip.ResponseSubmitted(stage.now, handle, response))
    rekey(stage)
    stage.advance(1.0)
    assert len({response.to_tag for response in stage.responses()[1:]}) == 1
    answer = stage.responses()[-1]
    stage.receive(ack(request, answer).with_top_via(f"SIP/2.0/UDP {CALLER};branch=z9hG4bKack"))
    assert [deliver.kind for deliver in stage.delivered] == ["request", "ack", "end"]


def test_the_answer_to_a_cancel_has_the_tag_of_the_invites() -> None:
    stage = on_stage(Decide(sansip.Local()))
    request = make_request()
    stage.receive(request)
    made = sansip.reply(request, 180)
    stage.step(sansip.ResponseSubmitted(stage.now, stage.delivered[0].handle, made))
    rekey(stage)
    stage.receive(cancel(request))
    tags = {each.to_tag for each in (stage.responses()[-1], *stage.responses(method="CANCEL"))}
    assert len(tags) == 1


def test_a_loop_is_found_whose_first_turn_was_before() -> None:
    stage = on_stage()
    stage.receive(make_request("OPTIONS", ADDRESS))
    (sent,) = stage.at(GW_1, "OPTIONS")
    rekey(stage)
    back = "SIP/2.0/UDP 203.0.113.1;branch=z9hG4bKback"
    stage.receive(sent.prepend("Via", back).remove("Record-Route"))
    assert stage.statuses(method="OPTIONS") == [482]


class Drawing(sansip.Policy):
    """It draws by the same label before it asks and when it is told."""

    def __init__(self) -> None:
        self.drawn: list[float] = []

    def route(self, request: sansip.Request, scene: sansip.Scene) -> sansip.Decision:
        return self.told(request, scene, None)

    def told(self, request: sansip.Request, scene: sansip.Scene, answer: object) -> sansip.Decision:
        self.drawn.append(scene.draw("which"))
        return sansip.Reply(404) if len(self.drawn) == 3 else sansip.Ask("who", "told")


def test_a_policy_draws_alike_as_long_as_it_decides_about_a_request() -> None:
    policy = Drawing()
    stage = on_stage(policy)
    stage.receive(make_request())
    for seed in (OTHER, ANOTHER):
        rekey(stage, seed)
        stage.step(sansip.Consulted(stage.now, stage.consults[-1].question, "alice"))
    assert len(policy.drawn) == 3
    assert len(set(policy.drawn)) == 1
    assert stage.statuses() == [100, 404]


def test_a_request_of_the_programs_own_goes_on() -> None:
    stage = on_stage()
    request = make_request(uri="sip:bob@gw.example.com").remove("Via")
    stage.step(sansip.RequestSubmitted(stage.now, "mine", request))
    for change in seeds(), seeds():
        change(stage)
        stage.advance(3.0)
    rekey(stage)
    stage.respond(180, GW_2)
    stage.step(sansip.CancelSubmitted(stage.now, "mine"))
    assert stage.at(GW_2, "CANCEL")[0].via.branch == stage.at(GW_2, "INVITE")[0].via.branch
    stage.advance(3600.0)
    assert stage.is_empty()


def test_two_acks_of_the_programs_own_have_branches_of_their_own_after_a_restart() -> None:
    """Their numbers begin anew, and a secret may be the same: the seed is not."""
    found: set[str | None] = set()
    for seed in (SEED, OTHER):
        stage = on_stage(secret=b"sixteen bytes ok")
        stage.state, _ = stage.engine.start(seed, stage.now)
        made = make_request("ACK", ADDRESS, to_tag="gw").remove("Via")
        stage.step(sansip.AckSubmitted(stage.now, made))
        found.add(branch_of(stage, "ACK"))
    assert len(found) == 2


def test_the_copy_of_a_relayed_ack_has_the_same_branch() -> None:
    stage = Stage(sansip.Engine(config(), ToName()), answer_dns=False)
    made = make_request("ACK", ADDRESS, branch="z9hG4bKack", to_tag="gw")
    stage.receive(made)
    rekey(stage)
    stage.receive(made)
    assert len({each.via.branch for each in stage.at(GW_1, "ACK")}) == 1


# Whatever happens, whenever the seed changes

DRAWN = re.compile(r"(?<![0-9a-fA-F])[0-9a-fA-F]{16}(?![0-9a-fA-F])")


class Renamed:
    """What was drawn before, and what is drawn in its place since the seed has changed."""

    def __init__(self) -> None:
        self._codec = Codec()
        self._known: set[str] = set()
        self._names: dict[str, str] = {}

    def text(self, thing: object) -> str:
        return self._codec.text(thing)

    def knows(self, text: str) -> None:
        self._known.update(DRAWN.findall(text))

    def event(self, event: sansip.Event) -> sansip.Event:
        renamed: sansip.Event = self._codec.read(json.loads(self.now(self.text(event))))
        return renamed

    def now(self, text: str) -> str:
        return DRAWN.sub(self._now, text)

    def _now(self, found: re.Match[str]) -> str:
        name = found[0]
        if name.isupper():  # a branch that came back in capitals
            return self._names.get(name.lower(), name).upper()
        return self._names.get(name, name)

    def learn(self, before: str, after: str) -> None:
        """Only what was not known when the seed changed is drawn anew, and each name once."""
        for old, new in zip(DRAWN.findall(before), DRAWN.findall(after), strict=True):
            if old != new:
                assert old not in self._known
                assert self._names.setdefault(old, new) == new


@given(
    engine=st.sampled_from(ENGINES), program=PROGRAMS, at=st.integers(0, 120), prompt=st.booleans()
)
def test_whenever_the_seed_changes_the_same_happens(
    *, engine: sansip.Engine, program: Program, at: int, prompt: bool
) -> None:
    """All that is ordered is the same but for the names that are drawn later."""
    world = play(engine, program, prompt=prompt)
    renamed = Renamed()
    state, _ = engine.start(SEED, 1000.0)
    for number, event in enumerate(world.events):
        if number in world.wrong:
            continue
        if number == at:
            rekeyed = sansip.Administered(event.at, sansip.Rekey(OTHER))
            state, actions = engine.step(state, rekeyed)
            assert actions == ()
        if number < at:
            renamed.knows(renamed.text(event))
        recorded = world.actions[number]
        state, actions = engine.step(state, renamed.event(event))
        assert len(actions) == len(recorded)
        for one, other in zip(recorded, actions, strict=True):
            before, after = renamed.text(one), renamed.text(other)
            if number < at:
                renamed.knows(before)
            renamed.learn(before, after)
            assert renamed.now(before) == after
    assert in_use(state) == in_use(world.state)
