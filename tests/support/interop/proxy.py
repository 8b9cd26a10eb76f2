"""The example proxies, as processes of their own."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from certificates import Authority
from interop.programs import ENDING, STARTING, Place, eventually

EXAMPLES = Path(__file__).parents[3] / "examples"
TLS = """
[tls]
certificate = "{own.certificate}"
key = "{own.key}"
ca = "{ca}"
clients = "{clients}"
"""
PROXIES = ("trio_proxy.py", "asyncio_proxy.py")


class Proxy:
    """A proxy at work: one of the examples, with a configuration."""

    def __init__(self, script: str, host: str, place: Place) -> None:
        self.script, self.host, self._place = script, host, place
        self.folder = place.own(script.removesuffix(".py"))
        self._authority: Authority | None = None

    def uri(self, transport: str = "udp") -> str:
        """Where others find it."""
        port = 5061 if transport == "tls" else 5060
        parameter = "" if transport == "udp" else f";transport={transport}"
        return f"sip:{self.host}:{port}{parameter}"

    @property
    def authority(self) -> Authority:
        """Whose certificates it trusts, and who has issued its own."""
        if self._authority is None:
            self._authority = Authority(self._place.own("authority"))
        return self._authority

    def start(
        self, config: str, transports: Sequence[str] = ("udp",), clients: str = "any"
    ) -> None:
        """Start it, and wait until it is ready. It must end well when the test does."""
        ports = {"udp": 5060, "tcp": 5060, "tls": 5061}
        listen = ", ".join(f'"{name}:{self.host}:{ports[name]}"' for name in transports)
        file = self.folder / "proxy.toml"
        text = f'listen = [{listen}]\nallow_hops = ["127.0.0.0/8"]\n{config}'
        if "tls" in transports:
            own = self.authority.leaf(self.host)
            text += TLS.format(own=own, ca=self.authority.ca, clients=clients)
        file.write_text(text)
        path = str(EXAMPLES / self.script)
        argv = [sys.executable, path, "--config", str(file), "--drain=1", "--verbose"]
        self.program = self._place.run(argv, self.folder)
        self._place.stack.callback(self._has_done_well)
        eventually(
            f"{self.script} is ready",
            lambda: "listening" in self.said or not self.program.running(),
            STARTING,
        )
        assert self.program.running(), self.said

    @property
    def said(self) -> str:
        """Its reports."""
        return self.program.said

    def _has_done_well(self) -> None:
        assert self.program.running(), f"it has ended before the test\n{self.said}"
        assert self.program.stop(ENDING) == os.EX_OK, self.said
        assert "Traceback" not in self.said, self.said
