"""A stage whose questions to DNS wait until a test answers them."""

import sansip
from sansip import dns
from stage import Stage, make_request, on_stage

SRV = ("_sip._udp.gw.example.com", "SRV")


def call(stage: Stage, number: int = 1, uri: str = "sip:bob@gw.example.com") -> None:
    """A call, each number another one."""
    stage.receive(make_request(uri=uri, branch=f"z9hG4bK{number}", call_id=f"{number}"))


def slow() -> Stage:
    """The stage of the two gateways, and nobody answers DNS."""
    stage = on_stage()
    stage.answer_dns = False
    return stage


def answer_one(stage: Stage, answer: dns.Answer | None = None) -> tuple[sansip.Action, ...]:
    """Answer the oldest question that is open, as its zone does or otherwise."""
    query = stage.open_questions.pop(0)
    known = stage.zone[query.name, query.type] if answer is None else answer
    return stage.step(sansip.DnsAnswered(stage.now, query.query, known))
