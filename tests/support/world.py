"""A world that has everything at once: callers, gateways, connections, DNS, a program, and time.

Each of its methods makes one thing happen, if there is anything that it could happen to.
``programs`` puts these operations together, ``watched`` looks at what comes of them.
"""

import sansip
from line import TCP, over_tcp
from sansip import dns
from sansip.message import ack, cancel, reply
from stage import CALLER, GW_1, GW_2, PROXY, Whatever, make_request
from watched import Watched
from wishes import GATEWAYS, PROBED, TLS

NEIGHBOUR = sansip.Address("198.51.100.2", 5060)
DESK, THIRD = f"sip:desk@{GW_2}", "sip:bob@203.0.113.3:5060"
NOISE = (
    b"\r\n\r\n",
    b"\0",
    b"INVITE sip:x SIP/2.0\r\nVia",
    b"?\r\n\r\n",
    b"SIP/2.0 200 OK\r\n\r\n",
)


class World(Watched):
    """A stage on which everything may happen."""

    # --- callers

    def request(self, number: int, method: str, wish: str, how: str) -> None:
        name = f"{method}-{number}"
        options: dict[str, Whatever] = {"branch": f"z9hG4bK{name}", "call_id": name}
        source = CALLER
        match how:
            case "neighbour":
                source = options["source"] = NEIGHBOUR
            case "narrow":
                options["headers"] = [("Max-Breadth", "2"), ("Reason", "SIP;cause=600")]
            case "large":
                options["body"] = b"x" * 1200
            case "routed":
                options["headers"] = [("Route", f"<sip:{GW_1};lr>")]
            case "old":
                options["branch"] = f"{number}"
            case _:
                pass
        uri = f"sip:{wish}@gw.example.com"
        inbound = [flow for flow in self.flows if flow > 0]
        flow = inbound[number % len(inbound)] if how == "stream" and inbound else None
        request = (make_request if flow is None else over_tcp)(method, uri=uri, **options)
        if how == "named":
            via = f"SIP/2.0/UDP phone.example.net;branch={request.via.branch};rport"
            request = request.with_top_via(via)
        self.begin(request, source, flow)

    def invite(self, number: int, wish: str, how: str) -> None:
        self.request(number, "INVITE", wish, how)

    def begin(self, request: sansip.Request, source: sansip.Address, flow: int | None) -> None:
        self.calls.append((request, source, flow))
        self.go_on(request, source, flow)

    def go_on(self, request: sansip.Request, source: sansip.Address, flow: int | None) -> None:
        if flow is None:
            self.receive(request, source)
        else:
            self.hear(request, flow)

    def retransmit(self, which: int) -> None:
        if self.calls:
            self.go_on(*self.calls[-1 - which % len(self.calls)])

    def give_up(self, which: int) -> None:
        if self.calls:
            request, source, flow = self.calls[-1 - which % len(self.calls)]
            self.go_on(cancel(request, "SIP;cause=200"), source, flow)

    def acknowledge(self, which: int, how: str) -> None:
        """An ACK of a final response to a call, or one that is not quite right."""
        finals = [r for r in self.heard if r.status >= 200 and r.cseq.method == "INVITE"]
        if not finals:
            return
        response = finals[-1 - which % len(finals)]
        found = [each for each in self.calls if each[0].call_id == response.call_id]
        if not found:
            return
        request, source, flow = found[-1]
        made = ack(request, response)
        if (response.status < 300) != (how == "branch"):
            made = made.with_top_via(f"SIP/2.0/UDP {source};branch=z9hG4bKack{which}")
            for route in reversed(response.values("record-route")):
                made = made.append("Route", route)
        if how == "tag":
            made = made.set("To", f"<{request.uri_text}>;tag=other")
        self.go_on(made, source, flow)

    def within(self, which: int, method: str) -> None:
        """A request within a dialog that was set up here, along its route set."""
        routed = [r for r in self.heard if r.to_tag and r.values("record-route")]
        if routed:
            response = routed[-1 - which % len(routed)]
            routes = [("Route", route) for route in reversed(response.values("record-route"))]
            number = 2 + which
            request = make_request(
                method,
                f"sip:bob@{GW_1}",
                branch=f"z9hG4bK{method}{number}{response.call_id}",
                call_id=response.call_id or "",
                cseq=number,
                to_tag=response.to_tag or "",
                headers=routes,
            )
            self.begin(request, CALLER, None)

    # --- gateways

    def answer(self, which: int, status: int, tag: str) -> None:
        """A gateway answers something that it has not yet finally answered."""
        still = [each for each in self.asked if each[1].via.branch not in self.answered]
        self.answer_one(still, which, status, tag)

    def answer_anything(self, which: int, status: int, tag: str) -> None:
        """It does not care what it has answered before."""
        self.answer_one(self.asked, which, status, tag)

    def answer_one(
        self,
        asked: list[tuple[sansip.Send, sansip.Request]],
        which: int,
        status: int,
        tag: str,
    ) -> None:
        if asked:
            send, request = asked[-1 - which % len(asked)]
            if status >= 200:
                self.answered.add(request.via.branch)
            places = (DESK, THIRD) if status == 302 else (f"sip:bob@{GW_1}",)
            contacts = [("Contact", f"<{place}>") for place in places]
            response = reply(request, status, to_tag=tag, headers=contacts)
            if send.flow in self.promises.books.there:
                self.hear(response, send.flow or 0)
            else:
                self.receive(response, send.remote)

    def answer_elsewhere(self, which: int, status: int) -> None:
        """Over whatever connection there is."""
        if self.asked and self.flows:
            _, request = self.asked[-1 - which % len(self.asked)]
            self.hear(reply(request, status, to_tag="e"), self.flows[which % len(self.flows)])

    def answer_oddly(self, which: int, status: int, how: str) -> None:
        """With a Via, or something else, that is not what was sent."""
        if not self.asked:
            return
        send, request = self.asked[-1 - which % len(self.asked)]
        response = reply(request, status, to_tag="odd")
        via = request.via
        match how:
            case "branch":
                response = response.with_top_via(f"SIP/2.0/UDP {PROXY};branch=z9hG4bKother")
            case "sent-by":
                response = response.with_top_via(f"SIP/2.0/UDP {GW_1};branch={via.branch}")
            case "capitals":
                branch = (via.branch or "").upper()
                response = response.with_top_via(f"SIP/2.0/{via.transport} {PROXY};branch={branch}")
            case "alone":
                response = response.set("Via", response.values("via")[0])
            case "other caller":
                response = response.set(
                    "Via", response.values("via")[0], f"SIP/2.0/UDP {GW_2};branch=z9hG4bKx"
                )
            case "method":
                other = "INVITE" if request.method != "INVITE" else "BYE"
                response = response.set("CSeq", f"{request.cseq.number} {other}")
            case _:
                response = response.remove("Via")
        self.receive(response, send.remote)

    # --- the network

    def again(self, which: int) -> None:
        """A copy of a datagram that came before."""
        past = [event for event in self.events if isinstance(event, sansip.DatagramReceived)]
        if past:
            event = past[-1 - which % len(past)]
            self.receive(event.data, event.source)

    def damage(self, which: int, at: int, length: int, put: bytes) -> None:
        """One that has suffered on the way."""
        past = [event for event in self.events if isinstance(event, sansip.DatagramReceived)]
        if past:
            event = past[-1 - which % len(past)]
            self.receive(event.data[:at] + put + event.data[at + length :], event.source)

    def noise(self, which: int, data: bytes) -> None:
        if which and self.flows:
            self.hear(NOISE[which % len(NOISE)] + data, self.flows[which % len(self.flows)])
        else:
            self.receive(data)

    def unreachable(self, which: int, size: int) -> None:
        if self.asked:
            send, _ = self.asked[-1 - which % len(self.asked)]
            self.icmp(send.remote, send.data[:size])

    def refuse_one(self, which: int) -> None:
        if self.sends:
            self.refuse(self.sends[-1 - which % len(self.sends)])

    def peer(self, number: int) -> None:
        """A phone opens a connection; or a gateway does, by TLS, that wants its calls over it."""
        endpoints = [endpoint.name for endpoint in self.engine.config.endpoints]
        flow = 1 + len(self.events)
        if number % 3 == 2 and TLS.name in endpoints:
            remote = sansip.Address(GW_2.host, 40_000 + number)
            opened = sansip.FlowOpened(self.now, flow, TLS.name, remote, PROXY, (GW_2.host,))
            self.step(opened)
            via = f"SIP/2.0/TLS {GW_2.host};branch=z9hG4bKalias{flow};alias"
            options = make_request("OPTIONS", DESK, call_id=f"alias-{flow}")
            self.begin(options.with_top_via(via), remote, flow)
        elif TCP in endpoints:
            remote = sansip.Address(CALLER.host, 40_000 + number)
            self.step(sansip.FlowOpened(self.now, flow, TCP, remote, PROXY))

    def cut(self, number: int, how: str) -> None:
        """A connection breaks; the last that was sent may be refused first."""
        if self.flows:
            flow = self.flows[number % len(self.flows)]
            sends = [send for send in self.sends if send.flow == flow]
            if how == "refused" and sends:
                self.refuse(sends[-1], "broken pipe")
            if flow in self.promises.books.there:
                self.step(sansip.FlowClosed(self.now, flow, "reset"))

    def piecewise(self, number: int, wish: str, cut: int) -> None:
        """A request comes in two pieces."""
        inbound = [flow for flow in self.flows if flow > 0]
        if inbound:
            name = f"z9hG4bKpieces{number}"
            request = over_tcp(uri=f"sip:{wish}@gw.example.com", branch=name, call_id=name)
            self.hear(request, inbound[number % len(inbound)], cut)

    # --- time and DNS

    def wait(self, seconds: float) -> None:
        self.advance(seconds)

    def oversleep(self, seconds: float) -> None:
        """All that is due meanwhile fires at the end only, the newest first."""
        self.now += seconds
        for timer in reversed(self.agenda.pop_due(self.now)):
            self.fired.append(timer)
            self.step(sansip.TimerFired(self.now, timer))

    def fire_again(self, which: int) -> None:
        if self.fired:
            self.step(sansip.TimerFired(self.now, self.fired[-1 - which % len(self.fired)]))

    def resolve(self, which: int, how: str) -> None:
        if self.open_questions:
            query = self.open_questions.pop(which % len(self.open_questions))
            known = self.zone.get((query.name, query.type), dns.NoName(30.0))
            answers = {"found": known, "denied": dns.NoName(5.0), "failed": dns.Failure("SERVFAIL")}
            self.step(sansip.DnsAnswered(self.now, query.query, answers[how]))

    def resolve_again(self, which: int) -> None:
        """An answer to a question that nobody has."""
        self.step(sansip.DnsAnswered(self.now, 1 + which, dns.Found((dns.Ip(GW_1.host),), 1.0)))

    def resolve_all(self) -> None:
        self.answer_all()

    # --- the program

    def consulted(self, which: int, answer: object) -> None:
        if self.consults:
            question = self.consults[-1 - which % len(self.consults)].question
            self.step(sansip.Consulted(self.now, question, answer))

    def submit(self, number: int, method: str, wish: str) -> None:
        handle = f"mine-{number}"
        request = make_request(method, f"sip:{wish}@gw.example.com", call_id=handle)
        relay = None
        if wish == "fork":
            targets = [f"sip:last@{GW_1}", f"sip:bob@{GW_2}", "sip:bob@gw.example.com"]
            relay = sansip.Relay(targets, on_failure="failed")
        self.step(sansip.RequestSubmitted(self.now, handle, request, relay))

    def hang_up(self, number: int) -> None:
        self.step(sansip.CancelSubmitted(self.now, f"mine-{number}"))

    def respond_to(self, which: int, status: int, tag: str) -> None:
        came = [d for d in self.delivered if d.kind == "request"]
        if came:
            chosen = came[-1 - which % len(came)]
            assert isinstance(chosen.message, sansip.Request)
            response = reply(chosen.message, status, to_tag=tag or None)
            self.step(sansip.ResponseSubmitted(self.now, chosen.handle, response))

    def submit_ack(self, which: int) -> None:
        answers = [d.message for d in self.delivered if isinstance(d.message, sansip.Response)]
        if answers:
            answer = answers[-1 - which % len(answers)]
            call_id, to_tag = answer.call_id or "", answer.to_tag or ""
            uri = f"sip:bob@{GW_1}" + (";transport=tcp" if which % 2 else "")
            made = make_request("ACK", uri, call_id=call_id, to_tag=to_tag).remove("Via")
            self.step(sansip.AckSubmitted(self.now, made))

    def err(self, which: int) -> None:
        """What no program should ask for."""
        now, invite = self.now, make_request()
        mistakes: tuple[sansip.Event, ...] = (
            sansip.RequestSubmitted(now, "m", make_request("ACK")),
            sansip.RequestSubmitted(now, "m", invite.remove("Call-ID")),
            sansip.RequestSubmitted(now, "m", invite.set("CSeq", "1 BYE")),
            sansip.RequestSubmitted(now, "s|m", invite),
            sansip.RequestSubmitted(now, "m", invite, sansip.Relay("sip:x@y", timer_c=1.0)),
            sansip.RequestSubmitted(now, "m", make_request("INVITE", "tel:12")),
            sansip.ResponseSubmitted(now, "m", reply(invite, 200)),
            sansip.AckSubmitted(now, invite),
            sansip.AckSubmitted(now, make_request("ACK").remove("To")),
            sansip.Administered(now, sansip.ReplaceGroups((("gateways", ()),))),
            sansip.Administered(now, sansip.ReplaceGroups((("gateways", ("tel:1",)),))),
            sansip.FlowOpened(now, 0, TCP, GW_1, PROXY),
            *[sansip.FlowOpened(now, flow, TCP, GW_1, PROXY) for flow in self.flows[:1]],
        )
        self.step(mistakes[which % len(mistakes)])
        assert len(self.actions) - 1 in self.wrong

    def administer(self, which: int) -> None:
        groups = (("gateways", (*reversed(GATEWAYS),)), ("others", (DESK,)))
        orders = (
            sansip.ReplaceGroups(groups),
            sansip.ReplaceGroups((("gateways", (*GATEWAYS, THIRD)), ("streams", (DESK,)))),
            sansip.FlushCache(),
            sansip.FlushCache(),
            sansip.Quiesce(7),
            sansip.ReplaceGroups((("gateways", PROBED["gateways"]),)),
            sansip.Drain("gateways", GATEWAYS[0]),
            sansip.Enable("gateways", GATEWAYS[0]),
            sansip.Rekey(len(self.events).to_bytes(16, "big")),
        )
        self.step(sansip.Administered(self.now, orders[which % len(orders)]))
