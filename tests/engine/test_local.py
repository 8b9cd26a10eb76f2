"""On a machine with many addresses a response comes from the one that its request went to."""

import pytest

import sansip
from sansip.address import Address
from stage import CALLER, GW_1, PROXY, Decide, Stage, Whatever, make_request, on_stage

WILD = sansip.Endpoint("udp", "0.0.0.0:5060", advertise="192.0.2.10:5060")
WILD_6 = sansip.Endpoint("udp", "[::]:5060", advertise="[2001:db8::10]:5060")
SECOND = Address("192.0.2.11", 5060)


def multihomed(policy: sansip.Policy | None = None, **options: Whatever) -> Stage:
    return on_stage(policy, **({"endpoints": [WILD, WILD_6]} | options))


def receive(
    stage: Stage,
    request: sansip.Request,
    local: Address = SECOND,
    source: Address = CALLER,
    endpoint: sansip.Endpoint = WILD,
) -> None:
    data = request.render()
    stage.step(sansip.DatagramReceived(stage.now, endpoint.name, source, local, data))


def locals_to(stage: Stage, remote: Address = CALLER) -> list[str | None]:
    return [send.local for send in stage.sends if send.remote == remote]


@pytest.mark.rule("3581-4-02")
def test_all_responses_do_and_requests_go_as_the_system_likes() -> None:
    stage = multihomed()
    receive(stage, make_request())
    stage.advance(0.6)
    stage.respond(180, GW_1)
    receive(stage, make_request())  # again: the 180 again
    stage.respond(486, GW_1)
    stage.advance(1.0)  # Timer G
    assert stage.statuses() == [100, 180, 180, 486, 486]
    assert locals_to(stage) == [SECOND.host] * 5
    assert locals_to(stage, GW_1) == [None] * 3  # the INVITE twice, the ACK


@pytest.mark.rule("3581-4-02")
@pytest.mark.parametrize("data", [make_request(), make_request().remove("Call-ID")])
def test_so_do_those_without_a_transaction(data: sansip.Request) -> None:
    stage = multihomed(Decide(sansip.Reply(404)))
    receive(stage, data)
    assert len(stage.statuses()) == 1
    assert locals_to(stage) == [SECOND.host]


@pytest.mark.rule("3581-4-02")
def test_so_do_those_that_the_program_makes_or_that_wait_for_an_answer() -> None:
    def decide(*_: object) -> sansip.Decision:
        return sansip.Reply(403)

    stage = multihomed(Decide(sansip.Ask("who?", "decide"), decide=decide))
    receive(stage, make_request())
    stage.step(sansip.Consulted(stage.now, stage.consults[0].question, None))
    assert stage.statuses() == [100, 403]
    assert locals_to(stage) == [SECOND.host] * 2


@pytest.mark.rule("3581-4-02")
def test_with_rport_too() -> None:
    stage = multihomed()
    behind = Address("203.0.113.50", 1024)
    via = f"SIP/2.0/UDP {CALLER};branch=z9hG4bK1;rport"
    receive(stage, make_request().with_top_via(via), source=behind)
    assert locals_to(stage, behind) == [SECOND.host]


def test_by_ipv6_too() -> None:
    stage = multihomed()
    here, there = Address("2001:db8::11", 5060), Address("2001:db8::99", 5060)
    receive(stage, make_request(source=there), here, there, WILD_6)
    assert locals_to(stage, there) == [here.host]


@pytest.mark.parametrize("host", ["239.1.1.1", "ff02::1", "255.255.255.255", "0.0.0.0", "::", "?"])
def test_not_from_where_nothing_can_come_from(host: str) -> None:
    stage = multihomed()
    receive(stage, make_request(), Address(host, 5060))
    assert locals_to(stage) == [None]


def test_not_where_the_endpoint_has_an_address() -> None:
    both = [sansip.Endpoint("udp", str(PROXY)), WILD_6]
    stage = on_stage(endpoints=both)
    receive(stage, make_request(), PROXY, endpoint=both[0])
    assert locals_to(stage) == [None]
    (record,) = [record for _, record in stage.state.server.items()]
    assert type(record.remote) is Address  # nothing is kept that needs no keeping


def test_what_cannot_be_sent_from_there_is_looked_up_as_ever() -> None:
    stage = multihomed()
    receive(stage, make_request())
    stage.refuse(stage.sends[0], "cannot assign requested address")
    assert stage.sends[0].remote == CALLER
    assert type(stage.sends[0].remote) is Address
