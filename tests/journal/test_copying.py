"""A copy of a journal that may be shown: with less in it, and with or without its keys."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

import sansip
from journals import head_of, journal_of, objects
from sansip.journal import BODY, CREDENTIALS, Source, Swap, Toml, Writer, copy, read
from sansip.replay import replay
from stage import GW_1, SDP, Stage, ToName, config, make_request, on_stage

SECRET = b"a secret of this configuration"
TEXTS = (
    'secret = "5ec7e7 5ec7e7 5ec7e7"\n',
    "  secret='5ec7e7 5ec7e7 5ec7e7' # a remark\n",
    '"secret" = "5ec7e7 5ec7e7 5ec7e7"\n',
)


def a_call() -> Stage:
    stage = on_stage(secret=SECRET)
    stage.receive(make_request(headers=[("Authorization", "Digest 5ec7e7")], body=SDP))
    stage.respond(200, GW_1)
    return stage


def copied(lines: Iterable[str], *names: str, keys: bool = True) -> list[str]:
    found: list[str] = []
    copy(read(lines), found.append, names, keys=keys)
    return found


def test_a_copy_from_which_nothing_is_left_out_is_the_journal() -> None:
    lines = journal_of(a_call())
    assert copied(lines) == lines


def test_a_copy_is_what_would_have_been_written() -> None:
    stage = a_call()
    redacted = journal_of(stage, redacted=[*CREDENTIALS, BODY])
    assert copied(journal_of(stage), BODY, *CREDENTIALS) == redacted
    assert copied(copied(journal_of(stage), BODY), *CREDENTIALS) == redacted
    assert copied(redacted) == redacted


def test_it_goes_on_from_the_same_state_and_with_the_same_engines() -> None:
    stage = a_call()
    lines: list[str] = []
    writer = Writer(lines.append, head_of(config(), state=stage.state.freeze()))
    writer.swap(config(secret=SECRET), None)
    assert copied(lines) == lines
    engine = sansip.Engine(config(), ToName())
    state = read(copied(lines, *CREDENTIALS)).head.state
    assert state is not None
    assert state.secret == SECRET
    assert replay(read(copied(lines, BODY)), engine) is None


@pytest.mark.parametrize("text", TEXTS)
def test_without_keys_there_is_neither_seed_nor_secret_nor_state(text: str) -> None:
    stage = a_call()
    head = head_of(stage.engine.config, Toml(text), state=stage.state)
    lines: list[str] = []
    writer = Writer(lines.append, replace(head, clock=17.0))
    other = Toml(f"{text}# more")
    writer.swap(stage.engine.config, other)
    writer.event(sansip.Administered(stage.now, sansip.Rekey(SECRET)), ())
    writer.event(sansip.Administered(stage.now, sansip.FlushCache()), ())
    shown = copied(lines, *CREDENTIALS, keys=False)
    assert "5ec7e7" not in "".join(shown)
    assert SECRET.decode() not in "".join(shown)
    first, second, *_ = objects(shown)
    assert (first["seed"], first["state"], first["clock"]) == ("", 0, 17.0)
    assert second["config"]["secret"] is None
    swap, rekey, flush = read(shown)
    assert isinstance(swap, Swap)
    assert swap.config.secret is None
    assert swap.policy is not None
    assert not isinstance(rekey, Swap)
    assert rekey.event == sansip.Administered(stage.now, sansip.Rekey(bytes(len(SECRET))))
    assert not isinstance(flush, Swap)
    assert flush.event == sansip.Administered(stage.now, sansip.FlushCache())


@pytest.mark.parametrize("policy", [None, Toml('listen = ["udp:192.0.2.10:5060"]\n')])
def test_a_policy_without_a_secret_stays_as_it_is(policy: Source | None) -> None:
    journal = read(copied(journal_of(a_call(), policy), keys=False))
    assert journal.head.policy == policy
