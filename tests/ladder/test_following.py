"""Which steps have to do with a call: its messages, and what they have led to."""

import time

import sansip
from journals import always
from line import BOTH, Line, over_tcp
from sansip.ladder.following import Call, Calls
from stage import (
    CALLER,
    GW_1,
    GW_2,
    PROXY,
    Decide,
    Stage,
    ToGroup,
    ToName,
    config,
    make_request,
    on_stage,
)

ADDRESS = sansip.Address("192.0.2.9", 5060)


def of_call(stage: Stage, call_id: str) -> list[str]:
    """The kinds of events that have to do with a call."""
    call = Call(call_id)
    steps = zip(stage.events, stage.actions, strict=True)
    return [type(event).__name__ for event, actions in steps if call.has(event, actions)]


def two_calls(**options: object) -> Stage:
    """Two calls at once; of the second, everything happens a little later."""
    stage = on_stage(ToGroup(**options))
    for name in ("one", "two"):
        stage.receive(make_request(branch=f"z9hG4bK{name}", call_id=name))
        stage.advance(0.1)
    return stage


def test_of_two_calls_each_has_its_own_steps() -> None:
    stage = two_calls()
    stage.respond(200, GW_1, nth=0)
    stage.respond(200, GW_1, nth=1)
    stage.advance(40.0)
    fired = [event for event in stage.events if isinstance(event, sansip.TimerFired)]
    one, two = of_call(stage, "one"), of_call(stage, "two")
    assert one[:2] == ["DatagramReceived", "DnsAnswered"]
    assert two[0] == "DatagramReceived"  # what is asked has been answered
    assert one.count("DatagramReceived") == two.count("DatagramReceived") == 2
    assert one.count("TimerFired") + two.count("TimerFired") == len(fired)
    assert of_call(stage, "nobody") == []
    assert of_call(stage, "on") == of_call(stage, "ne") == []


def test_timers_that_repeat_and_move_on_are_the_calls() -> None:
    stage = two_calls()
    stage.advance(4.0)
    assert stage.at(GW_2, "INVITE")
    assert of_call(stage, "two").count("TimerFired") >= 4


def test_a_name_that_does_not_end_takes_no_time() -> None:
    blank = b" \t" * 30_000
    for row in (b"Call-ID: a" + blank + b"b", b"Call-ID" + blank, b"i:" + blank):
        data = b"BYE sip:h SIP/2.0\r\n" + row + b"\r\ni: c \r\n\r\n"
        begun = time.process_time()
        *_, last = Calls().in_bytes(data)
        assert last == "c"
        assert time.process_time() - begun < 1.0


def test_compact_names_and_other_spellings_are_read_too() -> None:
    call = Call("a.b@h")
    for row in (b"i: a.b@h", b"CALL-ID:a.b@h", b"Call-ID \t:  a.b@h \t"):
        event = sansip.StreamReceived(1.0, 1, b"BYE sip:h SIP/2.0\r\n" + row + b"\r\n\r\n")
        assert call.has(event, ())
    for row in (b"i: a.b@hx", b"Call-ID: axb@h", b"Call-ID: A.B@h", b"X-Call-ID: a.b@h"):
        event = sansip.StreamReceived(1.0, 1, b"BYE sip:h SIP/2.0\r\n" + row + b"\r\n\r\n")
        assert not call.has(event, ())


def test_errors_of_its_sends_are_the_calls() -> None:
    stage = two_calls()
    one, two = [s for s in stage.sends if s.remote == GW_1]
    stage.refuse(one)
    stage.icmp(GW_1, two.data)
    stage.icmp(GW_1, b"")
    for name in ("one", "two"):
        assert of_call(stage, name).count("SendFailed") == 1


def test_connections_that_it_has_opened_are_the_calls() -> None:
    line = Line(sansip.Engine(config(endpoints=BOTH), ToName()), answer_dns=False)
    line.receive(make_request(uri=f"sip:bob@{GW_1};transport=tcp", call_id="one"))
    line.open(5, sansip.Address("198.51.100.9", 4000))
    ours = line.connect()
    line.hear(over_tcp(call_id="two", branch="z9hG4bKtwo"), 5)
    line.close(5)
    line.close(ours)
    assert of_call(line, "one") == ["DatagramReceived", "FlowOpened", "FlowClosed"]


def test_questions_of_its_policy_are_the_calls() -> None:
    stage = on_stage(Decide(sansip.Ask("who?", "told"), told=always(sansip.Reply(404))))
    stage.receive(make_request(call_id="one"))
    stage.receive(make_request(call_id="two", branch="z9hG4bKtwo"))
    for consult in stage.consults:
        stage.step(sansip.Consulted(stage.now, consult.question, None))
    assert of_call(stage, "one") == ["DatagramReceived", "Consulted"]
    assert of_call(stage, "two") == ["DatagramReceived", "Consulted"]


def test_what_the_program_sends_and_answers_is_the_calls() -> None:
    stage = Stage(sansip.Engine(config()))
    stage.receive(make_request(call_id="one"))
    (request,) = stage.delivered
    assert isinstance(request.message, sansip.Request)
    answer = sansip.reply(request.message, 200)
    stage.step(sansip.ResponseSubmitted(stage.now, request.handle, answer))
    stage.advance(100.0)
    assert stage.delivered[-1].kind == "end"
    stage.step(sansip.RequestSubmitted(stage.now, "h", to_gateway("two")))
    stage.advance(0.6)
    stage.step(sansip.CancelSubmitted(stage.now, "h"))
    stage.respond(200, GW_1)
    stage.step(sansip.AckSubmitted(stage.now, to_gateway("two", "ACK", to_tag="gw")))
    stage.step(sansip.Administered(stage.now, sansip.Quiesce()))
    one, two = of_call(stage, "one"), of_call(stage, "two")
    assert one[:2] == ["DatagramReceived", "ResponseSubmitted"]
    assert set(one[2:]) == {"TimerFired"}
    assert two == [
        "RequestSubmitted",
        "TimerFired",
        "CancelSubmitted",
        "DatagramReceived",
        "AckSubmitted",
    ]


def to_gateway(call_id: str, method: str = "INVITE", to_tag: str = "") -> sansip.Request:
    request = make_request(method, f"sip:bob@{GW_1}", call_id=call_id, to_tag=to_tag)
    return request.remove("Via")


def test_timers_of_what_a_transaction_belongs_to_are_the_calls() -> None:
    call = Call("one")
    request = make_request(call_id="one")
    send = sansip.Send("7 s|a|h|INVITE", "udp:h", ADDRESS, None, request.render())
    assert call.has(sansip.RequestSubmitted(1.0, "mine", request), (send,))
    for owner, ours in (
        ("s|a|h|INVITE", True),
        ("x|s|a|h|INVITE", True),
        ("u|s|a|h|INVITE", True),
        ("x|l|mine", True),
        ("x|s|b|h|INVITE", False),
        ("x|l|other", False),
    ):
        assert call.has(sansip.TimerFired(1.0, sansip.Timer(owner, "hunt", 1)), ()) is ours


def test_the_timer_of_a_calls_dialog_is_the_calls() -> None:
    call = Call("one")
    for name, ours in (("one", True), ("one2", False), ("tw", False)):
        timer = sansip.Timer(f"h|{name} a b", "call", 1)
        assert call.has(sansip.TimerFired(1.0, timer), ()) is ours


def test_an_endpoint_and_an_address_say_nothing_about_a_call() -> None:
    call = Call("one")
    event = sansip.DatagramReceived(1.0, "udp:192.0.2.10:5060", CALLER, PROXY, b"\r\n\r\n")
    assert not call.has(event, (sansip.Deliver("h", "end", None), sansip.StopDns(3)))
