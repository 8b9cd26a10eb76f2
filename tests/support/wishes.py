"""A policy that does what the user of the Request-URI wishes: every kind of decision has a name.

Between them the wishes name all that a policy may decide, and some of what it may not.
"""

from typing import cast

import sansip
from sansip import dns
from stage import GW_1, GW_2, PROXY, ZONE, Whatever, config

LAST = f"sip:last@{GW_1}"
STREAM = f"sip:bob@{GW_1};transport=tcp"
NEVER = "sip:bob@nowhere.example.com"

RELAYS: dict[str, Whatever] = {
    "name": {"to": "sip:bob@gw.example.com"},
    "group": {"to": sansip.Dispatch("gateways"), "late": "cancel"},
    "load": {"to": sansip.Dispatch("gateways", "call-load")},
    "streams": {"to": sansip.Dispatch("streams", rewrite="none")},
    "patient": {
        "to": "sip:bob@gw.example.com",
        "progress_after": 2.0,
        "failover_on": (404, 503),
        "advance_after": None,
        "deadline": 10.0,
    },
    "restless": {
        "to": sansip.Dispatch("gateways"),
        "on_failure": "failed",
        "answer_within": 20.0,
    },
    "fork": {
        "to": [LAST, "sip:bob@gw.example.com", sansip.Target(f"sip:dave@{GW_2}", 0.5)],
        "on_failure": "failed",
    },
    "mixed": {
        "to": [STREAM, f"sip:carol@{GW_2}", NEVER, sansip.Target(LAST, 0.2)],
        "advance_after": 1.0,
    },
    "follow": {"to": f"sip:bob@{GW_1}", "on_failure": "follow"},
    "visit": {"to": f"sip:bob@{GW_2}", "route": (f"sip:{GW_1};lr",)},
    "trusted": {"to": f"sip:bob@{GW_2}", "follow_route": True, "record_route": False},
    "nowhere": {"to": NEVER},
    "itself": {"to": f"sip:bob@{PROXY}"},
    "failing": {"to": f"sip:bob@{GW_1}", "on_failure": "fail"},
    "wrong": {"to": "tel:12"},
    "none": {"to": []},
}
OTHERS: dict[str, Whatever] = {
    "local": sansip.Local(),
    "drop": sansip.Drop(),
    "decline": sansip.Reply(480, "Not now"),
    "late": sansip.Reply(408),
    "impossible": sansip.Reply(180),
    "nonsense": 7,
    "ask": sansip.Ask("who is that?", "told", within=3.0),
    "hurry": sansip.Ask("who is that?", "told", within=0.0),
    "astray": sansip.Ask("who is that?", "nobody", within=1.0),
}
WISHES = (*RELAYS, *OTHERS, "raise")
ANSWERS = ("name", "fork", "local", "drop", "ask", "decline", "raise", "nonsense", None, b"\0")


class Wishes(sansip.Policy):
    """It does what is wished."""

    def route(self, request: sansip.Request, scene: sansip.Scene) -> sansip.Decision:
        return self._decision(request.uri.user or "")

    def told(self, request: sansip.Request, scene: sansip.Scene, answer: object) -> sansip.Decision:
        return self._decision(answer if isinstance(answer, str) else "late")

    def failed(self, failed: sansip.Failed) -> sansip.FailureDecision:
        """Go on as long as it can, then elsewhere, then give up."""
        if failed.remaining:
            return sansip.TryNext()
        if len(failed.tried) < 5:
            targets = [LAST, f"sip:last@{GW_2}", "sip:carol@GW-1.EXAMPLE.COM:5060"]
            return sansip.Relay(targets, on_failure="failed")
        return sansip.Reply(480) if len(failed.tried) % 2 else sansip.Finish()

    def follow(self, failed: sansip.Failed) -> sansip.FailureDecision:
        """Go where a 302 says."""
        if failed.best is None or failed.best.status != 302:
            return sansip.Finish()
        contacts = [place.uri_text for place in sansip.headers.CONTACT.of(failed.best)]
        return sansip.Relay(contacts, on_failure="follow")

    def fail(self, failed: sansip.Failed) -> sansip.FailureDecision:
        raise ValueError(failed.request.method)

    def _decision(self, wish: str) -> sansip.Decision:
        if wish == "raise":
            raise KeyError(wish)
        decision: Whatever = OTHERS.get(wish)
        if decision is None:
            decision = sansip.Relay(**RELAYS[wish if wish in RELAYS else "name"])
        return cast("sansip.Decision", decision)  # some wish for nonsense


GATEWAYS = ["sip:gw-1.example.com:5060", "sip:gw-2.example.com:5060"]
GROUPS = {
    "gateways": GATEWAYS,
    "streams": [f"sip:{GW_1};transport=tcp", f"sip:{GW_2};transport=tls", f"sip:{GW_2}"],
}
LESS = {**GROUPS, "streams": [f"sip:{GW_1};transport=tcp", f"sip:{GW_2}"]}  # without TLS
PROBED = {
    name: sansip.Group(
        tuple([sansip.Member(uri) for uri in uris]), sansip.Probing(every), sansip.Thresholds(2, 2)
    )
    for (name, uris), every in zip(GROUPS.items(), (5.0, 20.0), strict=True)
}
ZONES = {**ZONE, ("phone.example.net", "A"): dns.Found((dns.Ip("198.51.100.9"),), 5.0)}
UDP = sansip.Endpoint("udp", str(PROXY))
TCP = sansip.Endpoint("tcp", str(PROXY))
TLS = sansip.Endpoint("tls", "192.0.2.10:5061")
FEW = sansip.Limits(flows=5, waiting=3)
HARDLY_ANY = sansip.Limits(
    transactions=9, in_flight=6, in_flight_per_source=4, branches=3, questions=2,
    bytes_in_flight=4_000, flows=3, waiting=2, bytes_waiting=2_500, unanswered=20.0,
    health=1, calls=3, longest_call=100.0,
)  # fmt: skip
ENGINES = (
    sansip.Engine(config(endpoints=[UDP], groups={"gateways": GATEWAYS}), Wishes()),
    sansip.Engine(config(endpoints=[UDP, TCP, TLS], groups=GROUPS, limits=FEW), Wishes()),
    sansip.Engine(config(endpoints=[UDP, TCP], groups=LESS, limits=HARDLY_ANY), Wishes()),
    sansip.Engine(config(endpoints=[UDP, TCP, TLS], groups=PROBED), Wishes()),
    sansip.Engine(config(endpoints=[UDP, TCP], groups=LESS)),  # a user agent, no policy
)
