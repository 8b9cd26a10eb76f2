"""Several proxies, each an engine on a stage of its own, wired by address; around them, phones.

What one sends another receives at once; what goes to an address where no proxy listens has reached
a phone, and stays with it. Everything is noted as it was on the wire.
"""

import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

import sansip
from sansip.message import reply
from stage import Stage

MOST_HEARD = 500  # messages: what goes round and round for ever is a failure
SHOWN = ("route", "record-route")
_NOT_SHOWN = re.compile(r":5060|;did=[0-9a-f]+")  # what the examples of RFC 3261 leave out


@dataclass
class Network:
    """Proxies by their names, and the addresses of the phones by theirs."""

    proxies: Mapping[str, Stage]
    phones: Mapping[str, sansip.Address]
    heard: list[tuple[str, str, sansip.Request | sansip.Response]] = field(
        default_factory=list[tuple[str, str, sansip.Request | sansip.Response]]
    )

    def send(
        self, sender: str, receiver: str, message: sansip.Request | sansip.Response, side: int = 0
    ) -> None:
        """A phone sends a proxy something, to one of its endpoints; all that follows, follows."""
        proxy = self.proxies[receiver].engine.config.endpoints[side].bind
        queue = deque([(self.phones[sender], proxy, message.render())])
        while queue:
            source, remote, data = queue.popleft()
            self.heard.append((self._name(source), self._name(remote), sansip.parse(data)))
            assert len(self.heard) < MOST_HEARD
            found = self._listening(remote)
            if found is None:
                continue
            stage, endpoint = found
            sent = len(stage.sends)
            event = sansip.DatagramReceived(stage.now, endpoint.name, source, endpoint.bind, data)
            stage.step(event)
            for send in stage.sends[sent:]:
                left = stage.engine.config.endpoint(send.endpoint)
                assert left is not None
                queue.append((left.bind, send.remote, send.data))

    def answer(self, phone: str, status: int, side: int = 0, contact: str = "") -> None:
        """A phone answers the newest request that it has got."""
        sender, request = next(
            (sender, message)
            for sender, receiver, message in reversed(self.heard)
            if receiver == phone and isinstance(message, sansip.Request)
        )
        headers = (("Contact", f"<{contact}>"),) if contact else ()
        self.send(phone, sender, reply(request, status, to_tag=phone, headers=headers), side)

    def at(self, receiver: str, method: str) -> list[sansip.Request]:
        """The requests of this method that somebody has got."""
        return [
            message
            for _, to, message in self.heard
            if to == receiver and isinstance(message, sansip.Request) and message.method == method
        ]

    def route_set(self, phone: str) -> tuple[str, ...]:
        """The Record-Route of the newest 2xx that a phone has got, as its route set (12.1.2)."""
        answers = [
            message
            for _, to, message in self.heard
            if to == phone and isinstance(message, sansip.Response) and message.status == 200
        ]
        return tuple(reversed(answers[-1].values("record-route")))

    def flow(self, method: str) -> str:
        """The way of the requests of a method: who to whom, request line, routes.

        Ports and proofs are left out, as RFC 3261 16.12.1 does.
        """
        lines: list[str] = []
        for sender, receiver, message in self.heard:
            if isinstance(message, sansip.Request) and message.method == method:
                lines.append(f"{sender} -> {receiver}: {method} {message.uri_text}")
                rows = [(name, text) for name, text in message.headers if name in SHOWN]
                lines += [f"    {name.title()}: {text}" for name, text in rows]
        return _NOT_SHOWN.sub("", "\n".join(lines))

    def _listening(self, address: sansip.Address) -> tuple[Stage, sansip.Endpoint] | None:
        for stage in self.proxies.values():
            for endpoint in stage.engine.config.endpoints:
                if endpoint.bind == address:
                    return stage, endpoint
        return None

    def _name(self, address: sansip.Address) -> str:
        places = {place: name for name, place in self.phones.items()}
        for name, stage in self.proxies.items():
            places |= {endpoint.bind: name for endpoint in stage.engine.config.endpoints}
        return places[address]
