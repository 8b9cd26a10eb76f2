"""Which rows a journal gives, and what they say."""

import pickle

import pytest

import sansip
from drawn import (
    CLOCK,
    CONFIG,
    FAR,
    HOSTILE,
    KEY,
    PHONE,
    TCP,
    TLS,
    UDP,
    Did,
    came,
    everything,
    failover,
    failover_ladder,
    fired,
    journal,
    journal_of_stage,
    report,
    rows,
    send,
    shown,
)
from journals import STARTED, written
from sansip import dns
from sansip.journal import Step, Swap, read
from sansip.ladder import KINDS, PROGRAM, PROXY, Row, draw
from sansip.ladder.drawing import Drawing
from sansip.ladder.remembered import calls_in, names_in
from stage import CALLER, GW_1, GW_2, ToGroup, ToName, make_request, on_stage
from stage import PROXY as AT

HOST = str(CALLER)


def labels(*did: Did) -> list[str]:
    return [row[3] for row in rows(*did)]


def test_a_call_that_fails_over() -> None:
    ladder = failover_ladder()
    assert [column.label for column in ladder.columns] == [
        HOST,
        PROXY,
        "gw-1.example.com",
        "gw-2.example.com",
    ]
    assert [row for row in map(shown, ladder.rows) if row[0] in ("timer", "failover")][:4] == [
        ("timer", PROXY, None, f"Timer A: INVITE to {GW_1}"),
        ("timer", PROXY, None, f"Timer A: INVITE to {GW_1}"),
        ("timer", PROXY, None, "advance after 3 s"),
        ("failover", PROXY, None, f"udp:{GW_1}: silent for 3 s; trying udp:{GW_2}"),
    ]
    copies = [row for row in ladder.rows if row.again]
    assert [row.again for row in copies] == [1, 2, 3, 1]
    assert copies[0].label == "INVITE sip:bob@gw.example.com (again, SDP)"
    assert {row.calls for row in ladder.rows} == {("call-1",)}
    assert (ladder.title, ladder.begun, ladder.clock) == ("call call-1", STARTED, CLOCK)
    assert ladder.notes == ()


def test_there_is_a_row_of_each_kind_and_all_columns_are_there() -> None:
    ladder = draw(journal(*everything()))
    assert {row.kind for row in ladder.rows} == set(KINDS)
    keys = [column.key for column in ladder.columns]
    assert keys == [
        PROGRAM,
        HOST,
        "198.51.100.66:5060",
        str(PHONE),
        str(FAR),
        PROXY,
        str(GW_1),
    ]
    assert ladder.columns[5].addresses == (UDP, TCP, TLS)
    assert all(row.label.isascii() and row.label.isprintable() for row in ladder.rows)
    assert {row.source for row in ladder.rows} | {row.target for row in ladder.rows} == {
        None,
        *keys,
    }


def test_an_empty_journal_has_the_proxy_alone() -> None:
    ladder = draw(journal())
    assert [column.key for column in ladder.columns] == [PROXY]
    assert ladder.rows == ()
    assert ladder.calls() == ()
    assert ladder.clock is None
    assert ladder.begun == STARTED


def test_messages_are_called_what_people_call_them() -> None:
    bye = make_request("BYE")
    sdp = make_request(headers=[("c", "Application/SDP")], body=b"v=0\r\n")
    why = make_request("CANCEL", headers=[("Reason", 'SIP;cause=200;text="elsewhere"')])
    assert labels(
        came(sdp), came(sansip.reply(bye, 200)), came(why), came(b"\r\n"), came(b"\xff")
    ) == [
        "INVITE sip:bob@gw.example.com (SDP)",
        "200 OK for BYE",
        'CANCEL sip:bob@gw.example.com (SIP;cause=200;text="elsewhere")',
        "keep-alive",
        "1 bytes that are no SIP",
    ]
    assert labels(came(b"SIP/2.0 200 Fine\r\n\r\n")) == ["200 Fine"]


def test_what_is_not_printable_is_written_as_an_escape() -> None:
    assert labels(came("OPTIONS sip:ö SIP/2.0\r\n\r\n".encode())) == [r"OPTIONS sip:\xf6"]
    (label,) = labels(came("OPTIONS sip:\u202e\x1bö SIP/2.0\r\n\r\n".encode()))
    assert label == r"OPTIONS sip:\u202e\x1b\xf6"


def test_final_responses_that_nobody_has_sent_are_made_here() -> None:
    invite = make_request()
    busy, gone = sansip.reply(invite, 486), sansip.reply(invite, 500)
    trying = sansip.reply(invite, 100)
    said = labels(
        (came(invite), [send(trying, CALLER), send(gone, CALLER)]),
        (came(busy, GW_1), [send(busy, CALLER)]),
        (came(invite, GW_2), [send(make_request("ACK"))]),
    )
    assert said[1:5] == [
        "100 Trying",
        "500 Server Internal Error (made here)",
        "486 Busy Here",
        "486 Busy Here",
    ]
    # Whether it was, nobody knows where the request has not been seen.
    assert labels((fired("A"), [send(gone, CALLER)]))[1] == "500 Server Internal Error"


def test_who_speaks_first_stands_left_and_who_is_asked_first_right() -> None:
    invite = make_request()
    ladder = draw(journal((came(invite), [send(invite), send(invite, GW_2)]), came(invite, GW_1)))
    assert [column.key for column in ladder.columns] == [HOST, PROXY, str(GW_1), str(GW_2)]


def test_addresses_have_the_names_that_dns_gave_them() -> None:
    asked = [sansip.QueryDns(n, f"{name}.example.com", "A") for n, name in enumerate("abc")]
    answers = [sansip.DnsAnswered(STARTED, n, dns.Found((dns.Ip(GW_1.host),), 9.0)) for n in (0, 1)]
    last = sansip.DnsAnswered(STARTED, 2, dns.Found((dns.Ip(GW_1.host),), 9.0))
    ladder = draw(journal((came(make_request()), asked), *answers, (last, [send(make_request())])))
    assert ladder.columns[-1].name == "a.example.com, b.example.com +1"
    assert ladder.columns[-1].label == ladder.columns[-1].name
    assert ladder.columns[0].label == HOST


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (dns.Found((dns.Ip("192.0.2.1"), dns.Ip("192.0.2.2")), 5.0), "is 192.0.2.1, 192.0.2.2"),
        (dns.Found((dns.Srv(1, 2, 5060, ""),), 5.0), "is 1 2 5060 ."),
        (dns.Found((dns.Naptr(1, 2, "s", "SIP", "", ""),), 5.0), 'is 1 2 "s" "SIP" "" .'),
        (dns.NoRecords(5.0), ": no such records"),
        (dns.NoName(5.0), ": no such name"),
    ],
)
def test_what_dns_says(answer: dns.Answer, said: str) -> None:
    asked = came(make_request()), [sansip.QueryDns(1, "example.com", "SRV")]
    found = labels(asked, sansip.DnsAnswered(STARTED, 1, answer))[1:]
    between = "" if said.startswith(":") else " "
    assert found == ["SRV example.com?", f"SRV example.com{between}{said}, for 5 s"]


def test_a_failure_of_dns_and_questions_that_are_not_known() -> None:
    orders: list[sansip.Action] = [
        sansip.QueryDns(1, "example.com", "A"),
        sansip.StopDns(1),
    ]
    asked = came(make_request()), orders
    failed = sansip.DnsAnswered(STARTED, 1, dns.Failure("timed out"))
    assert labels(asked, failed)[2:] == ["a question that is not known: no answer: timed out"]


@pytest.mark.parametrize(
    ("name", "actions", "said"),
    [
        ("A", [], "Timer A"),
        ("idle", [], "a connection has been idle"),
        ("resolve", [], "DNS has taken too long"),
        ("hunt", [], "a deadline of the hunt, which has ended"),
        ("hunt", [sansip.CloseFlow(1)], "a deadline of the hunt"),
        ("hunt", [report("health", "suspect: silent for 3 s")], "advance after 3 s"),
        (
            "hunt",
            [report("failover", "x: no progress for 2.5 s; trying y")],
            "progress after 2.5 s",
        ),
        ("hunt", [report("failover", "x: no answer within 9 s; trying y")], "answer within 9 s"),
        ("hunt", [report("failover", "nobody rang within 32 s")], "deadline after 32 s"),
        ("hunt", [report("failover", "trying x")], "a deadline of the hunt"),
        ("hunt", [send(make_request("CANCEL"))], "a deadline of the hunt"),
        (
            "hunt",
            [send(make_request("CANCEL", headers=[("Reason", 'SIP;cause=408;text="Timer C"')]))],
            "Timer C",
        ),
    ],
)
def test_timers_have_their_names(name: str, actions: list[sansip.Action], said: str) -> None:
    assert labels((fired(name), actions))[0] == said


def test_timers_of_transactions_say_of_which() -> None:
    invite = make_request()
    started = sansip.StartTimer(sansip.Timer(KEY, "G", 1), 0.5)
    orders: list[sansip.Action] = [
        send(invite, key="c|b|INVITE"),
        send(invite, CALLER),
        started,
    ]
    did = (came(invite), orders)
    assert labels(did, fired("B", "c|b|INVITE"), fired("H", KEY))[3:] == [
        f"Timer B: INVITE to {GW_1}",
        f"Timer H: INVITE from {HOST}",
    ]


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (
            sansip.Administered(
                STARTED, sansip.ReplaceGroups({"one": ["sip:a"], "two": ["sip:b"]})
            ),
            "new members of one, two",
        ),
        (sansip.Administered(STARTED, sansip.Drain("g", "sip:a")), "drain sip:a of g"),
        (sansip.Administered(STARTED, sansip.Enable("g", "sip:a")), "enable sip:a of g"),
        (sansip.Administered(STARTED, sansip.FlushCache()), "forget all DNS answers"),
        (sansip.Administered(STARTED, sansip.Quiesce()), "take no new requests"),
        (
            sansip.Administered(STARTED, sansip.Quiesce(30)),
            "take no new requests, Retry-After 30 s",
        ),
        (sansip.Administered(STARTED, sansip.Rekey(bytes(32))), "draw from another seed"),
    ],
)
def test_orders_of_the_operator(event: sansip.Administered, said: str) -> None:
    assert rows(event) == [("operator", PROXY, None, said)]


def test_a_reload_is_the_operators() -> None:
    said = "from here on another configuration or policy"
    assert rows(Swap(0, CONFIG, None)) == [("operator", PROXY, None, said)]


def test_what_could_not_be_sent() -> None:
    invite = make_request().render()
    assert rows(
        sansip.SendFailed(STARTED, UDP, GW_1, "ICMP: Connection refused", None, invite),
        sansip.SendFailed(STARTED, UDP, GW_1, "port unreachable"),
        sansip.SendFailed(STARTED, UDP, GW_1, "no route", "1 x", invite),
    ) == [
        ("trouble", str(GW_1), PROXY, "ICMP: Connection refused (INVITE)"),
        ("trouble", str(GW_1), PROXY, "ICMP: port unreachable"),
        ("trouble", PROXY, None, f"not sent to {GW_1}: no route (INVITE)"),
    ]


def test_connections_and_what_comes_over_them() -> None:
    at, bye = STARTED, make_request("BYE")
    assert rows(
        sansip.FlowOpened(at, 1, TCP, PHONE, AT),
        sansip.StreamReceived(at, 1, bye.render()[:50]),
        (sansip.StreamReceived(at, 1, bye.render()[50:] + b"\r\n\r\n"), [sansip.CloseFlow(1)]),
        sansip.StreamReceived(at, 1, b"more"),
        sansip.FlowClosed(at, 1, "reset"),
        (fired("A"), [sansip.CloseFlow(9)]),
    ) == [
        ("flow", str(PHONE), PROXY, "opens a tcp connection"),
        ("message", str(PHONE), PROXY, "BYE sip:bob@gw.example.com (tcp)"),
        ("message", str(PHONE), PROXY, "keep-alive (tcp)"),
        ("flow", PROXY, str(PHONE), "closes the connection"),
        ("trouble", PROXY, None, "4 bytes over a connection that is not known"),
        ("flow", PROXY, None, "a connection is closed: reset"),
        ("timer", PROXY, None, "Timer A"),
    ]


BROKEN = "Content-Length: is not a number of bytes (RFC 3261 20.14); send digits only"


def test_connections_that_we_open() -> None:
    at = STARTED
    order = sansip.OpenFlow(-1, TLS, "tls", FAR, "far.example.com")
    names = ("far.example.com", "x")
    assert rows(
        (fired("A"), [order]),
        sansip.FlowOpened(at, -1, TLS, FAR, AT, names),
        sansip.StreamReceived(at, -1, b"BYE sip:x SIP/2.0\r\nContent-Length: x\r\n\r\n"),
        sansip.FlowClosed(at, -1, "reset"),
        (fired("A"), [sansip.OpenFlow(-2, TCP, "tcp", GW_1, None)]),
        sansip.FlowClosed(at, -2, "connection refused"),
    )[1:] == [
        ("flow", PROXY, str(FAR), "opens a tls connection (to far.example.com)"),
        ("flow", str(FAR), PROXY, "opened the tls connection (certificate of far.example.com, x)"),
        ("trouble", str(FAR), PROXY, BROKEN),
        ("flow", str(FAR), PROXY, "connection closed (reset)"),
        ("timer", PROXY, None, "Timer A"),
        ("flow", PROXY, str(GW_1), "opens a tcp connection"),
        ("flow", str(GW_1), PROXY, "no connection (connection refused)"),
    ]


def test_what_the_program_says_and_is_told() -> None:
    at, invite = STARTED, make_request()
    assert rows(
        (sansip.RequestSubmitted(at, "h", invite), [sansip.Deliver("h", "timeout", None)]),
        sansip.AckSubmitted(at, make_request("ACK")),
        sansip.ResponseSubmitted(at, "s", sansip.reply(invite, 200)),
        (sansip.CancelSubmitted(at, "h"), [sansip.Deliver("h", "request", invite)]),
        (sansip.Consulted(at, "q", None), [sansip.Consult("q", "bob", 1.0)]),
    ) == [
        ("message", PROGRAM, PROXY, "INVITE sip:bob@gw.example.com"),
        ("message", PROXY, PROGRAM, "timeout"),
        ("message", PROGRAM, PROXY, "ACK sip:bob@gw.example.com"),
        ("message", PROGRAM, PROXY, "200 OK"),
        ("message", PROGRAM, PROXY, "gives it up"),
        ("message", PROXY, PROGRAM, "INVITE sip:bob@gw.example.com"),
        ("policy", PROGRAM, PROXY, "answers: None"),
        ("policy", PROXY, PROGRAM, "asks: 'bob'"),
    ]


def test_reports_say_about_what_unless_it_is_a_transaction() -> None:
    did = [report("health", "well again", "udp:192.0.2.1:5060"), report("dropped", "why", KEY)]
    both = [*did, report("limit", "many")]
    assert [row for row in rows((fired("A"), both)) if row[0] == "report"] == [
        ("report", PROXY, None, "health udp:192.0.2.1:5060: well again"),
        ("report", PROXY, None, "dropped: why"),
        ("report", PROXY, None, "limit: many"),
    ]


# --- one call


def test_of_one_call_there_are_its_rows_alone() -> None:
    stage = on_stage(ToGroup())
    for name in ("one", "two"):
        stage.receive(make_request(branch=f"z9hG4bK{name}", call_id=name))
        stage.advance(0.6)
    stage.advance(60.0)
    whole, one, two = [draw(journal_of_stage(stage), call) for call in (None, "one", "two")]
    assert whole.calls() == ("one", "two")
    assert one.rows
    assert one.rows == tuple([row for row in whole.rows if "one" in row.calls])
    assert len(two.rows) == len([row for row in whole.rows if "two" in row.calls])
    assert two.begun == STARTED + 0.6
    assert two.clock == CLOCK + 0.6
    # What was asked for the first call has named the hosts of the second.
    assert two.columns[-1].name == "gw-2.example.com"
    assert {row.kind for row in one.rows} >= {"message", "timer", "dns", "failover"}


def test_of_two_messages_in_one_piece_each_is_its_calls() -> None:
    one = make_request("BYE", call_id="one").render()
    two = make_request("BYE", call_id="two").render()
    opened = sansip.FlowOpened(STARTED, 1, TCP, PHONE, AT)
    for name in ("one", "two"):
        found = draw(journal(opened, sansip.StreamReceived(STARTED, 1, one + two)), name).rows
        assert [row.calls for row in found] == [(name,)]
        assert f"Call-ID: {name}\r\n".encode() in found[0].data


def test_of_other_calls_nothing_is_kept() -> None:
    head = journal().head
    drawing = Drawing(head, "nobody")
    empty = len(pickle.dumps(vars(drawing)))
    stage = failover()
    for number, (event, actions) in enumerate(zip(stage.events, stage.actions, strict=True)):
        drawing.take(Step(number, event, actions))
    drawing.names.clear()  # DNS has been asked for all
    assert len(pickle.dumps(vars(drawing))) < empty + 100


def test_a_call_that_is_not_there_has_no_rows() -> None:
    ladder = draw(journal_of_stage(failover()), "nobody")
    assert ladder.rows == ()
    assert ladder.title == "call nobody"


def test_a_hostile_call_can_be_followed() -> None:
    call = "</option><script>document.title='call'</script>"
    assert [row.data for row in draw(journal(came(HOSTILE)), call).rows] == [HOSTILE]


# --- journals that are not whole


def test_rows_that_are_too_many_are_left_out_and_it_is_said() -> None:
    ladder = draw(journal_of_stage(failover()), most=5)
    assert len(ladder.rows) == 5
    assert ladder.notes == ("only the first 5 rows, up to step 2",)
    assert draw(journal_of_stage(failover())).notes == ()


def test_a_torn_journal_is_drawn_up_to_the_tear() -> None:
    lines = written(came(make_request()), came(make_request("BYE")))
    ladder = draw(read([*lines[:-1], lines[-1][:50]]))
    assert len(ladder.rows) == 1
    assert " is torn" in ladder.notes[0]


def test_what_is_redacted_is_said() -> None:
    lines = written(came(make_request(body=SECRET)), redacted=("body", "authorization"))
    ladder = draw(read(lines))
    assert ladder.notes == ("left out: authorization, body",)
    assert SECRET not in ladder.rows[0].data


SECRET = b"secret!"


def test_a_journal_that_goes_on_knows_what_was_open() -> None:
    stage = on_stage(ToName(), endpoints=CONFIG.endpoints)
    invite = make_request(call_id="on", headers=[("Content-Length", "0")]).render()
    stage.step(sansip.FlowOpened(STARTED, 1, TCP, PHONE, AT))
    stage.step(sansip.StreamReceived(STARTED, 1, invite[:80]))
    stage.receive(make_request(call_id="before"))
    stage.answer_dns = False
    stage.receive(make_request(call_id="asks", branch="z9hG4bK2", uri="sip:a.example"))
    before, state = len(stage.events), stage.state.freeze()
    stage.step(sansip.StreamReceived(STARTED, 1, invite[80:]))
    stage.advance(0.6)
    did: list[Did] = []
    did += [*zip(stage.events, stage.actions, strict=True)][before:]
    did.append(sansip.DnsAnswered(stage.now, next(iter(state.questions)), dns.NoName(1.0)))

    ladder = draw(journal(*did, state=state))
    assert ladder.rows[0].label == "INVITE sip:bob@gw.example.com (tcp)"
    assert set(ladder.calls()) == {"on", "before"}
    assert "gw-1.example.com" in [column.name for column in ladder.columns]
    assert "a question that is not known" not in ladder.rows[-1].label
    timers = [row for row in draw(journal(*did, state=state), "before").rows if row.kind == "timer"]
    assert timers[0].label == "Timer A"
    assert draw(journal(*did)).rows[0].kind == "trouble"


def test_what_has_ended_is_not_remembered() -> None:
    stage = on_stage(ToGroup())
    stage.receive(make_request())
    stage.respond(200, GW_1)
    assert [call for _, call in calls_in(stage.state)] == []
    assert list(calls_in(None)) == list(names_in(None)) == []


def test_a_crowd_is_said() -> None:
    many = [came(make_request(), sansip.Address(f"192.0.2.{n}", 5060)) for n in range(30)]
    assert draw(journal(*many)).notes == ("31 columns: the ladder of one call has fewer",)
    assert draw(journal(*many[1:])).notes == ()


def test_rows_say_what_is_to_be_noted() -> None:
    row = Row(0.0, 0, "message", "a", "b", "INVITE", "SDP", again=2, lost=True)
    assert row.label == "INVITE (lost, again, 2, SDP)"
    assert Row(0.0, 0, "message", "a", "b", "INVITE").label == "INVITE"
