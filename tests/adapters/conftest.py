"""What the adapters' tests share: a real name server, from the examples; and an authority."""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from zone_dns import ZoneServer

from asking import Asking, asking
from certificates import Authority, Files
from loops import Adapter, Clock, adapters
from peers import bound
from sansip_adapter import tcp
from sansip_adapter.tls import Tls

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

Serving = Callable[[], ZoneServer]


@pytest.fixture
def zone_dns() -> Iterator[Serving]:
    """Start a name server for example.com; its knobs belong to the test."""
    with ExitStack() as started:
        yield lambda: started.enter_context(ZoneServer(ZONE, "example.com."))


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Give an authority, whose certificates are made once."""
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def healthy() -> Iterator[ZoneServer]:
    """Start a name server for many tests, which leave it as it is."""
    with ZoneServer(ZONE, "example.com.") as server:
        yield server


@pytest.fixture(scope="session")
def ours(authority: Authority) -> Files:
    """Give the certificate of who is tested."""
    return authority.leaf("proxy.example.com", "127.0.0.1")


@pytest.fixture(scope="session")
def theirs(authority: Authority) -> Files:
    """Give the certificate of a peer."""
    return authority.leaf("gw.example.com")


@pytest.fixture
def settings(authority: Authority, ours: Files) -> Tls:
    """Give the TLS of who is tested: it shows a certificate, and asks nobody for one."""
    return Tls(ours.certificate, ours.key, authority.ca)


@pytest.fixture(params=adapters(), ids=lambda adapter: adapter.name)
def adapter(request: pytest.FixtureRequest) -> Adapter:
    """Every adapter in turn."""
    found: Adapter = request.param
    return found


@pytest.fixture(params=[each for each in adapters() if each.name != "uvloop"],
                ids=lambda adapter: adapter.name)  # fmt: skip
def virtual(request: pytest.FixtureRequest) -> tuple[Adapter, Clock]:
    """Every adapter whose loop has a clock that we can put forward, with that clock."""
    found: Adapter = request.param
    return found.in_virtual_time()


@pytest.fixture(params=["127.0.0.1", "::1"])
def loopback(request: pytest.FixtureRequest) -> str:
    """Both loopbacks in turn; IPv6 where the machine has it."""
    host: str = request.param
    try:
        with bound(host):
            return host
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")


@pytest.fixture
def asked(adapter: Adapter) -> Iterator[Asking]:
    """The loop of every adapter in turn, to ask name servers."""
    with asking(adapter) as found:
        yield found


@pytest.fixture
def small_buffers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the kernel take few bytes for each connection."""
    prepare = tcp.prepare

    def small(sock: socket.socket) -> None:
        prepare(sock)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)

    monkeypatch.setattr(tcp, "prepare", small)
