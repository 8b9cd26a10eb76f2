"""A journal can begin with a state: it comes back equal, and goes on as it would have gone on."""

import json
import pickle
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sansip
from elsewhere import differences
from journals import HEAD, POLICY, head_of, objects, written
from line import BOTH, Line, over_tcp
from programs import PROGRAMS, Program, play
from sansip.engine.state import Back
from sansip.journal import BODY, CREDENTIALS, JournalError, Source, Writer, read
from sansip.journal.codec import Codec
from sansip.journal.redaction import Redaction
from sansip.journal.states import States
from sansip.replay import replay
from sansip.table import Table
from stage import (
    CALLER,
    GW_1,
    PROXY,
    SDP,
    SEED,
    Decide,
    Stage,
    ToName,
    config,
    make_request,
    on_stage,
    tables,
)
from wishes import ENGINES
from world import World

engines = st.sampled_from(ENGINES)


def lines_of(
    state: sansip.State, engine: sansip.Engine, *, redacted: Iterable[str] = ()
) -> list[str]:
    lines: list[str] = []
    Writer(lines.append, head_of(engine.config, None, redacted=redacted, state=state))
    return lines


STATES = States(Codec())  # learns once, for that takes long


def there_and_back(state: sansip.State) -> sansip.State:
    return STATES.read(map(json.loads, STATES.lines(state)))


def orders(state: sansip.State) -> list[list[object]]:
    """The keys of all tables, in their order."""
    return [list(table) for table in tables(state).values()]


def histories(world: World, every: int) -> Iterator[tuple[int, sansip.State]]:
    """Every so many steps, the state in which the next event came."""
    state, _ = world.engine.start(SEED, 1000.0)
    for number, event in enumerate(world.events):
        if number % every == 0:
            yield number, state
        if number not in world.wrong:
            state, _ = world.engine.step(state, event)


@given(engines, PROGRAMS, st.integers(7, 40))
def test_a_state_comes_back_equal_and_goes_on_alike(
    engine: sansip.Engine, program: Program, every: int
) -> None:
    world = play(engine, program, prompt=True)
    for number, state in histories(world, every):
        other = there_and_back(state)
        assert other == state
        assert orders(other) == orders(state)
        assert repr(other.freeze()) == repr(state.freeze())
        for at in range(number, min(number + 8, len(world.events))):
            if at not in world.wrong:
                other, actions = engine.step(other, world.events[at])
                assert actions == world.actions[at]


@given(engines, PROGRAMS, st.integers(1, 60), st.sampled_from([(), (*CREDENTIALS, BODY)]))
def test_a_journal_that_goes_on_from_a_state_replays(
    engine: sansip.Engine, program: Program, at: int, redacted: tuple[str, ...]
) -> None:
    world = play(engine, program, prompt=False)
    before = [state for number, state in histories(world, at) if number == at]
    if before:
        lines = going_on(world, before[0], at, redacted)
        assert replay(read(lines), engine) is None


def test_another_process_with_other_hashes_goes_on_alike(tmp_path: Path) -> None:
    stage = on_stage(ToName())
    for number in range(5):
        stage.receive(make_request(branch=f"z9hG4bK{number}", call_id=f"{number}", body=SDP))
    state, at = stage.state.freeze(), len(stage.events)
    stage.respond(180, GW_1)
    stage.advance(3.5)
    stage.respond(200, GW_1)
    lines = going_on(stage, state, at, (BODY,), POLICY)
    assert differences(lines, tmp_path / "run.journal") == []


def going_on(
    stage: Stage,
    state: sansip.State,
    at: int,
    redacted: tuple[str, ...] = (),
    policy: Source | None = None,
) -> list[str]:
    """The journal of a stage from this event on, which came in that state."""
    wrong = stage.wrong if isinstance(stage, World) else ()
    lines: list[str] = []
    head = head_of(stage.engine.config, policy, redacted=redacted, state=state)
    writer = Writer(lines.append, head)
    for number in range(at, len(stage.events)):
        if number not in wrong:
            writer.event(stage.events[number], stage.actions[number])
    return lines


# What is redacted


SECRET = 'Digest username="alice", response="5ec7e7"'
PRIVATE = [("Proxy-Authorization", SECRET), ("Authorization", SECRET)]


def in_pieces(*cuts: int) -> tuple[Line, list[sansip.State]]:
    """A call over a connection, whose INVITE comes in pieces: the state before each step."""
    stage = Line(sansip.Engine(config(endpoints=BOTH), ToName()))
    states = [stage.state]
    stage.on_step = lambda it: states.append(it.state.freeze())
    stage.open()
    data = over_tcp(uri=f"sip:bob@{GW_1}", headers=PRIVATE, body=SDP * 3).render() + b"\r\n\r\n"
    data += over_tcp("OPTIONS", uri=f"sip:bob@{GW_1}", branch="z9hG4bK2", headers=PRIVATE).render()
    for begin, end in pairwise((0, *sorted(cuts), len(data))):
        stage.hear(data[begin:end])
    stage.advance(0.6)
    stage.respond(180, GW_1)
    stage.respond(200, GW_1)
    stage.advance(40.0)
    return stage, states


@given(st.lists(st.integers(1, 1300), min_size=1, max_size=6, unique=True), st.data())
def test_wherever_a_message_was_cut_what_is_left_out_goes_on_to_be(
    cuts: list[int], data: st.DataObject
) -> None:
    stage, states = in_pieces(*cuts)
    at = data.draw(st.integers(0, len(stage.events) - 1))
    lines = going_on(stage, states[at], at, (*CREDENTIALS, BODY))
    assert "5ec7e7" not in "".join(lines)
    assert "IN IP4" not in "".join(lines)
    assert replay(read(lines), stage.engine) is None
    assert replay(read(going_on(stage, states[at], at)), stage.engine) is None


def test_a_body_that_is_not_left_out_stays_whatever_it_looks_like() -> None:
    stage = Line(sansip.Engine(config(endpoints=BOTH), ToName())).open()
    body = b"one\r\nAuthorization: two\r\n\r\nthree\r\nAuthorization: four"
    data = over_tcp(headers=PRIVATE, body=body).render()
    cut = data.index(b"three") + 10
    for begin, end in pairwise((0, data.index(b"one"), data.index(b"two"), cut)):
        stage.hear(data[begin:end])
    text = "".join(lines_of(stage.state, stage.engine, redacted=CREDENTIALS))
    assert "5ec7e7" not in text
    assert "one" in text
    assert "two" in text
    assert "three" in text


def test_the_rest_of_a_body_that_nobody_reads_is_left_out_too() -> None:
    """Of a message that was refused, so much is skipped as it had declared."""
    stage = Line(sansip.Engine(config(endpoints=BOTH), ToName())).open()
    data = over_tcp(body=b"one two three").set("CSeq", "x INVITE").render()
    stage.hear(data[:-5])
    lines = going_on(stage, stage.state, len(stage.events), (BODY,))
    head = head_of(stage.engine.config, None, redacted=[BODY], state=stage.state)
    writer = Writer(lines.append, head)
    lines.clear()
    writer.event(sansip.StreamReceived(stage.now, 1, b"three\r\n\r\nOPTIONS"), ())
    assert '"data":"xxxxx\\r\\n\\r\\nOPTIONS"' in lines[-1]


@pytest.mark.parametrize("method", ["INVITE", "MESSAGE"])
def test_no_credential_and_no_body_is_left_in_any_part_of_a_state(method: str) -> None:
    edits = (("Authorization", SECRET), ("X", None), ("Subject", "kept"))
    decision = sansip.Relay(
        [sansip.Target(f"sip:bob@{GW_1}", 1.0, edits), sansip.Target("sip:gw.example.com", 0.5)]
    )
    stage = Stage(sansip.Engine(config(), Decide(decision)), answer_dns=False)
    stage.receive(make_request(method, headers=PRIVATE, body=SDP))
    stage.respond(503, GW_1, method=method)
    stage.step(
        sansip.RequestSubmitted(
            stage.now, "h", make_request(headers=PRIVATE, body=SDP).remove("Via"), decision
        )
    )
    stage.receive(make_request(method, "sip:local@h", branch="z9hG4bK2", body=SDP))
    whole, redacted = (
        "".join(lines_of(stage.state, stage.engine, redacted=names))
        for names in ((), (*CREDENTIALS, BODY))
    )
    assert "kept" in redacted
    for secret in ("5ec7e7", "IN IP4"):
        assert secret in whole
        assert secret not in redacted
    assert len(whole) >= len(redacted)


def test_what_a_program_wants_edited_is_left_out_too() -> None:
    edits = (("Authorization", SECRET), ("authorization", None), ("Subject", "kept"))
    targets = sansip.Target("sip:a@h", edits=edits), sansip.Target("sip:b", 0.0, edits)
    wanted: list[sansip.Target | str] = [*targets, "sip:c"]
    for to in (targets[0], wanted):
        event = sansip.RequestSubmitted(1.0, "h", make_request(), sansip.Relay(to))
        assert "5ec7e7" in "".join(written(event))
        (*_, line) = written(event, redacted=CREDENTIALS)
        assert "5ec7e7" not in line
        assert "kept" in line


# Seeds, and who goes on


def test_the_head_has_the_seed_of_its_state() -> None:
    stage = on_stage()
    stage.step(sansip.Administered(stage.now, sansip.Rekey(bytes(32))))
    lines = lines_of(stage.state, stage.engine, redacted=[BODY])
    assert read(lines).head.seed == bytes(32)
    (_, _, third, *_) = objects(lines)
    assert third["state"]["seed"] == bytes(32).decode()
    assert bytes.fromhex(objects(lines)[0]["seed"]) == bytes(32)


def test_where_answers_go_from_comes_back() -> None:
    wildcard = sansip.Endpoint("udp", "0.0.0.0:5060", advertise="192.0.2.10:5060")
    stage = on_stage(ToName(), endpoints=[wildcard])
    stage.receive(make_request())
    (record,) = [record for _, record in there_and_back(stage.state).server.items()]
    assert type(record.remote) is Back
    assert record.remote == Back(CALLER.host, CALLER.port, PROXY.host)


# What is written


def test_tables_are_written_in_the_order_in_which_their_keys_came() -> None:
    stage = on_stage()
    for number in (3, 1, 2):
        stage.receive(make_request(branch=f"z9hG4bK{number}", call_id=f"{number}"))
    stage.state, kept = stage.state, stage.state.freeze()
    contents = objects(lines_of(kept, stage.engine))
    keys = [content["key"] for content in contents if content.get("in") == "server"]
    assert keys == list(stage.state.server)
    assert [key.split("|")[1] for key in keys] == ["z9hg4bk3", "z9hg4bk1", "z9hg4bk2"]


def test_the_head_says_how_many_lines_its_state_has() -> None:
    stage = on_stage()
    stage.receive(make_request())
    lines = lines_of(stage.state, stage.engine)
    assert objects(lines)[0]["state"] == len(lines) - HEAD
    assert max(map(len, lines[HEAD:])) < 4000


def test_a_state_may_be_written_by_and_by_and_is_whole_at_the_first_step() -> None:
    """So that nobody waits until all of it has been written."""
    stage = on_stage(ToName())
    for number in range(5):
        stage.receive(make_request(branch=f"z9hG4bK{number}", call_id=f"{number}", body=SDP))
    state, engine = stage.state.freeze(), stage.engine
    at_once = lines_of(state, engine)
    lines: list[str] = []
    head = head_of(engine.config, None, state=state)
    writer = Writer(lines.append, head, by_and_by=True)
    assert lines == at_once[:2]
    assert writer.more(3)
    assert lines == at_once[:5]
    writer.event(sansip.TimerFired(1001.0, sansip.Timer("x", "y", 1)), ())
    assert lines[:-1] == at_once
    assert not writer.more(3)


def test_a_table_within_an_entry_is_redacted_like_all_else() -> None:
    message = make_request(body=SDP).render()
    shown = Redaction([BODY]).entry("some", "key", Table({"a": (message, [message])}))
    assert list(shown) == ["a"]
    inner, (listed,) = shown["a"]
    assert inner == listed
    assert len(inner) == len(message)
    assert SDP not in inner


def test_every_table_is_found_wherever_it_is() -> None:
    """Nobody has made one that is not written."""
    text = "".join(States(Codec()).lines(on_stage().state))
    assert '"watch":{}' in text
    stage = on_stage()
    stage.receive(make_request())
    names = {content["in"] for content in objects(lines_of(stage.state, stage.engine))[HEAD + 1 :]}
    assert names == {"server", "client", "contexts", "cache.entries", "cache.serials", "sources"}


# What is wrong


def damaged(place: int, **parts: object) -> list[str]:
    stage = on_stage()
    stage.receive(make_request())
    lines = lines_of(stage.state, stage.engine)
    lines[place] = json.dumps(json.loads(lines[place]) | parts)
    return lines


@pytest.mark.parametrize(
    ("place", "parts", "reason"),
    [
        (HEAD, {"state": {"serial": 1}}, "line 15: .*'seed'"),
        (HEAD + 1, {"in": "anything"}, "line 4: .*a state has no table 'anything' here"),
        (HEAD + 1, {"in": "sources"}, "line 4: .*may not stand here"),
        (HEAD + 1, {"value": 3}, "line 4: .*3 is no ServerTransaction"),
    ],
)
def test_a_state_that_is_damaged_is_refused(
    place: int, parts: dict[str, object], reason: str
) -> None:
    with pytest.raises(JournalError, match=reason):
        read(damaged(place, **parts))


def test_a_state_that_has_more_than_is_known_is_refused() -> None:
    lines = damaged(HEAD)
    lines[HEAD] = lines[HEAD].replace('"oldest"', '"newest": 3, "oldest"')
    with pytest.raises(JournalError, match="Cache has 'newest', unknown here"):
        read(lines)


def test_an_entry_that_is_there_twice_is_refused() -> None:
    lines = damaged(HEAD)
    lines[0] = json.dumps(json.loads(lines[0]) | {"state": len(lines) - HEAD + 1})
    with pytest.raises(JournalError, match=r"server has 's\|z9hg4bkcaller.*' twice"):
        read([*lines, lines[HEAD + 1]])


def test_a_state_that_was_read_can_be_pickled_like_any_other() -> None:
    stage = on_stage()
    stage.receive(make_request())
    found = there_and_back(stage.state)
    assert pickle.loads(pickle.dumps(found)) == found  # noqa: S301 - our own
