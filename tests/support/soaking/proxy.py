"""The example proxy as a process of its own: its configuration, its signals, what it says."""

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from contextlib import suppress
from pathlib import Path

from ports import free_port
from soaking.wire import HOST

ROOT = Path(__file__).parents[3]
ALARMING = re.compile(r"Traceback|Error\b|Exception|Warning|never awaited|was destroyed")
TOPIC = re.compile(r"(failover|health|probe|policy|limit|transport|dns|malformed|dropped): ")
STILL = re.compile(r"kept: (.*)")
MOST = 20  # lines of each kind that are kept

CONFIG = """\
listen = {listen}
allow_hops = ["127.0.0.0/8"]
domains = ["soak.example"]
nameservers = ["127.0.0.1:{dns}"]
{more}
[relay]
advance_after = 0.5
record_route = true
"""
ROUTE = """
[[route]]
host = "{name}.example"
to = "group:{name}"

[groups.{name}]
algorithm = "{algorithm}"
targets = {targets}
{settings}
"""
NEVER_SUSPECT = "down_after = 1000000"  # so that each call meets what the gateway is like


class DeadGateways:
    """Gateways that are none; their ports are held, so that nobody else gets them."""

    def __init__(self) -> None:
        self._sockets: list[socket.socket] = []
        self.silent = self._hold(socket.SOCK_DGRAM)
        # A socket that is connected elsewhere gets nothing from others: the kernel says "closed".
        self.closed = self._hold(socket.SOCK_DGRAM)
        self._sockets[-1].connect((HOST, 9))
        self.refused = self._hold(socket.SOCK_STREAM)  # bound, and not listening
        self.unread = self._hold(socket.SOCK_STREAM)
        self._sockets[-1].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._sockets[-1].listen(1000)  # whoever connects is never accepted

    def _hold(self, kind: socket.SocketKind) -> int:
        sock = socket.socket(type=kind)
        sock.bind((HOST, 0))
        self._sockets.append(sock)
        port: int = sock.getsockname()[1]
        return port

    def close(self) -> None:
        """Let the ports go."""
        for sock in self._sockets:
            sock.close()


def config(
    ports: dict[str, int], gateways: dict[str, int], dead: DeadGateways, tls: str, version: int
) -> str:
    """A configuration; every second version lists the gateways the other way round."""
    good = ["one", "two"] if version % 2 else ["two", "one"]
    udp, tcp, secure = (
        [target(gateways[name + suffix], transport) for name in good if name + suffix in gateways]
        for suffix, transport in (("", ""), ("", "tcp"), ("-tls", "tls"))
    )
    groups: dict[str, tuple[list[str], str, str]] = {
        "good": (udp, "round-robin", "probe_every = 5.0"),
        "tcp": (tcp, "round-robin", "probe_every = 7.0"),
        "fork": (udp, "parallel", ""),
        "named": (["sip:named.soak.example"], "first", ""),
        "silent": ([target(dead.silent), *udp], "first", NEVER_SUSPECT),
        "suspect": ([target(dead.silent), *udp], "first", "trial_after = 10.0"),
        "closed": ([target(dead.closed), *udp], "first", NEVER_SUSPECT),
        "refused": ([target(dead.refused, "tcp"), *udp], "first", NEVER_SUSPECT),
        "unread": ([target(dead.unread, "tcp"), *udp], "first", NEVER_SUSPECT),
        "full": ([target(gateways["full"]), *udp], "first", ""),
        "nobody": ([target(dead.silent)], "first", NEVER_SUSPECT),
    }
    if secure:
        groups["tls"] = secure, "round-robin", ""
    listen = [f"{transport.lower()}:{HOST}:{port}" for transport, port in ports.items()]
    text = CONFIG.format(listen=listen, dns=gateways["dns"], more=tls)
    for name, (targets, algorithm, settings) in groups.items():
        text += ROUTE.format(name=name, targets=targets, algorithm=algorithm, settings=settings)
    return text + f"\n[groups.unused-{version}]\ntargets = {udp}\n"


def target(port: int, transport: str = "") -> str:
    """A gateway's URI."""
    return f"sip:{HOST}:{port}" + (f";transport={transport}" if transport else "")


def free_ports(transports: list[str]) -> dict[str, int]:
    """Ports to listen on; UDP and TCP share one."""
    shared, secure = free_port(HOST), free_port(HOST)
    return {each: secure if each == "TLS" else shared for each in transports}


class Proxy:
    """The process."""

    def __init__(self, command: str, file: Path) -> None:
        self._command, self._file = shlex.split(command), file
        self._process: subprocess.Popen[str] | None = None
        self.lines: Counter[str] = Counter()  # on stderr, by topic
        self.kept: dict[str, list[str]] = {}
        self.alarming: list[str] = []
        self.goes_on = ""
        self._still = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)

    @property
    def process(self) -> "subprocess.Popen[str]":
        """The process; it must have been started."""
        assert self._process is not None
        return self._process

    def write(self, text: str) -> None:
        """Write the configuration."""
        self._file.write_text(text, encoding="utf-8")

    def start(self) -> None:
        """Start, and wait until it listens."""
        paths = [ROOT, *sorted((ROOT / "adapters").glob("*"))]
        self._process = subprocess.Popen(  # noqa: S603 (our own script)
            [sys.executable, *self._command, "--config", str(self._file), "--drain", "10"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))},
        )
        assert self.process.stdout is not None
        first = self.process.stdout.readline()
        if not first.startswith("listening"):
            _, said = self.process.communicate()
            raise SystemExit(f"the proxy does not start: {first}{said}")
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._note(line.rstrip("\n"))

    def _note(self, line: str) -> None:
        if still := STILL.match(line):
            self.goes_on = still[1]
            self._still.set()
            return
        found = TOPIC.match(line)
        kind = found[1] if found else "reloaded" if ": reloaded; " in line else "other"
        self.lines[kind] += 1
        kept = self.kept.setdefault(kind, [])
        if len(kept) < MOST:
            kept.append(line)
        if found is None and (ALARMING.search(line) or self.alarming) and len(self.alarming) < 100:
            self.alarming.append(line)

    def still(self, within: float = 2.0) -> str:
        """What it says that is going on; "" if it does not say."""
        self._still.clear()
        self.process.send_signal(signal.SIGUSR1)
        self._still.wait(within)
        return self.goes_on

    def reload(self) -> None:
        """Have it read its configuration again."""
        self.process.send_signal(signal.SIGHUP)

    def stop(self, within: float) -> int | None:
        """End it by SIGTERM; gives its exit status, or None if it had to be killed."""
        self.process.terminate()
        try:
            self.process.wait(within)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return None
        self._reader.join(5.0)
        return self.process.returncode

    def kill(self) -> None:
        """End it anyway."""
        if self._process is not None and self._process.poll() is None:
            with suppress(OSError):
                self._process.kill()
            self._process.wait()
