"""What the adapters' tests share: a real name server, from the examples."""

import importlib.util
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from examples.zone_dns import ZoneServer

EXAMPLES = Path(__file__).parents[2] / "examples"

ZONE = """
$ORIGIN example.com.
@       300 SOA ns.example.com. admin.example.com. 1 3600 600 86400 17
@       300 NS  ns.example.com.
@       60  NAPTR 10 5 "S" "SIP+D2U" "" _sip._udp.example.com.
@       60  NAPTR 20 5 "u" "E2U+sip" "!^.*$!sip:info@example.com!" .
_sip._udp       60 SRV 10 1 5060 GW-1.example.com.
_sip._udp       60 SRV 20 0 5070 gw-2.example.com.
_sip._tcp       60 SRV 0 0 0 .
gw-1    45  A     192.0.2.1
gw-1    45  A     192.0.2.2
gw-1    45  AAAA  2001:db8::1
alias   9   CNAME middle.example.com.
middle  5   CNAME gw-1.example.com.
loop    9   CNAME loop.example.com.
deep.below 30 TXT "below is an empty non-terminal"
""" + "\n".join(f"_big._udp 30 SRV 1 1 {5000 + i} gateway-{i}.example.com." for i in range(60))

Serving = Callable[[], "ZoneServer"]


@pytest.fixture(scope="session")
def zone_server_class() -> "type[ZoneServer]":
    spec = importlib.util.spec_from_file_location("zone_dns", EXAMPLES / "zone_dns.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["zone_dns"] = module
    spec.loader.exec_module(module)
    found: type[ZoneServer] = module.ZoneServer
    return found


@pytest.fixture
def zone_dns(zone_server_class: "type[ZoneServer]") -> Iterator[Serving]:
    """Start a name server for example.com; its knobs belong to the test."""
    with ExitStack() as started:
        yield lambda: started.enter_context(zone_server_class(ZONE, "example.com."))
