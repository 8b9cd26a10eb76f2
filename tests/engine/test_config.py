"""Config and Endpoint: a wrong value never gets past them, and the sentence says what to do."""

from collections.abc import Callable

import pytest

import sansip
from sansip.engine.hosts import special
from sansip.locate import CacheLimits
from sansip.message import parse_uri
from stage import Whatever

UDP = sansip.Endpoint("udp", "192.0.2.10:5060")


def configured(**options: Whatever) -> sansip.Config:
    return sansip.Config([UDP], **options)


MISTAKES: dict[str, tuple[Callable[[], object], str]] = {
    "transport": (
        lambda: sansip.Endpoint("sctp", "192.0.2.10:5060"),
        "endpoint sctp:192.0.2.10:5060: transport must be one of: udp, tcp, tls",
    ),
    "no port": (
        lambda: sansip.Endpoint("udp", "192.0.2.10"),
        "udp:192.0.2.10: '192.0.2.10' is not HOST:PORT",
    ),
    "no port behind brackets": (
        lambda: sansip.Endpoint("udp", "[2001:db8::1]"),
        "udp:[2001:db8::1]: '[2001:db8::1]' is not HOST:PORT",
    ),
    "no host": (lambda: sansip.Endpoint("udp", ":5060"), "udp::5060: ':5060' is not HOST:PORT"),
    "port of letters": (
        lambda: sansip.Endpoint("udp", "192.0.2.10:sip"),
        "udp:192.0.2.10:sip: '192.0.2.10:sip' is not HOST:PORT",
    ),
    "port too large": (
        lambda: sansip.Endpoint("udp", "192.0.2.10:65536"),
        "udp:192.0.2.10:65536: '192.0.2.10:65536' is not HOST:PORT",
    ),
    "a name to listen on": (
        lambda: sansip.Endpoint("udp", "proxy.example.com:5060"),
        (
            "endpoint udp:proxy.example.com:5060: proxy.example.com is not an IP address; "
            "listen on an address and name the host in advertise"
        ),
    ),
    "wildcard": (
        lambda: sansip.Endpoint("udp", "0.0.0.0:5060"),
        (
            "endpoint udp:0.0.0.0:5060 has no address of its own to put into Via: "
            'say which with advertise="HOST:PORT"'
        ),
    ),
    "wildcard of IPv6": (
        lambda: sansip.Endpoint("udp", "[::]:5060"),
        (
            "endpoint udp:[::]:5060 has no address of its own to put into Via: "
            'say which with advertise="HOST:PORT"'
        ),
    ),
    "port 0": (
        lambda: sansip.Endpoint("udp", "192.0.2.10:0"),
        (
            "endpoint udp:192.0.2.10:0 has no address of its own to put into Via: "
            'say which with advertise="HOST:PORT"'
        ),
    ),
    "advertised port 0": (
        lambda: sansip.Endpoint("udp", "192.0.2.10:0", advertise="192.0.2.10:0"),
        "endpoint udp:192.0.2.10:0: advertise needs a port other than 0",
    ),
    "advertise": (
        lambda: sansip.Endpoint("udp", "0.0.0.0:5060", advertise="proxy.example.com"),
        "udp:0.0.0.0:5060: 'proxy.example.com' is not HOST:PORT",
    ),
    "no endpoints": (lambda: sansip.Config([]), "a configuration needs at least one endpoint"),
    "tcp above": (
        lambda: sansip.Config([UDP], tcp_above=-1),
        "tcp_above is -1; it needs to be 0 or more",
    ),
    "connect": (
        lambda: sansip.Config([UDP], limits=sansip.Limits(connect=0.0)),
        "Limits(connect=0.0): seconds, which must be above 0",
    ),
    "compact above": (
        lambda: sansip.Config([UDP], compact_above=-1),
        "compact_above is -1; it needs to be 0 or more",
    ),
    "fewer flows than none": (
        lambda: sansip.Config([UDP], limits=sansip.Limits(flows=-1)),
        "Limits(flows=-1): it needs to be 0 or more",
    ),
    "no branches": (
        lambda: sansip.Config([UDP], limits=sansip.Limits(branches=0)),
        "Limits(branches=0): it needs to be 1 or more",
    ),
    "no cache": (
        lambda: sansip.Config([UDP], limits=sansip.Limits(cache=CacheLimits(entries=-1))),
        "CacheLimits(entries=-1): it needs to be 0 or more",
    ),
    "a time that is no number": (
        lambda: sansip.Config([UDP], limits=sansip.Limits(connect=float("nan"))),
        "Limits(connect=nan): seconds, which must be above 0",
    ),
    "no time": (
        lambda: sansip.Config([UDP], limits=sansip.Limits(partial_message=0.0)),
        "Limits(partial_message=0.0): seconds, which must be above 0",
    ),
    "endpoint twice": (
        lambda: sansip.Config([UDP, UDP]),
        "endpoint udp:192.0.2.10:5060 is there twice",
    ),
    "empty group": (
        lambda: configured(groups={"gateways": []}),
        "group gateways is empty: name at least one SIP URI",
    ),
    "member without a scheme": (
        lambda: configured(groups={"gateways": ["gw-1"]}),
        "group gateways: 'gw-1': SIP URI: 'gw-1' is not a URI (RFC 3261 25.1); begin with a scheme",
    ),
    "member that is no SIP URI": (
        lambda: configured(groups={"gateways": ["sip:gw-1", "tel:+1"]}),
        "group gateways: 'tel:+1' is not a sip or sips URI",
    ),
    "T1 is 0": (
        lambda: configured(timing=sansip.Timing(t1=0)),
        "Timing(t1=0, t2=4.0, t4=5.0): T1 must be above 0 and no more than T2",
    ),
    "T1 above T2": (
        lambda: configured(timing=sansip.Timing(t1=5.0)),
        "Timing(t1=5.0, t2=4.0, t4=5.0): T1 must be above 0 and no more than T2",
    ),
    "short secret": (
        lambda: configured(secret=b"short"),
        "secret has 5 bytes; it needs 16 to 64",
    ),
    "long secret": (
        lambda: configured(secret=bytes(65)),
        "secret has 65 bytes; it needs 16 to 64",
    ),
    "alias": (
        lambda: configured(aliases=["proxy.example.com:sip"]),
        "aliases: 'proxy.example.com:sip' is not HOST:PORT",
    ),
    "network": (
        lambda: configured(allow_hops=["127.0.0.1/8"]),
        "allow_hops: '127.0.0.1/8': 127.0.0.1/8 has host bits set",
    ),
    "short seed": (
        lambda: sansip.Engine(configured()).start(b"short", 0.0),
        "seed has 5 bytes; it needs 16 to 64",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_when_it_is_made(mistake: str) -> None:
    make, sentence = MISTAKES[mistake]
    with pytest.raises(sansip.LocalProtocolError) as caught:
        make()
    assert str(caught.value) == sentence


def test_an_endpoint_knows_its_names() -> None:
    plain = sansip.Endpoint("udp", "192.0.2.10:5060")
    assert (plain.name, plain.sent_by, plain.family) == (
        "udp:192.0.2.10:5060",
        "192.0.2.10:5060",
        4,
    )
    assert repr(plain) == "Endpoint('udp', '192.0.2.10:5060')"
    behind = sansip.Endpoint("udp", "[::]:5060", advertise="proxy.example.com:5070")
    assert (behind.name, behind.sent_by, behind.family) == (
        "udp:[::]:5060",
        "proxy.example.com:5070",
        6,
    )
    assert repr(behind) == "Endpoint('udp', '[::]:5060', advertise='proxy.example.com:5070')"
    long = sansip.Endpoint("udp", "[2001:0db8::0001]:5060")
    assert long.sent_by == "[2001:db8::1]:5060"


@pytest.mark.rule("3261-16.4-04", "AMB-04")
@pytest.mark.parametrize(
    ("uri", "mine"),
    [
        ("sip:192.0.2.10", True),
        ("sip:192.0.2.10:5060", True),
        ("sip:anybody@192.0.2.10", True),
        ("sip:192.0.2.10:5070", False),
        ("sip:192.0.2.11", False),
        ("sip:PROXY.example.com", True),
        ("sip:proxy.example.com:5070", False),
        ("sip:sip.example.com:5070", True),
        ("sip:sip.example.com", False),
        ("sip:outside.example.net:5080", True),
        ("sip:[2001:db8::2]", True),
        ("sip:[2001:DB8:0::2]", True),
        ("sip:0.0.0.0:5090", False),
    ],
)
def test_who_am_i_is_a_matter_of_configuration_alone(uri: str, mine: bool) -> None:  # noqa: FBT001
    config = sansip.Config(
        [
            UDP,
            sansip.Endpoint("udp", "0.0.0.0:5090", advertise="Outside.example.net:5080"),
            sansip.Endpoint("udp", "[2001:db8::2]:5060"),
        ],
        aliases=["proxy.example.com", "SIP.example.com:5070"],
    )
    assert config.is_mine(parse_uri(uri)) is mine


def test_endpoints_are_found_by_name_by_uri_and_by_hop() -> None:
    second = sansip.Endpoint("udp", "192.0.2.20:5060")
    six = sansip.Endpoint("udp", "[2001:db8::2]:5060")
    config = sansip.Config([UDP, second, six])
    assert config.endpoint("udp:192.0.2.20:5060") is second
    assert config.endpoint("udp:192.0.2.30:5060") is None
    assert config.endpoint_at(parse_uri("sip:192.0.2.20")) is second
    assert config.endpoint_at(parse_uri("sip:192.0.2.20:5070")) is None
    four = sansip.Hop("udp", sansip.Address("203.0.113.1", 5060))
    assert config.endpoint_for(four, None) is UDP
    assert config.endpoint_for(four, second) is second
    assert config.endpoint_for(four, six) is UDP
    assert config.endpoint_for(sansip.Hop("udp", sansip.Address("2001:db8::9", 1)), UDP) is six
    assert config.endpoint_for(sansip.Hop("tcp", four.address), UDP) is None
    assert config.families == (4, 6)
    assert config.transports == ("udp",)


@pytest.mark.parametrize(
    ("host", "why"),
    [
        ("203.0.113.1", None),
        ("10.0.0.1", None),
        ("2001:4860::1", None),
        ("127.0.0.1", "loopback"),
        ("127.255.255.254", "loopback"),
        ("::1", "loopback"),
        ("::ffff:127.0.0.1", "loopback"),
        ("::ffff:203.0.113.1", None),
        ("64:ff9b::127.0.0.1", "loopback"),
        ("64:ff9b::a9fe:a9fe", "link-local"),
        ("64:ff9b::203.0.113.1", None),
        ("64:ff9b:0:0:0:1:7f00:1", "reserved"),  # not the prefix of NAT64
        ("2002:7f00:1::1", "loopback"),
        ("2002:cb00:7101::1", None),
        ("::127.0.0.1", "reserved"),
        ("224.0.1.75", "multicast"),
        ("ff02::1", "multicast"),
        ("::ffff:239.1.1.1", "multicast"),
        ("0.0.0.0", "unspecified"),
        ("::", "unspecified"),
        ("169.254.169.254", "link-local"),
        ("fe80::1", "link-local"),
        ("255.255.255.255", "reserved"),
        ("240.0.0.1", "reserved"),
        ("gw.example.com", "not an IP"),
        ("", "not an IP"),
        # Each of these begins like an ordinary address; to some resolvers they are one.
        ("10.example.com", "not an IP"),
        ("0177.0.0.1", "not an IP"),
        ("10.1", "not an IP"),
        ("1.2.3.4.5", "not an IP"),
        ("1.2.3.400", "not an IP"),
        ("\u0661.2.3.4", "not an IP"),
    ],
)
def test_what_is_special_about_an_address(host: str, why: str | None) -> None:
    assert special(host) == why


@pytest.mark.rule("3261-25-11", "AMB-04")
@pytest.mark.parametrize(
    ("advertise", "uri"),
    [
        ("Proxy.Example.com.:5060", "sip:proxy.example.com;lr"),
        ("proxy.example.com:5060", "sip:Proxy.Example.com.:5060;lr"),
        ("[::ffff:192.0.2.77]:5060", "sip:192.0.2.77"),
        ("192.0.2.77:5060", "sip:[::ffff:192.0.2.77]"),
        ("[2001:db8::1]:5060", "sip:[2001:DB8:0::1];lr"),
    ],
)
def test_a_name_of_ours_is_ours_in_every_spelling(advertise: str, uri: str) -> None:
    endpoint = sansip.Endpoint("udp", "0.0.0.0:5060", advertise=advertise)
    for config in (
        sansip.Config([endpoint]),
        sansip.Config([UDP], aliases=[advertise]),
    ):
        assert config.is_mine(parse_uri(uri))
        assert config.is_mine(parse_uri(f"sip:{advertise}"))
    assert sansip.Config([endpoint]).endpoint_at(parse_uri(uri)) is endpoint


def test_requests_leave_by_every_endpoint() -> None:
    udp, tcp, tls = [
        sansip.Endpoint(transport, address)
        for transport, address in (
            ("udp", "192.0.2.10:5060"),
            ("tcp", "192.0.2.10:5060"),
            ("tls", "192.0.2.10:5061"),
        )
    ]
    made = sansip.Config([udp, tcp, tls])
    assert (made.transports, made.families) == (("udp", "tcp", "tls"), (4,))
    there = sansip.Address("203.0.113.1", 5060)
    assert made.endpoint_for(sansip.Hop("tcp", there), udp) is tcp
    assert made.endpoint_for(sansip.Hop("udp", there), tcp) is udp
    assert made.endpoint_for(sansip.Hop("tls", there, "example.com"), udp) is tls
    assert (udp.default_port, tcp.default_port, tls.default_port) == (5060, 5060, 5061)
    assert sansip.Config([tls]).transports == ("tls",)


@pytest.mark.rule("3261-16.4-04")
@pytest.mark.parametrize(
    ("uri", "which"),
    [
        ("sip:192.0.2.10", "udp"),
        ("sip:192.0.2.10:5060;transport=tcp", "tcp"),
        ("sip:192.0.2.10;transport=tls", "tls"),
        ("sips:192.0.2.10", "tls"),
        ("sips:192.0.2.10:5061;transport=tcp", "tls"),
        ("sips:192.0.2.10:5060", None),
        ("sip:192.0.2.10:5061", None),
    ],
)
def test_a_uri_of_ours_stands_for_an_endpoint(uri: str, which: str | None) -> None:
    made = sansip.Config(
        [
            sansip.Endpoint("udp", "192.0.2.10:5060"),
            sansip.Endpoint("tcp", "192.0.2.10:5060"),
            sansip.Endpoint("tls", "192.0.2.10:5061"),
        ]
    )
    found = made.endpoint_at(sansip.parse_uri(uri))
    assert (found and found.transport) == which
    assert made.is_mine(sansip.parse_uri(uri))
