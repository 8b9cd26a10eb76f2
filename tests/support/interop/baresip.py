"""baresip: a phone, driven over its control port; it says what happens to it there.

It has no audio device: its microphone hears its own loudspeaker.
"""

import json
import re
import time
from pathlib import Path
from socket import create_connection, socket

import pytest

from certificates import Authority
from interop.programs import Place, Program, eventually

CONTROL = 4444
FROM_ANYWHERE = "127.0.0.1"  # what it opens connections from
CONFIG = """
poll_method epoll
sip_listen {host}:5060
sip_certificate {certificate}
sip_cafile {ca}
net_interface {host}
call_max_calls 4
audio_source aubridge,loop
audio_player aubridge,loop
ausrc_format s16
auplay_format s16
rtp_stats no
module_path {modules}
module g711.so
module aubridge.so
module_tmp uuid.so
module_tmp account.so
module_app ctrl_tcp.so
module_app menu.so
ctrl_tcp_listen {host}:{control}
"""
ACCOUNT = (
    "<sip:{name}@example.com;transport={transport}>"
    ';regint=60;auth_pass=none;outbound="{outbound}";answermode=manual\n'
)


class Baresip:
    """A phone at work."""

    def __init__(self, host: str, program: Program, control: socket) -> None:
        self.host, self.program, self._control = host, program, control
        self._unread = b""
        self.told: list[str] = []  # the types of all events so far

    def registered(self) -> None:
        """Wait until it is registered; it may have been before we could hear of it."""
        eventually("it registers", lambda: "200 OK () [1 binding]" in self.program.said)

    def do(self, command: str, *parameters: str) -> None:
        """Have it do something."""
        order = {"command": command, **({"params": parameters[0]} if parameters else {})}
        text = json.dumps(order).encode()
        self._control.sendall(b"%d:%s," % (len(text), text))

    def until(self, event: str, within: float = 10.0) -> None:
        """Wait until it has told of such an event, which is then forgotten."""
        end = time.monotonic() + within
        while event not in self.told:
            self._control.settimeout(max(end - time.monotonic(), 0.001))
            try:
                self._unread += self._control.recv(65535)
            except TimeoutError:
                pytest.fail(f"no {event}, but {self.told}\n{self.program.said[-5000:]}")
            self._read()
        self.told.remove(event)

    def received(self, beginning: str) -> set[str]:
        """Say which hosts it has received messages from that begin like this."""
        found = re.findall(
            rf"\w+ ([\d.]+):\d+ -> [\d.]+:\d+\n{re.escape(beginning)} ",
            self.program.said.replace("\r", ""),
        )
        return set(found) - {self.host, FROM_ANYWHERE}

    def _read(self) -> None:
        """Read what has come: JSON, each with its length before it."""
        while True:
            size, colon, rest = self._unread.partition(b":")
            if not colon or len(rest) <= int(size):
                return
            told = json.loads(rest[: int(size)])
            self._unread = rest[int(size) + 1 :]
            if told.get("event"):
                self.told.append(told["type"])


def baresip(
    place: Place, host: str, name: str, outbound: str, authority: Authority, transport: str = "udp"
) -> Baresip:
    """Start the phone of ``name@example.com``; it registers by itself."""
    folder = place.own(name)
    own = authority.leaf(host)
    both = "".join(Path(file).read_text() for file in (own.certificate, own.key))
    (folder / "phone.pem").write_text(both)
    config = CONFIG.format(
        host=host,
        control=CONTROL,
        modules=_modules(),
        certificate=folder / "phone.pem",
        ca=authority.ca,
    )
    (folder / "config").write_text(config)
    account = ACCOUNT.format(name=name, transport=transport, outbound=outbound)
    (folder / "accounts").write_text(account)
    program = place.run(["baresip", "-f", str(folder), "-s"], folder)
    program.there("tcp", host, CONTROL)
    control = place.stack.enter_context(create_connection((host, CONTROL), 10))
    return Baresip(host, program, control)


def _modules() -> Path:
    """Find where its modules are: where its package or its own installation puts them."""
    found = [
        place / "baresip" / "modules" for place in (Path("/usr/lib"), Path("/usr/local/lib"))
    ] + sorted(Path("/usr/lib").glob("*/baresip/modules"))
    return next(place for place in found if place.is_dir())
