"""The text of zone files (RFC 1035 5.1)."""

import pytest

import sansip
from sansip.dns import Ip, Naptr, Srv
from sansip.simulate.zone import Row, rows

ZONE = """
$ORIGIN Example.com.   ; relative names end in this
$TTL 1h
@       IN SOA ns admin ( 1 3600 600   ; in three lines
                          86400
                          5m )
        NS     ns
gw      NAPTR  10 20 "s" "SIP+D2U" "" _sip._udp.gw
_sip._udp.gw 30 IN SRV 1 2 5060 gw-1
_sip._udp.gw IN 1m30s SRV 3 4 5061 gw-2.example.net.
gw-1    A      203.0.113.1
        AAAA   2001:db8::1
alias   CNAME  gw-1
a\\.b\\098 A   203.0.113.2
$ORIGIN sub
host    A      203.0.113.3
"""


def test_a_zone_file_is_read() -> None:
    soa, ns, *rest = rows(ZONE)
    assert soa == Row("example.com", "SOA", 300.0, None)
    assert ns == Row("example.com", "NS", 3600.0, None)
    to = Naptr(10, 20, "s", "SIP+D2U", "", "_sip._udp.gw.example.com")
    assert rest == [
        Row("gw.example.com", "NAPTR", 3600.0, to),
        Row("_sip._udp.gw.example.com", "SRV", 30.0, Srv(1, 2, 5060, "gw-1.example.com")),
        Row("_sip._udp.gw.example.com", "SRV", 90.0, Srv(3, 4, 5061, "gw-2.example.net")),
        Row("gw-1.example.com", "A", 3600.0, Ip("203.0.113.1")),
        Row("gw-1.example.com", "AAAA", 3600.0, Ip("2001:db8::1")),
        Row("alias.example.com", "CNAME", 3600.0, "gw-1.example.com"),
        Row("a.bb.example.com", "A", 3600.0, Ip("203.0.113.2")),
        Row("host.sub.example.com", "A", 3600.0, Ip("203.0.113.3")),
    ]


def test_the_origin_may_be_given() -> None:
    assert rows("gw A 203.0.113.1", "example.com.") == rows("gw.example.com. A 203.0.113.1")
    assert rows("gw A 203.0.113.1") == rows("gw. A 203.0.113.1")


def test_the_root_is_a_name() -> None:
    assert rows(". NS ns")[0].name == ""


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("gw A", "line 3"),
        ("gw", "line 3"),
        ("gw SRV 1 2 x host", "'gw SRV 1 2 x host'"),
        ("$TTL soon", "soon is no time"),
        ("gw ??? x", "is no type"),
        ("gw SOA ( ns admin", "line 3"),
        ("gw A not-an-address", "not-an-address"),
        ("gw A 2001:db8::1", "2001:db8::1"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(line: str, why: str) -> None:
    with pytest.raises(sansip.LocalProtocolError, match=why.replace("?", r"\?")):
        rows(f"\n\n{line}\n")
