"""The example name server, where the resolver's tests do not get to it."""

import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import dns.message
import dns.query
import pytest
from zone_dns import ZoneServer

SCRIPT = Path(__file__).parents[2] / "examples" / "zone_dns.py"
ZONE = """
@     300 SOA ns admin 1 3600 600 86400 17
@     300 NS  ns
gw-1   45 A   192.0.2.1
"""


def test_nonsense_gets_no_answer(zone_dns: "Callable[[], ZoneServer]") -> None:
    server = zone_dns()
    assert server.answer("udp", b"nonsense") is None
    assert server.log == []


def test_a_port_in_use_is_an_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OSError, match="in use"):
            ZoneServer(ZONE, "example.com.", port=taken.getsockname()[1])


def test_the_script_serves_a_zone_file(tmp_path: Path) -> None:
    file = tmp_path / "example.zone"
    file.write_text(ZONE)
    command = [sys.executable, str(SCRIPT), str(file), "--origin", "example.com"]
    with subprocess.Popen(  # noqa: S603
        [*command, "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline().rpartition(":")[2])
            query = dns.message.make_query("gw-1.example.com", "A")
            reply = dns.query.udp(query, "127.0.0.1", port=port, timeout=5)
            assert [rrset.to_text() for rrset in reply.answer] == [
                "gw-1.example.com. 45 IN A 192.0.2.1"
            ]
        finally:
            process.terminate()
