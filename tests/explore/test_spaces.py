"""Where one gets from a configuration: hosts, flights and words."""

from collections.abc import Callable

import sansip
from exploring import ENDPOINT, ONE, AsAsked, engine, to_name, to_one
from sansip.engine.actions import Action, Consult, OpenFlow, QueryDns, StopDns
from sansip.engine.events import Event
from sansip.engine.state import State
from sansip.explore import Call, Faults, Scenario, explore
from sansip.explore.parties import Datagram
from sansip.explore.space import Config, Flight, Space, Step
from sansip.explore.words import words


def follow(space: Space, config: Config, *wanted: str) -> tuple[Config, list[str]]:
    """Let these happen, each told by its beginning; and what may happen then."""
    for text in wanted:
        for way, new, _ in space.ways(config):
            if words(space, config, way).startswith(text):
                config = new
                break
        else:
            raise AssertionError([text, *may(space, config)])
    return config, may(space, config)


def may(space: Space, config: Config) -> list[str]:
    return [words(space, config, way) for way, _, _ in space.ways(config)]


def begun(scenario: Scenario, *, merge: bool = True) -> tuple[Space, Config]:
    space = Space(scenario, merge=merge)
    return space, space.begin(scenario.faults)[1]


def all_words(scenario: Scenario, depth: int) -> set[str]:
    """Say all that can happen up to there."""
    space, first = begun(scenario)
    texts: set[str] = set()
    frontier = {first}
    for _ in range(depth):
        steps: list[tuple[Config, Step]] = [(c, step) for c in frontier for step in space.ways(c)]
        texts |= {words(space, config, step[0]) for config, step in steps}
        frontier = {step[1] for _, step in steps}
    return texts


def test_a_call_in_words() -> None:
    space, config = begun(to_one())
    config, now = follow(space, config, "caller 1 calls", "the engine gets INVITE")
    assert now == [
        "the engine gets 100 Trying (INVITE) from gateway 203.0.113.1:5060",
        "caller 1 cancels",
        "gateway 203.0.113.1:5060 says 200 OK",
        "gateway 203.0.113.1:5060 says 486 Busy Here",
    ]
    config, _ = follow(space, config, "the engine gets 100", "time passes")
    assert any(text.startswith("timer hunt fires") for text in may(space, config))


def test_packets_between_two_places_keep_their_order() -> None:
    space, config = begun(to_one())
    config, now = follow(space, config, "caller 1 calls", "the engine gets INVITE", "gateway")
    assert [text for text in now if "gets" in text] == [
        "the engine gets 100 Trying (INVITE) from gateway 203.0.113.1:5060"
    ]


def test_what_is_late_is_overtaken_and_comes_within_t4() -> None:
    space, config = begun(to_one(Faults(late=1)))
    late = "the engine gets INVITE from caller 1; 100 Trying (INVITE) from gateway"
    config, now = follow(space, config, "caller 1 calls", late, "gateway 203.0.113.1:5060 says 486")
    assert [text for text in now if "gets" in text] == [
        "late, the engine gets 100 Trying (INVITE) from gateway 203.0.113.1:5060",
        "the engine gets 486 Busy Here (INVITE) from gateway 203.0.113.1:5060",
    ]


def test_what_may_go_wrong_in_words() -> None:
    each = Faults(lost=1, late=1, copied=1, unavailable=1, refused=1, silent=1, dns=1, most=1)
    texts = all_words(to_name(each), 7)
    endings = {text.rpartition("; ")[2] for text in texts if "; " in text}
    invite = "INVITE from the engine to gateway 203.0.113.1:5060"
    assert {
        "INVITE from caller 1 to the engine is lost",
        "INVITE from caller 1 to the engine will be late",
        "INVITE from caller 1 to the engine comes twice",
        f"{invite}, which answers 503",
        f"{invite}, which is silent",
        f"{invite}, where nobody is any more",
        f"{invite} comes twice",
        f"{invite} is lost",
        f"{invite} will be late",
        "the question NAPTR gw.example.com fails",
        "the question NAPTR gw.example.com is never answered",
        "the question NAPTR gw.example.com will be late",
    } <= endings
    assert "DNS fails at NAPTR gw.example.com" in texts
    assert "late, DNS answers NAPTR gw.example.com" in texts
    assert "caller 1 says it again" in texts


def test_an_icmp_error_may_be_lost_too() -> None:
    texts = all_words(to_one(Faults(refused=1, lost=1)), 4)
    assert "the engine hears that nobody is at 203.0.113.1:5060" in texts
    assert any(text.endswith("the ICMP error from 203.0.113.1:5060 is lost") for text in texts)


def test_whoever_calls_a_gateway_that_is_gone_by_himself_is_told_nothing() -> None:
    """An ACK that does not go through the proxy."""
    policy = Past()
    scenario = Scenario(
        sansip.Engine(sansip.Config([ENDPOINT]), policy),
        calls=(Call(ONE, cancel=False),),
        gateways={"203.0.113.1": (200,)},
        faults=Faults(refused=1),
    )
    assert explore(scenario).broken is None


class Past(sansip.Policy):
    """Does not stay on the path of the dialog."""

    def route(self, request: sansip.Request, scene: sansip.Scene) -> sansip.Decision:
        return sansip.Relay(request.uri, record_route=False)


def test_a_second_call_is_told_apart() -> None:
    calls = (Call(ONE, cancel=False), Call(ONE, "198.51.100.2:5060", cancel=False))
    space, config = begun(Scenario(engine(), calls=calls))
    for number in ("1", "2"):
        config, _ = follow(space, config, f"caller {number} calls", "the engine gets INVITE")
    assert "gateway 203.0.113.1:5060 says 200 OK to its call 2" in may(space, config)


def test_noise_in_words() -> None:
    space, config = begun(to_one())
    noise = Datagram(space.parties[0].address, next(iter(space.hosts.places)), b"noise")
    config = (*config[:2], (space.flight(Flight(noise)),), config[3])
    assert may(space, config)[0] == "the engine gets something that is no message from caller 1"
    assert follow(space, config, "the engine gets something")[1] == ["caller 1 calls"]


def test_what_goes_where_nobody_is_comes_to_nothing() -> None:
    scenario = Scenario(engine(), calls=(ONE,), gateways={}, faults=Faults(lost=1))
    space, config = begun(scenario)
    _, now = follow(space, config, "caller 1 calls", "the engine gets INVITE")
    assert now == [
        "caller 1 cancels",
        "caller 1 cancels; CANCEL from caller 1 to the engine is lost",
        "time passes",
    ]


# --- what an engine may order besides


class Orders(sansip.Engine):
    """Orders something more with every step, and notes what it hears."""

    __slots__ = ("heard", "order")
    order: Callable[[Event], tuple[Action, ...]]
    heard: list[Event]

    def step(self, state: State, event: Event) -> tuple[State, tuple[Action, ...]]:
        self.heard.append(event)
        after, actions = super().step(state, event)
        return after, (*actions, *self.order(event))


def heard(order: Callable[[Event], tuple[Action, ...]]) -> tuple[list[Event], Space, Config]:
    made = Orders(sansip.Config([ENDPOINT]), AsAsked())
    made.order, made.heard = order, []
    scenario = Scenario(made, calls=(ONE,), gateways={"203.0.113.1": (486,)})
    space, config = begun(scenario)
    made.heard.clear()
    config, _ = follow(space, config, "caller 1 calls", "the engine gets INVITE")
    return made.heard, space, config


def test_nobody_is_there_to_be_connected_to() -> None:
    def order(event: Event) -> tuple[Action, ...]:
        remote = sansip.Address("203.0.113.1", 5060)
        wanted = isinstance(event, sansip.DatagramReceived)
        return (OpenFlow(-3, ENDPOINT.name, "tcp", remote, None),) if wanted else ()

    events, _, _ = heard(order)
    assert sansip.FlowClosed(0.0, -3, "connection refused") in events


def test_nobody_is_there_to_be_asked() -> None:
    def order(event: Event) -> tuple[Action, ...]:
        wanted = isinstance(event, sansip.DatagramReceived)
        return (Consult("q", None, 5.0),) if wanted else ()

    events, _, _ = heard(order)
    assert sansip.Consulted(0.0, "q", None) in events


def test_orders_about_what_is_not_there_do_no_harm() -> None:
    def order(_: Event) -> tuple[Action, ...]:
        remote = sansip.Address("203.0.113.1", 5060)
        noise = sansip.Send("1 n", ENDPOINT.name, remote, None, b"noise")
        return (sansip.StopTimer(sansip.Timer("nobody", "A", 1)), noise)

    _, space, config = heard(order)
    assert not space.is_over(config)


def test_a_question_that_is_stopped_is_not_answered() -> None:
    def order(event: Event) -> tuple[Action, ...]:
        first = isinstance(event, sansip.DatagramReceived) and event.data.startswith(b"INVITE")
        return (QueryDns(99, "b.example.com", "A"), StopDns(99)) if first else ()

    _, space, config = heard(order)
    assert "DNS answers A b.example.com" not in may(space, config)


def test_answers_to_what_the_caller_has_cancelled_are_dropped() -> None:
    space, config = begun(to_name())
    start = ("caller 1 calls", "the engine gets INVITE")
    config, now = follow(space, config, *start, "caller 1 cancels")
    assert "DNS answers NAPTR gw.example.com" in now
    config, now = follow(space, config, "the engine gets CANCEL")
    assert not any(text.startswith("DNS") for text in now)
