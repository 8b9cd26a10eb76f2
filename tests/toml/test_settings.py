"""The configuration file: everything that is wrong is said, with file, key, reason and remedy."""

import subprocess
import sys
from collections.abc import Iterator
from errno import ENOENT
from ipaddress import ip_network
from pathlib import Path

import pytest

from sansip import Dispatch, Group, LocalProtocolError, Member, Relay
from sansip.toml import ConfigError, load
from sansip.toml.routes import within

LISTEN = 'listen = ["udp:192.0.2.10:5060"]\n'
HERE = Path(__file__).parent

WHOLE = """
listen = ["udp:0.0.0.0:5060", "udp:[2001:db8::1]:5060"]
advertise = "192.0.2.10"
domains = ["Example.COM"]
nameservers = ["127.0.0.53:53", "192.0.2.53", "[2001:db8::53]:5353"]
allow_hops = ["127.0.0.0/8"]
secret = "00112233445566778899aabbccddeeff"

[relay]
advance_after = 2
progress_after = 10.0
timer_c = 200
failover_on = [500, 503]
late = "cancel"
record_route = false

[[route]]
method = "INVITE"
host = "GW.example.com"
source = "198.51.100.0/24"
to = "group:gateways"
advance_after = 0.5
progress_after = "off"

[[route]]
host = "gw.example.com"
to = "uri"

[[route]]
method = "MESSAGE"
to = "sip:127.0.0.2:5070"

[[route]]
to = "sip:desk@192.0.2.20"

[groups.gateways]
algorithm = "first"
targets = ["sip:gw-1.example.com", "sip:gw-2.example.com;transport=UDP"]
rewrite = "none"
"""


def test_a_whole_configuration_is_read() -> None:
    settings = load(WHOLE.encode(), "proxy.toml")
    assert [endpoint.sent_by for endpoint in settings.endpoints] == [
        "192.0.2.10:5060",  # advertise belongs to the address of the same family
        "[2001:db8::1]:5060",
    ]
    assert settings.domains == ("example.com",)
    assert settings.nameservers == ("127.0.0.53:53", "192.0.2.53", "[2001:db8::53]:5353")
    assert settings.secret == bytes.fromhex("00112233445566778899aabbccddeeff")
    assert dict(settings.groups) == {
        "gateways": Group(
            (Member("sip:gw-1.example.com"), Member("sip:gw-2.example.com;transport=UDP"))
        ),
        "sip:127.0.0.2:5070": Group((Member("sip:127.0.0.2:5070"),)),
    }
    assert settings.config().groups == settings.groups
    first, second, third, fourth = settings.routes
    assert (first.method, first.host) == ("INVITE", "gw.example.com")
    assert first.source == ip_network("198.51.100.0/24")
    assert first.relay == Relay(
        Dispatch("gateways", "first", "none"),
        advance_after=0.5,
        progress_after=None,
        timer_c=200.0,
        failover_on=(500, 503),
        late="cancel",
        record_route=False,
    )
    assert first.resend
    assert second.follow
    assert second.relay.advance_after == 2.0
    assert second.relay.progress_after == 10.0
    assert second.relay.timer_c == 200.0
    assert not second.resend
    assert third.relay.to == Dispatch("sip:127.0.0.2:5070")
    assert not third.resend, "a default of all routes says nothing about MESSAGE"
    assert fourth.relay.to == "sip:desk@192.0.2.20"


def test_what_is_left_out_has_the_defaults_of_the_core() -> None:
    settings = load(LISTEN + '[[route]]\nto = "sip:192.0.2.20"\n', "proxy.toml")
    assert settings.nameservers is None
    assert settings.secret is None
    assert settings.routes[0].relay == Relay(Dispatch("sip:192.0.2.20"))


@pytest.mark.parametrize("text", ["a text of 16 B..", "ä" * 8, "ab" * 64])
def test_a_secret_is_text_or_hex(text: str) -> None:
    secret = load(f'{LISTEN}secret = "{text}"', "proxy.toml").secret
    assert secret == (bytes.fromhex(text) if text.startswith("ab") else text.encode())


def test_a_name_server_may_have_a_zone_and_what_sip_goes_to_has_none() -> None:
    servers = ("fe80::1%eth0", "[fe80::1%eth0.1]:53")
    assert load(f"{LISTEN}nameservers = {list(servers)}", "proxy.toml").nameservers == servers
    with pytest.raises(ConfigError, match=r"nameservers\[0\].*: must be"):
        load(f'{LISTEN}nameservers = ["192.0.2.1%eth0"]', "proxy.toml")
    with pytest.raises(ConfigError, match=r"listen\[0\].*: must be"):
        load('listen = ["udp:[fe80::1%eth0]:5060"]', "proxy.toml")


def test_subdomains_belong_to_a_domain_and_lookalikes_do_not() -> None:
    assert within("example.com", ("example.com",))
    assert within("gw.example.com", ("example.org", "example.com"))
    assert not within("notexample.com", ("example.com",))
    assert not within("example.com.", ("example.com",))
    assert not within("com", ("example.com",))
    assert not within("", ("example.com",))


LISTS: dict[str, str | bytes] = {
    "dispatcher.list": b"""# caf\xe9: nobody says what encoding a comment has
1 sip:gw-1.example.com
1 sip:gw-2.example.com 0 5 duid=two;maxload=8
2 sip:gw-3.example.com 0 0 socket=udp:192.0.2.11:5060
2 sip:gw-4.example.com;transport=tcp
3 sip:gw-5.example.com 0 0 obproxy=sip:192.0.2.10:5060
4 sip:gw-7.example.com 4
""",
    "broken.list": "1 sip:gw-1.example.com\none sip:gw-2.example.com\n2 sip:gw-3.example.com 64\n",
    "empty.list": "# nobody\n",
}


def read(name: str) -> str | bytes:
    if name not in LISTS:
        raise FileNotFoundError(ENOENT, "No such file or directory", name)
    return LISTS[name]


def bad_configs() -> Iterator[tuple[str, list[str]]]:
    """Blocks of TOML, each followed by the lines that it should get, as comments."""
    for block in (HERE / "bad_configs.txt").read_text(encoding="utf-8").split("\n\n"):
        text, *lines = (part.rstrip("\n") for part in block.split("#! "))
        yield text if "listen: missing" in block or "listen =" in text else LISTEN + text, lines


@pytest.mark.parametrize(("text", "lines"), list(bad_configs()))
def test_errors_name_file_key_reason_and_remedy(text: str, lines: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        load(text, "proxy.toml", read)
    told = [line.removeprefix("proxy.toml: ") for line in caught.value.lines]
    assert told == lines
    assert str(caught.value) == "\n".join(caught.value.lines)


def test_a_file_that_is_not_toml_says_where() -> None:
    with pytest.raises(ConfigError, match=r"^proxy.toml: not TOML: Invalid value \(at"):
        load("listen = [", "proxy.toml")
    with pytest.raises(ConfigError, match=r"^proxy.toml: byte 2 is not UTF-8; save"):
        load(b"# \xff", "proxy.toml")


def test_all_errors_are_told_at_once() -> None:
    assert issubclass(ConfigError, LocalProtocolError)
    with pytest.raises(ConfigError) as caught:
        load('domain = 1\nlisten = ["tls:1"]\n[relay]\nlate = 1', "p")
    assert len(caught.value.lines) == 3


def test_tcp_is_there_when_something_listens_on_it() -> None:
    text = """listen = ["udp:192.0.2.10:5060", "tcp:192.0.2.10:5060"]
[groups.g]
targets = ["sip:gw-1.example.com;transport=tcp", "sip:gw-2.example.com;transport=UDP"]
[[route]]
to = "sip:gw-3.example.com;transport=tcp"
"""
    config = load(text, "p").config()
    assert config.transports == ("udp", "tcp")
    (_, group), _ = config.groups
    assert group.members[0] == Member("sip:gw-1.example.com;transport=tcp")


def test_nobody_pays_for_it_who_does_not_ask_for_it() -> None:
    ask = "import sys, sansip; print('sansip.toml' in sys.modules or 'tomllib' in sys.modules)"
    told = subprocess.run(  # noqa: S603 (our own question)
        [sys.executable, "-c", ask], check=True, capture_output=True, text=True
    )
    assert told.stdout == "False\n"
