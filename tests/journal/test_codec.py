"""All that an engine hears, orders and is told comes back from a journal equal, and of its type."""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sansip
from journals import head_of, objects, steps, written
from sansip import dns
from sansip.journal import CodecError, Opaque, Writer, read
from sansip.journal.codec import Codec
from sansip.testing import messages, requests, responses

ADDRESS = sansip.Address("2001:db8::1", 5060)
TIMER = sansip.Timer("c|z9hG4bK1|INVITE", "A", 7)
WRONG: Any = 3j
ODD = 'caf\u00e9 \U0001f600 \x00 \udcff \u2028 "\\'
REQUEST = sansip.Request("INVITE", "sip:bob@h", ("Via: SIP/2.0/UDP h", f"Subject: {ODD}"), b"\xff")
RESPONSE = sansip.Response(200, "", (), b"")
GROUP = sansip.Group(
    ("sip:gw-1.example.com", sansip.Member("sip:gw-2.example.com", attrs=(("a", "b"),))),
    sansip.Probing(10.0, alive_on=(404,)),
    sansip.Thresholds(3),
)
EVENTS: tuple[sansip.Event, ...] = (
    sansip.DatagramReceived(1.5, "udp:192.0.2.1:5060", ADDRESS, ADDRESS, b"OPTIONS caf\xc3\xa9"),
    sansip.DatagramReceived(2, "udp:192.0.2.1:5060", ADDRESS, ADDRESS, b"\xc3"),
    sansip.FlowOpened(0.1 + 0.2, 1, "tls:[::1]:5061", ADDRESS, ADDRESS, ("a.example", "192.0.2.1")),
    sansip.StreamReceived(1e10, -1, b""),
    sansip.FlowClosed(-0.0, 5, ODD),
    sansip.SendFailed(1.0, "udp:192.0.2.1:5060", ADDRESS, "ICMP", None, b"\x00"),
    sansip.SendFailed(1.0, "udp:192.0.2.1:5060", ADDRESS, "refused", "17 c|x", b"x"),
    sansip.TimerFired(1.0, TIMER),
    *[
        sansip.DnsAnswered(1.0, 3, answer)
        for answer in (
            dns.Found((dns.Ip("192.0.2.1"), dns.Ip("192.0.2.2")), 60.0),
            dns.Found((dns.Srv(1, 2, 3, ""),), 0.0),
            dns.Found((dns.Naptr(1, 2, "s", "SIP+D2U", "", "x"),), math.inf),
            dns.NoRecords(5.0),
            dns.NoName(5.0),
            dns.Failure("time-out"),
        )
    ],
    sansip.Consulted(1.0, "q", {"user": ("a", b"b")}),
    sansip.RequestSubmitted(1.0, "h", REQUEST),
    sansip.RequestSubmitted(1.0, "h", REQUEST, sansip.Relay(sansip.parse_uri("sip:bob@h"))),
    sansip.RequestSubmitted(
        1.0, "h", REQUEST, sansip.Relay([sansip.Target("sip:a", 0.5, (("X", None),)), "sip:b"])
    ),
    sansip.RequestSubmitted(
        1.0, "h", REQUEST, sansip.Relay(sansip.Dispatch("g", 4), None, failover_on=(500, 503))
    ),
    sansip.ResponseSubmitted(1.0, "h", RESPONSE),
    sansip.AckSubmitted(1.0, REQUEST),
    sansip.CancelSubmitted(1.0, "h"),
    *[
        sansip.Administered(1.0, order)
        for order in (
            sansip.Drain("g", "sip:a"),
            sansip.Enable("g", "sip:a"),
            sansip.FlushCache(),
            sansip.Quiesce(10),
            sansip.ReplaceGroups((("g", GROUP), ("h", ("sip:a", sansip.Member("sip:b"))))),
            sansip.ReplaceGroups({"g": ["sip:a", sansip.Member("sip:b")], "h": GROUP}),
        )
    ],
)
ACTIONS: tuple[sansip.Action, ...] = (
    sansip.Send("1 c|x", "udp:192.0.2.1:5060", ADDRESS, None, b"\xff\x00", None),
    sansip.Send("1 c|x", "udp:192.0.2.1:5060", ADDRESS, -3, b"INVITE", "192.0.2.1"),
    sansip.OpenFlow(-1, "tls:[::1]:5061", "tls", ADDRESS, "example.com"),
    sansip.CloseFlow(-1),
    sansip.StartTimer(TIMER, 0.5),
    sansip.StopTimer(TIMER),
    sansip.QueryDns(3, "example.com", "SRV"),
    sansip.StopDns(3),
    sansip.Consult("q", ("a", b"b", {"c": 1.5}), 3.0),
    sansip.Deliver("h", "request", REQUEST),
    sansip.Deliver("h", "response", RESPONSE),
    sansip.Deliver("h", "end", None),
    sansip.Report("dropped", "about", ODD),
)
PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
    | st.sampled_from([ADDRESS, REQUEST, RESPONSE, GROUP, sansip.Drop(), dns.NoName(5.0)]),
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(st.text() | st.integers() | st.tuples(st.text()), inner)
        | st.frozensets(st.text() | st.integers())
        | st.sets(st.binary())
    ),
    max_leaves=8,
)


def same(one: object, other: object) -> bool:
    """Whether these are equal, and of the same types all the way down."""
    return one == other and repr(one) == repr(other) and type(one) is type(other)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_every_event_comes_back_as_it_was(event: sansip.Event) -> None:
    (step,) = steps(written(event))
    assert step.number == 1
    assert same(step.event, event)


def test_every_action_comes_back_as_it_was() -> None:
    (step,) = steps(written(EVENTS[0], actions=ACTIONS))
    for action, before in zip(step.actions, ACTIONS, strict=True):
        assert same(action, before)


def test_no_event_and_no_action_is_left_out_above() -> None:
    assert {type(event) for event in EVENTS} == set(get_args(sansip.Event))
    assert {type(action) for action in ACTIONS} == set(get_args(sansip.Action))


@given(messages())
def test_every_message_comes_back_as_it_was(message: sansip.Request | sansip.Response) -> None:
    (step,) = steps(written(EVENTS[0], actions=(sansip.Deliver("h", "request", message),)))
    (deliver,) = step.actions
    assert isinstance(deliver, sansip.Deliver)
    assert deliver.message is not None
    assert same(deliver.message.render(), message.render())
    assert same(deliver.message, message)


@given(st.binary())
def test_all_bytes_come_back(data: bytes) -> None:
    (step,) = steps(written(sansip.StreamReceived(1.0, 1, data)))
    assert same(step.event, sansip.StreamReceived(1.0, 1, data))


@given(PLAIN)
def test_what_a_policy_may_ask_and_be_told_comes_back(data: object) -> None:
    consult = sansip.Consult("q", data, 1.0)
    (step,) = steps(written(sansip.Consulted(1.0, "q", data), actions=(consult,)))
    assert step.event == sansip.Consulted(1.0, "q", data)
    assert step.actions == (consult,)
    (again,) = steps(written(step.event, actions=step.actions))
    assert repr(again) == repr(step)


def test_sets_are_written_in_an_order_that_no_hash_decides() -> None:
    names = frozenset(map(str, range(50)))
    (*_, line) = written(sansip.Consulted(1.0, "q", names))
    (content,) = objects([line])
    assert content["event"]["answer"]["of"] == sorted(names)


def test_mappings_come_back_as_dicts() -> None:
    data: Mapping[str, int] = MappingProxyType({"a": 1})
    (step,) = steps(written(sansip.Consulted(1.0, "q", data)))
    assert step.event == sansip.Consulted(1.0, "q", {"a": 1})


class Row:
    """Of the embedding program."""


def test_what_is_of_a_class_that_nobody_knows_is_named_only() -> None:
    answer = [Row(), 2]
    (step,) = steps(written(sansip.Consulted(1.0, "q", answer)))
    assert step.event == sansip.Consulted(1.0, "q", [Opaque(f"{__name__}.Row"), 2])
    (again,) = steps(written(step.event))
    assert again == step


def test_an_iterator_is_of_no_use_to_a_journal() -> None:
    groups: Any = {"g": iter(["sip:a"])}
    (step,) = steps(written(sansip.Administered(1.0, sansip.ReplaceGroups(groups))))
    assert isinstance(step.event, sansip.Administered)
    assert step.event.order == sansip.ReplaceGroups({"g": Opaque("builtins.list_iterator")})  # type: ignore[dict-item]  # pyright: ignore[reportArgumentType]


# Configurations

CONFIGS = {
    "least": sansip.Config([sansip.Endpoint("udp", "192.0.2.10:5060")]),
    "most": sansip.Config(
        [
            sansip.Endpoint("udp", "0.0.0.0:5060", advertise="proxy.example.com:5070"),
            sansip.Endpoint("tcp", "[::]:0", advertise="[2001:db8::10]:5060"),
            sansip.Endpoint("tls", "[0:0::1]:5061"),
        ],
        groups={"one": GROUP, "two": ["sip:a.example.com;transport=tcp"]},
        aliases=["sip.example.com", "192.0.2.77:5090"],
        allow_hops=["127.0.0.0/8", "224.0.0.0/4", "::1/128"],
        extensions=["100rel"],
        timing=sansip.Timing(0.25, 2.0, 2.5),
        limits=sansip.Limits(
            message=sansip.MessageLimits(1000, 20, 80, 4), branches=3, resolve=math.inf
        ),
        secret=bytes(range(100, 132)),
        compact_above=1300,
        tcp_above=None,
        follow_maddr=True,
        follow_sent_by=False,
    ),
}


def slots(thing: object) -> object:
    """All that there is in a configuration, to the last slot."""
    if isinstance(thing, sansip.Config | sansip.Endpoint):
        return {name: slots(getattr(thing, name)) for name in type(thing).__slots__}
    if isinstance(thing, dict):
        return [(name, slots(it)) for name, it in thing.items()]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(thing, tuple):
        return [type(thing), *map(slots, thing)]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return thing


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_a_configuration_comes_back_to_the_last_slot(config: sansip.Config) -> None:
    lines: list[str] = []
    Writer(lines.append, head_of(config))
    assert slots(read(lines).head.config) == slots(config)


def test_the_larger_configuration_leaves_nothing_as_it_is_by_default() -> None:
    """So that a parameter that somebody adds is tried above."""
    least, most = (objects(written_head(config))[1]["config"] for config in CONFIGS.values())
    assert {name for name, setting in least.items() if setting == most[name]} == set()


def written_head(config: sansip.Config) -> list[str]:
    lines: list[str] = []
    Writer(lines.append, head_of(config))
    return lines


# What is wrong


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ([], r"\[\] is no object that says what it is"),
        ({"at": 1.0}, "is no value that may stand here"),
        ({"is": "State"}, "is no value that may stand here"),
        ({"is": "StopDns"}, "^StopDns lacks 'query'$"),
        ({"is": "StopDns", "query": 1, "size": 2}, "^StopDns has 'size', unknown here$"),
        ({"is": "StopDns", "query": "1"}, "^'1' may not stand here$"),
        ({"is": "StopDns", "query": True}, "^True may not stand here$"),
        ({"is": "CancelSubmitted", "at": 1, "handle": None}, "^None may not stand here$"),
        ({"is": "TimerFired", "at": 1.0, "timer": 3}, "^3 is no Timer$"),
        ({"is": "StopDns", "x": "x" * 100}, "^StopDns lacks 'query', has 'x', unknown here$"),
        ({"is": "y" * 100}, r"y\.\.\. is no value that may stand here"),
        (
            {"is": "DnsAnswered", "at": 1.0, "query": 1, "answer": {"is": "Ip", "address": "::1"}},
            "is no value that may stand here",
        ),
        (
            {"is": "FlowOpened", "at": 1.0, "flow": 1, "endpoint": "e", "names": "ab"}
            | {"local": {"host": "h", "port": 1}, "remote": {"host": "h", "port": 1}},
            "^'ab' is no array$",
        ),
    ],
)
def test_what_is_no_value_is_refused(content: object, reason: str) -> None:
    with pytest.raises(CodecError, match=reason):
        Codec().read(content)


def test_a_class_without_fields_cannot_be_written() -> None:
    with pytest.raises(CodecError, match="no class of values"):
        Codec().text(Row())


@pytest.mark.parametrize(
    ("thing", "reason"),
    [
        (sansip.CancelSubmitted(1.0, WRONG), "has a part of another type"),
        (sansip.CloseFlow(WRONG), "has a part of another type"),
        (sansip.TimerFired(1.0, WRONG), "^3j is no Timer$"),
        (sansip.DnsAnswered(1.0, 1, WRONG), "^3j is none of Found, NoRecords, NoName, Failure$"),
    ],
)
def test_what_has_a_part_that_it_may_not_have_cannot_be_written(thing: object, reason: str) -> None:
    with pytest.raises(CodecError, match=reason):
        Codec().text(thing)


def test_even_numbers_of_another_type_are_numbers() -> None:
    assert Codec().text(sansip.CloseFlow(True)) == '{"is":"CloseFlow","flow":1}'
    assert Codec().text(sansip.StartTimer(TIMER, 1)).endswith('"after":1}')


# By eye and by jq


def test_a_line_can_be_read_by_eye() -> None:
    answered = sansip.DnsAnswered(1000.5, 1, dns.Found((dns.Ip("192.0.2.1"),), 60.0))
    timer = sansip.StartTimer(sansip.Timer("c|x", "A", 2), 0.5)
    (*_, line) = written(answered, actions=(timer,))
    assert line == (
        '{"n":1,"event":{"is":"DnsAnswered","at":1000.5,"query":1,"answer":{"is":"Found",'
        '"records":[{"is":"Ip","address":"192.0.2.1"}],"ttl":60.0}},"actions":[{"is":"StartTimer",'
        '"timer":{"owner":"c|x","name":"A","serial":2},"after":0.5}]}\n'
    )


@given(requests() | responses())
def test_lines_are_ascii_and_end_once(message: sansip.Request | sansip.Response) -> None:
    event = sansip.StreamReceived(1.0, 1, message.render())
    for line in written(event, actions=(sansip.Deliver("h", "request", message),)):
        assert line.isascii()
        assert line.endswith("}\n")
        assert len(line.splitlines()) == 1
