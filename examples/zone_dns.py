"""An authoritative name server for one zone, for demonstrations and tests; it needs dnspython.

    python examples/zone_dns.py example.zone --listen 127.0.0.1:5353

UDP and TCP, NODATA and NXDOMAIN with their SOA (RFC 2308), CNAME chains, wildcards, referrals, TC
when an answer is too big. A test or a demonstration can make it behave badly while it runs: see
``ZoneServer``.
"""

import argparse
import contextlib
import socketserver
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import dns.zone

Handler = type[socketserver.BaseRequestHandler]


class _Udp(socketserver.ThreadingUDPServer):
    daemon_threads = True


class _Tcp(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


class ZoneServer:
    """Serves ``zone`` (the text of a zone file) from creation until ``close``.

    The knobs may be turned at any time. ``drop``: say nothing; ``delay``: seconds before an
    answer; ``rcode``: answer everything with this code, for example ``dns.rcode.SERVFAIL``.
    ``log`` lists what was asked: (transport, name, type).
    """

    def __init__(
        self, zone: str, origin: str = ".", host: str = "127.0.0.1", port: int = 0
    ) -> None:
        self.drop, self.delay, self.rcode = False, 0.0, dns.rcode.NOERROR
        self.log: list[tuple[str, str, str]] = []
        self.zone = dns.zone.from_text(zone, origin, relativize=False)
        self._servers = _bind(host, port, _handlers(self.answer))
        self.address: tuple[str, int] = self._servers[0].socket.getsockname()[:2]
        for server in self._servers:
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop, and free the port."""
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def answer(self, transport: str, wire: bytes) -> bytes | None:
        """Answer one query as it came, or not at all."""
        try:
            query = dns.message.from_wire(wire)
        except dns.exception.DNSException:
            return None
        asked = query.question[0]
        name = asked.name.to_text(omit_final_dot=True)
        self.log.append((transport, name, dns.rdatatype.to_text(asked.rdtype)))
        time.sleep(self.delay)
        if self.drop:
            return None
        reply = dns.message.make_response(query)
        reply.set_rcode(self.rcode)
        if self.rcode == dns.rcode.NOERROR:
            self._look_up(asked.name, asked.rdtype, reply)
        limit = 65535 if transport == "tcp" else max(512, query.payload)
        try:
            return reply.to_wire(max_size=limit, want_shuffle=False)
        except dns.exception.TooBig:
            short = dns.message.make_response(query)
            short.flags |= dns.flags.TC
            return short.to_wire()

    def _look_up(
        self, name: dns.name.Name, kind: dns.rdatatype.RdataType, reply: dns.message.Message
    ) -> None:
        if not name.is_subdomain(self._origin):
            reply.set_rcode(dns.rcode.REFUSED)
            return
        reply.flags |= dns.flags.AA
        for _ in range(16):  # a chain of CNAMEs may be circular
            if not name.is_subdomain(self._origin):  # nor are others' names our business
                return
            if cut := self._cut(name):
                reply.authority.append(cut)
                if not reply.answer:
                    reply.flags &= ~dns.flags.AA
                return
            found = self._rrset(name, kind)
            alias: Any = self._rrset(name, dns.rdatatype.CNAME)
            if found is not None or alias is None:
                break
            reply.answer.append(alias)
            name = alias[0].target
        else:
            return
        if found is not None:
            reply.answer.append(found)
            return
        if not self._exists(self._owner(name)):  # else NODATA
            reply.set_rcode(dns.rcode.NXDOMAIN)
        soa = self.zone.get_rrset(self._origin, dns.rdatatype.SOA)
        if soa is not None:
            reply.authority.append(soa)

    @property
    def _origin(self) -> dns.name.Name:
        return self.zone.origin or dns.name.root

    def _cut(self, name: dns.name.Name) -> dns.rrset.RRset | None:
        """Return the name servers of another zone that has this name, if there is one."""
        while name != self._origin:
            if servers := self.zone.get_rrset(name, dns.rdatatype.NS):
                return servers
            name = name.parent()
        return None

    def _exists(self, name: dns.name.Name) -> bool:
        return any(node.is_subdomain(name) for node in self.zone)

    def _owner(self, name: dns.name.Name) -> dns.name.Name:
        """Return the name itself, or the wildcard that would speak for it (RFC 4592)."""
        encloser = name
        while encloser != self._origin and not self._exists(encloser):
            encloser = encloser.parent()
        return name if encloser == name else dns.name.from_text("*", encloser)

    def _rrset(self, name: dns.name.Name, kind: dns.rdatatype.RdataType) -> dns.rrset.RRset | None:
        found = self.zone.get_rrset(self._owner(name), kind)
        return found and dns.rrset.from_rdata_list(name, found.ttl, list(found))


def _handlers(answer: Callable[[str, bytes], bytes | None]) -> tuple[Handler, Handler]:
    class Udp(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            wire, sock = self.request
            if reply := answer("udp", wire):
                with suppress(OSError):  # the server may have been closed meanwhile
                    sock.sendto(reply, self.client_address)

    class Tcp(socketserver.StreamRequestHandler):
        timeout = 10

        def handle(self) -> None:
            with suppress(OSError):  # whoever asked may have gone away
                while len(head := self.rfile.read(2)) == 2:
                    reply = answer("tcp", self.rfile.read(struct.unpack("!H", head)[0]))
                    if not reply:
                        return
                    self.wfile.write(struct.pack("!H", len(reply)) + reply)

    return Udp, Tcp


def _bind(host: str, port: int, handlers: tuple[Handler, Handler]) -> tuple[_Udp, _Tcp]:
    while True:
        udp = _Udp((host, port), handlers[0])
        try:
            return udp, _Tcp((host, udp.socket.getsockname()[1]), handlers[1])
        except OSError:  # a port that is free for UDP may be taken for TCP
            udp.server_close()
            if port:
                raise


def main() -> None:
    """Serve a zone file until interrupted."""
    parser = argparse.ArgumentParser(description="An authoritative name server for one zone.")
    parser.add_argument("zone", type=Path, help="a zone file")
    parser.add_argument("--origin", default=".", help="the zone's name (default: the root)")
    parser.add_argument("--listen", default="127.0.0.1:5353", metavar="ADDRESS:PORT")
    given = parser.parse_args()
    host, _, port = given.listen.rpartition(":")
    with ZoneServer(given.zone.read_text(), given.origin, host, int(port)) as server:
        print(f"listening on {server.address[0]}:{server.address[1]}", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
