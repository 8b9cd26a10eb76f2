"""dispatcher.list files: what they say, and what is said of those that are wrong."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sansip.dispatch import (
    Dispatch,
    Group,
    ListError,
    Member,
    Mistake,
    Moment,
    arrange,
    group_of,
    parse_list,
)
from sansip.entropy import Draws
from sansip.errors import LocalProtocolError
from sansip.message import Request

NO_SHARE = 0


def member(uri: str, priority: int = 0, weight: int = 0, **rest: str) -> Member:
    return Member(uri, priority, weight, NO_SHARE, attrs=tuple(rest.items()))


def alone(line: str) -> Member:
    """The one member of a list of one line, which is in set 1."""
    ((setid, (one,)),) = parse_list(line).items()
    assert setid == 1
    return one


def mistake(text: str) -> Mistake:
    """The one thing that is wrong with a list."""
    with pytest.raises(ListError) as caught:
        parse_list(text)
    (only,) = caught.value.mistakes
    return only


# What they say ----------------------------------------------------------------------------------

OPENSER_2007 = """\
# $Id$
# dispatcher destination sets
#

# line format
# setit(integer) destination(sip uri)

# proxies
2 sip:127.0.0.1:5080
2 sip:127.0.0.1:5082

# gateways
1 sip:127.0.0.1:7070
1 sip:127.0.0.1:7072
1 sip:127.0.0.1:7074
"""


def test_a_list_of_openser_from_2007() -> None:
    assert parse_list(OPENSER_2007) == {
        2: (member("sip:127.0.0.1:5080"), member("sip:127.0.0.1:5082")),
        1: tuple([member(f"sip:127.0.0.1:{port}") for port in (7070, 7072, 7074)]),
    }


def test_the_line_in_kamailios_manual() -> None:
    line = (
        "1 sip:127.0.0.1:5080 0 0 "
        "duid=abc;socket=udp:192.168.0.125:5060;my=xyz;ping_from=sip:myproxy.com"
    )
    assert alone(line) == Member(
        "sip:127.0.0.1:5080",
        rweight=NO_SHARE,
        duid="abc",
        endpoint="udp:192.168.0.125:5060",
        probe_from="sip:myproxy.com",
        attrs=(
            ("duid", "abc"),
            ("socket", "udp:192.168.0.125:5060"),
            ("my", "xyz"),
            ("ping_from", "sip:myproxy.com"),
        ),
    )


def test_all_that_there_can_be_on_a_line() -> None:
    attributes = (
        ("weight", "60"),
        ("rweight", "7"),
        ("duid", "gw 1"),
        ("maxload", "30"),
        ("obproxy", "sip:edge.example.com;lr"),
        ("ping_from", "ping.example.com"),
        ("ping_socket", "udp:192.0.2.1:5080"),
        ("sockname", "inside"),
        ("latency", "40"),
        ("ocmin", "10"),
        ("ocrate", "50"),
        ("cc", "1"),
        ("none", ""),
    )
    quoted = {"duid", "obproxy"}
    listed = [
        f'{name}="{text}"' if name in quoted else f"{name}={text}" for name, text in attributes
    ]
    assert alone(f"1 sips:gw-1:5081 33 10 {';'.join(listed)}") == Member(
        "sips:gw-1:5081",
        10,
        60,
        7,
        "gw 1",
        30,
        "inside",
        "sip:edge.example.com;lr",
        "sip:ping.example.com",
        probed=False,
        begins="inactive",
        attrs=attributes,
    )


@pytest.mark.parametrize(
    ("flags", "begins", "probed"),
    [
        ("0", "active", True),
        ("1", "inactive", True),
        ("2", "active", True),
        ("4", "disabled", True),
        ("5", "disabled", True),
        ("8", "active", True),
        ("9", "inactive", True),
        ("16", "active", True),
        ("32", "active", False),
        ("63", "disabled", False),
        ("0008", "active", True),
    ],
)
def test_flags_are_a_sum(flags: str, begins: str, probed: bool) -> None:  # noqa: FBT001
    found = alone(f"1 sip:gw-1 {flags}")
    assert (found.begins, found.probed) == (begins, probed)


@pytest.mark.parametrize(
    "text",
    [
        "1 sip:gw-1 0 0 weight=50;duid=abc",
        '1 sip:gw-1 0 0 "weight=50;duid=abc"',
        '1 sip:gw-1 0 0 " weight = 50 ; duid = abc ; "',
        '1 sip:gw-1 0 0 weight="50";duid="abc";',
        "1 sip:gw-1 0 0 WEIGHT=50;;Duid=abc",
        "1 sip:gw-1 0 weight=50;duid=abc",
        '1 sip:gw-1 "weight=50;duid=abc"',
        "\t 1\tsip:gw-1\t\t0 0 weight=50;duid=abc \t",
        "1 sip:gw-1 0 0 weight=50;duid=abc # a comment",
        "1 sip:gw-1 0 0 weight=50;duid=abc\t#",
        "\ufeff1 gw-1 0 0 weight=50;duid=abc\r\n",
        "#1 sip:gw-2\r  # 1 sip:gw-3\r\r1 sip:gw-1 0 0 weight=50;duid=abc\r",
        "# " + "x" * 2000 + "\n\n \t\n1 sip:gw-1 0 0 weight=50;duid=abc",
    ],
)
def test_many_ways_to_write_the_same(text: str) -> None:
    assert alone(text) == Member(
        "sip:gw-1", weight=50, rweight=0, duid="abc", attrs=(("weight", "50"), ("duid", "abc"))
    )


@pytest.mark.parametrize(
    "line", ["1 sip:gw-1#", "1 sip:gw-1#x=1", "1 sip:gw-1 0#", "1 sip:gw-1 0 0#"]
)
def test_a_comment_needs_no_space_after_a_field_but_attributes(line: str) -> None:
    assert alone(line) == member("sip:gw-1")
    assert alone("1 sip:gw-1 x=y#z").attrs == (("x", "y#z"),)
    assert alone('1 sip:gw-1 x="y #z"').attrs == (("x", "y #z"),)


@pytest.mark.parametrize(
    ("destination", "uri"),
    [
        ("192.0.2.9", "sip:192.0.2.9"),
        ("gw.example.com:5060", "sip:gw.example.com:5060"),
        ("gw;transport=tcp", "sip:gw;transport=tcp"),
        ("[2001:db8::1]:5062", "sip:[2001:db8::1]:5062"),
        ("SIP:gw", "SIP:gw"),
    ],
)
def test_a_destination_may_lack_its_scheme(destination: str, uri: str) -> None:
    assert alone(f"1 {destination}").uri == uri


@pytest.mark.parametrize(
    ("socket", "endpoint"),
    [
        ("udp:192.0.2.1:5060", "udp:192.0.2.1:5060"),
        ("TLS:192.0.2.1", "tls:192.0.2.1:5061"),
        ("tcp:[2001:DB8::1]", "tcp:[2001:db8::1]:5060"),
        ("192.0.2.1:5080", "udp:192.0.2.1:5080"),
    ],
)
def test_a_socket_is_an_endpoint_by_the_name_that_it_has_here(socket: str, endpoint: str) -> None:
    assert alone(f"1 sip:gw-1 0 0 sockname=x;socket={socket}").endpoint == endpoint


def test_the_highest_priority_is_first_and_equals_are_as_in_the_file() -> None:
    found = parse_list("1 sip:a\n1 sip:b 0 5\n2 sip:x\n1 sip:c\n1 sip:d 0 5\n1 sip:e 0 9\n")
    assert [one.uri[-1] for one in found[1]] == list("ebdac")
    assert list(found) == [1, 2]


def test_the_same_destination_may_be_there_twice() -> None:
    """Kamailio keeps both: twice the turns, or the same place from another socket."""
    found = parse_list("1 sip:a\n1 sip:a\n1 sip:a socket=tcp:192.0.2.1:5060\n")
    assert [one.uri for one in found[1]] == ["sip:a"] * 3


@pytest.mark.parametrize("text", ["", "\n", "# nothing", "\ufeff", "\r\n\r\n"])
def test_a_list_may_be_empty(text: str) -> None:
    assert parse_list(text) == {}


def test_what_a_list_says_makes_a_group_that_works() -> None:
    text = "7 sip:gw-1 0 0 weight=60;socket=udp:192.0.2.1:5060\n7 gw-2 8 0 weight=40\n"
    group = group_of("gateways", Group(parse_list(text)[7]), ("udp:192.0.2.1:5060",))
    asked = Request.make("INVITE", "sip:bob@example.com", [])
    now = Moment(0, Draws(bytes(16), ""), {}, {}, ())
    ((first, second),), _ = arrange(Dispatch("gateways", 9), group, asked, now)
    assert (first.uri, second.uri) == ("sip:gw-1", "sip:gw-2")


# What is wrong with them ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "column", "what", "reason"),
    [
        ("1", 2, "the URI", "missing"),
        ("  1  # sip:a", 6, "the URI", "missing"),
        ("sip:gw-1 0", 1, "set id 'sip:gw-1'", "whole number"),
        ("-1 sip:a", 1, "set id '-1'", "whole number"),
        ("1.5 sip:a", 1, "set id '1.5'", "whole number"),
        ("2147483648 sip:a", 1, "set id '2147483648'", "whole number"),
        ("²  sip:a", 1, "set id '²'", "whole number"),
        ("1 sip:", 3, "URI 'sip:'", "not a SIP URI"),
        ("1 tel:+1555", 3, "URI 'tel:+1555'", "not a SIP URI"),
        ("1 sip:a@b@c", 3, "URI 'sip:a@b@c'", "not a SIP URI"),
        ('1 "sip:a"', 3, "URI '\"sip:a\"'", "not a SIP URI"),
        ("1 sip:a:99999", 3, "URI 'sip:a:99999'", "not a SIP URI"),
        ("1 sip:a 64", 9, "flags '64'", "0 to 63"),
        ("1 sip:a 0x8", 9, "flags '0x8'", "0 to 63"),
        ("1 sip:a AP", 9, "flags 'AP'", "0 to 63"),
        ("1 sip:a -1", 9, "flags '-1'", "0 to 63"),
        ("1 sip:a udp:192.0.2.1:5060 0", 9, "flags 'udp:192.0.2.1:5060'", "a socket"),
        ("1 sip:a NULL 0", 9, "flags 'NULL'", "a socket"),
        ("1 sip:a 0 high", 11, "priority 'high'", "whole number"),
        ("1 sip:a 0 -1 weight=1", 11, "priority '-1'", "whole number"),
        ("1 sip:a 0 0 weight=65536", 13, "attribute weight '65536'", "0 to 65535"),
        ("1 sip:a 0 0 x;rweight=200", 15, "attribute rweight '200'", "0 to 100"),
        ('1 sip:a "x; weight=many"', 13, "attribute weight 'many'", "0 to 65535"),
        ("1 sip:a 0 0 rweight=50,maxload=8", 13, "attribute rweight '50,maxload=8'", "0 to 100"),
        ("1 sip:a 0 0 maxload=", 13, "attribute maxload", "whole number"),
        ("1 sip:a 0 0 latency=1.5", 13, "attribute latency '1.5'", "whole number"),
        ("1 sip:a 0 0 =5", 13, "attribute '5'", "no name"),
        ("1 sip:a 0 0 duid=a;duid=b", 20, "attribute duid 'b'", "twice"),
        ("1 sip:a 0 0 obproxy=", 13, "attribute obproxy", "not a SIP URI"),
        ("1 sip:a 0 0 ping_from=<sip:x>", 13, "attribute ping_from '<sip:x>'", "not a SIP URI"),
        ("1 sip:a 0 0 socket=eth0:a:b", 13, "attribute socket 'eth0:a:b'", "not a socket"),
        ("1 sip:a 0 0 socket=", 13, "attribute socket", "not a socket"),
        ("1 sip:a 0 0 weight=5; duid=x", 23, "the rest 'duid=x'", "after the attributes"),
        ('1 sip:a 0 0 "weight=5', 13, "the rest '\"weight=5'", "a quote"),
        ('1 sip:a 0 0 duid="5 # x', 18, "the rest '\"5 # x'", "a quote"),
        ('1 sip:a"', 8, "the rest '\"'", "a quote"),
        ('"', 1, "the rest '\"'", "a quote"),
        ("1 sip:a\0", 8, "the line", r"'\x00'"),
        ("1\x0csip:a", 2, "the line", r"'\x0c'"),
        ("1 sip:a duid=" + "x" * 1011, 1, "the line", "1024 bytes"),
        ("1 sip:a duid=" + "é" * 506, 1, "the line", "1025 bytes"),
    ],
)
def test_a_mistake_has_a_place_a_reason_and_a_remedy(
    line: str, column: int, what: str, reason: str
) -> None:
    found = mistake(f"# a comment\r\n9 sip:gw-9\r\n{line}\n9 sip:gw-9")
    assert (found.line, found.column, found.what) == (3, column, what)
    assert reason in found.reason
    assert found.remedy


def test_a_line_of_opensips_says_where_the_socket_belongs() -> None:
    """Its columns: setid destination socket state weight priority attrs description."""
    with pytest.raises(ListError) as caught:
        parse_list("1 sip:a udp:192.0.2.1:5060 0 50 0 duid=a gateway")
    socket, rest = caught.value.mistakes
    assert (socket.column, rest.column) == (9, 33)
    assert "OpenSIPS" in socket.reason


def test_a_line_may_have_1023_bytes() -> None:
    assert len(alone("1 sip:a duid=" + "x" * 1010).duid) == 1010


def test_weights_may_be_shares_of_any_size_as_those_of_srv_records_are() -> None:
    """That they add up to 100 at most is the wish of one algorithm, which a list does not name."""
    text = "1 sip:a weight=60\n1 sip:b weight=60\n1 sip:c weight=60\n1 sip:d weight=65535\n"
    members = parse_list(text)[1]
    assert [one.weight for one in members] == [60, 60, 60, 65535]
    assert group_of("g", Group(members), ()).members == members


@pytest.mark.parametrize(
    "table",
    [
        "id(int,auto) setid(int) destination(string) flags(int) priority(int) attrs(string)",
        "setid(int) destination(string) socket(string,null) state(int) weight(string)",
    ],
)
def test_a_table_of_a_database_is_told_apart(table: str) -> None:
    found = mistake(f"{table}\n1:1:sip\\:127.0.0.1\\:5060::0:0:1:0::\n2:1:sip\\:127.0.0.1::\n")
    assert found.line == 1
    assert "db_text" in found.reason
    assert "setid uri [flags] [priority] [attributes]" in found.remedy


def test_all_mistakes_are_told_at_once_with_the_name_of_the_file() -> None:
    with pytest.raises(LocalProtocolError) as caught:
        parse_list("x tel:+1 99 y weight=99999;=\n1 sip:a\n1\n", "/etc/gateways.list")
    assert isinstance(caught.value, ListError)
    assert caught.value.name == "/etc/gateways.list"
    lines = str(caught.value).splitlines()
    assert [line.split(": ")[:2] for line in lines] == [
        ["/etc/gateways.list:1:1", "set id 'x'"],
        ["/etc/gateways.list:1:3", "URI 'tel:+1'"],
        ["/etc/gateways.list:1:10", "flags '99'"],
        ["/etc/gateways.list:1:13", "priority 'y'"],
        ["/etc/gateways.list:1:15", "attribute weight '99999'"],
        ["/etc/gateways.list:1:28", "attribute"],
        ["/etc/gateways.list:3:2", "the URI"],
    ]
    assert lines[0] == (
        "/etc/gateways.list:1:1: set id 'x': it is not a whole number from 0 to 2147483647; "
        "a line is: setid uri [flags] [priority] [attributes]"
    )


# Anything ---------------------------------------------------------------------------------------

PIECES = st.sampled_from(
    [
        *("1", "2", " ", "\t", "\n", "\r\n", "#", '"', ";", "=", "0", "8", "sip:gw-1", "gw-2:5060"),
        *("weight=50", "weight", "rweight=5", "duid=a", "socket=udp:192.0.2.1", "maxload=3"),
        *(
            "obproxy=sip:x",
            "\0",
            "\ufeff",
            "é",
            "\udc80",
            "[::1]",
            "sip:",
            "setid(int)",
            "x" * 1000,
        ),
    ]
)
TEXTS = st.lists(PIECES, max_size=40).map("".join) | st.text(st.characters(codec=None))


@given(TEXTS)
def test_no_text_raises_anything_but_list_errors_that_point_into_it(text: str) -> None:
    mistakes: tuple[Mistake, ...] = ()
    found: dict[int, tuple[Member, ...]] = {}
    try:
        found = parse_list(text)
    except ListError as error:
        mistakes = error.mistakes
    lines = re.split(r"\r\n|\r|\n", text.removeprefix("\ufeff"))
    for one in mistakes:
        assert 1 <= one.column <= len(lines[one.line - 1]) + 1
    for setid, members in found.items():
        assert setid >= 0
        assert members
        names = tuple({member.endpoint for member in members})
        assert group_of("g", Group(members), names) == Group(members)


@given(
    st.lists(
        st.builds(
            Member,
            st.sampled_from(["sip:gw-1", "sips:gw-2:5071", "sip:[::1];transport=tcp"]),
            st.integers(0, 9),
            st.integers(0, 65535),
            st.integers(0, 100),
            st.sampled_from(["", "a", "a b", "a;b=c"]),
            st.integers(0, 9),
            st.sampled_from(["", "udp:192.0.2.1:5060"]),
            probed=st.booleans(),
            begins=st.sampled_from(["active", "inactive", "disabled"]),
        ),
        max_size=12,
    )
)
def test_what_is_written_is_read(members: list[Member]) -> None:
    flags = {"active": 0, "inactive": 1, "disabled": 4}
    rows: list[str] = []
    for one in members:
        attributes = f"weight={one.weight};rweight={one.rweight};maxload={one.maxload}"
        attributes += f';duid="{one.duid}"' if one.duid else ""
        attributes += f";socket={one.endpoint}" if one.endpoint else ""
        flag = flags[one.begins] + (0 if one.probed else 32)
        rows.append(f"3 {one.uri} {flag} {one.priority} {attributes}")
    found = parse_list("\n".join(rows)).get(3, ())
    bare = [
        Member(
            *(one.uri, one.priority, one.weight, one.rweight, one.duid, one.maxload, one.endpoint),
            probed=one.probed,
            begins=one.begins,
        )
        for one in found
    ]
    assert bare == sorted(members, key=lambda one: -one.priority)
