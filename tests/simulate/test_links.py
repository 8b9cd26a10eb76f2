"""Links and partitions: what becomes of a packet on its way."""

import pytest

import sansip
from sansip.message import Request, Response
from sansip.simulate import Link, Party, World
from sansip.simulate.network import Packet

HERE, THERE, NOBODY = [sansip.Address(f"192.0.2.{number}", 5060) for number in (1, 2, 9)]


class Listener(Party):
    """It notes what comes, and when."""

    def __init__(self, world: World, address: sansip.Address) -> None:
        super().__init__(world, address)
        self.heard: list[tuple[float, str]] = []
        world.join(self)

    def asked(self, request: Request, source: sansip.Address) -> None:
        self.heard.append((self.now, request.method))

    def answered(self, response: Response) -> None:
        self.heard.append((self.now, str(response.status)))


def talk(world: World, count: int = 1) -> tuple[Listener, Listener]:
    here, there = Listener(world, HERE), Listener(world, THERE)
    for number in range(count):
        here.say(Request.make("OPTIONS", f"sip:{number}@{THERE}"), THERE)
    return here, there


def test_a_packet_takes_the_delay_of_its_link() -> None:
    world = World(link=Link(delay=0.25))
    here, there = talk(world)
    world.run()
    assert there.heard == [(0.25, "OPTIONS")]
    world.connect(here, there, Link(delay=0.5))
    there.say(Response.make(200, "OK"), HERE)
    world.run()
    assert here.heard == [(0.75, "200")]


def test_what_comes_is_as_likely_as_the_link_says() -> None:
    world = World(link=Link(0.1, jitter=0.1, loss=0.2, duplication=0.1))
    _, there = talk(world, 1000)
    world.run()
    lost = sum(not sight.arrives for sight in world.wire)
    twice = sum(len(sight.arrives) == 2 for sight in world.wire)
    assert 150 < lost < 250
    assert 50 < twice < 110
    assert len(there.heard) == 1000 - lost + twice
    assert 0.1 <= there.heard[0][0] < 0.101
    assert 0.199 < there.heard[-1][0] < 0.2


def test_packets_overtake_one_another_where_there_is_jitter() -> None:
    world = World(link=Link(0.1, jitter=0.1))
    talk(world, 20)
    arrived = [sight.arrives for sight in world.wire]
    assert arrived != sorted(arrived)


def test_a_packet_more_on_one_link_changes_nothing_on_another() -> None:
    def fates(more: int) -> list[tuple[float, ...]]:
        world = World(link=Link(0.1, loss=0.5, jitter=1.0))
        here, there = talk(world, more)
        third = Listener(world, NOBODY)
        for _ in range(20):
            third.say(Request.make("OPTIONS", "sip:x@example.com"), THERE)
            there.say(Request.make("OPTIONS", "sip:x@example.com"), here.address)
        return [sight.arrives for sight in world.wire][more:]

    assert fates(0) == fates(7)


def test_each_copy_takes_its_own_time() -> None:
    world = World(link=Link(0.1, jitter=1.0, duplication=1.0))
    talk(world)
    first, second = world.wire[0].arrives
    assert first != second


def test_each_way_of_a_link_has_its_own_chances() -> None:
    world = World(link=Link(0.1, jitter=1.0))
    here, there = talk(world)
    there.say(Response.make(200, "OK"), here.address)
    there_at, here_at = [sight.arrives for sight in world.wire]
    assert there_at != here_at


def test_nothing_gets_through_where_it_is_cut_until_it_is_mended() -> None:
    world = World()
    here, there = talk(world)
    world.cut(here, there)
    here.say(Request.make("MESSAGE", "sip:x@example.com"), THERE)
    there.say(Response.make(200, "OK"), HERE)
    world.mend(here, there)
    here.say(Request.make("INFO", "sip:x@example.com"), THERE)
    world.run()
    assert [method for _, method in there.heard] == ["OPTIONS", "INFO"]
    assert here.heard == []


def test_a_node_may_be_cut_from_all_others() -> None:
    world = World()
    here, there = talk(world)
    world.cut(here)
    here.say(Request.make("MESSAGE", "sip:x@example.com"), THERE)
    world.mend(there)
    here.say(Request.make("INFO", "sip:x@example.com"), THERE)
    world.run()
    assert [method for _, method in there.heard] == ["OPTIONS", "INFO"]


def test_what_nobody_listens_to_is_lost() -> None:
    world = World()
    here, _ = talk(world)
    here.say(Response.make(200, "OK"), NOBODY)
    assert world.wire[-1].receiver == str(NOBODY)
    assert world.wire[-1].arrives == ()
    there = world.nodes[str(THERE)]
    there.crash()
    world.refuse(there, Packet(NOBODY, THERE, b"", None))  # nobody to be told, either
    world.run()


@pytest.mark.parametrize(("method", "calm"), [("OPTIONS", True), ("MESSAGE", False)])
def test_it_is_calm_while_nothing_but_options_is_under_way(method: str, *, calm: bool) -> None:
    world = World()
    here, there = Listener(world, HERE), Listener(world, THERE)
    assert world.is_calm
    there.crash()
    here.say(Request.make(method, f"sip:{THERE}", [("CSeq", f"1 {method}")]), THERE)
    for _ in range(2):  # it goes there, and then comes back as an error
        assert world.goes_on
        assert world.is_calm is calm
        world.happen(world.now + 0.006)


def test_a_name_and_an_address_are_had_once() -> None:
    world = World()
    world.gateway(HERE, name="a")
    with pytest.raises(sansip.LocalProtocolError, match="two nodes have the name a"):
        world.gateway(THERE, name="a")
    with pytest.raises(sansip.LocalProtocolError, match="where another node is"):
        world.gateway(HERE, name="b")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("192.0.2.1:5070", sansip.Address("192.0.2.1", 5070)),
        ("192.0.2.1", sansip.Address("192.0.2.1", 5060)),
        ("[2001:db8::1]", sansip.Address("2001:db8::1", 5060)),
        ("[2001:db8::1]:5070", sansip.Address("2001:db8::1", 5070)),
    ],
)
def test_an_address_may_be_text(text: str, address: sansip.Address) -> None:
    assert World().gateway(text).address == address


def test_a_port_is_a_number() -> None:
    with pytest.raises(sansip.LocalProtocolError, match="is not HOST:PORT"):
        World().gateway("192.0.2.1:sip")
