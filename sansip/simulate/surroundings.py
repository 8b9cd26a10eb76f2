"""Who is to be called, by what an engine is told and DNS says: nobody has to list the gateways."""

from collections.abc import Iterable
from typing import Final

from sansip import locate
from sansip.address import Address, Hop
from sansip.dns import Answer, Failure, Question
from sansip.engine.engine import Engine
from sansip.entropy import Draws
from sansip.message import Request, Uri, parse_uri
from sansip.simulate.gateway import PICKS_UP, Gateway, Script
from sansip.simulate.names import Names
from sansip.simulate.party import DEFAULT_PORT, at
from sansip.simulate.world import World

_SEED: Final = bytes(32)  # all hops are wanted, whatever their order
_NONE: Final = Failure("no answer")


def planned(engine: Engine, names: Names, request: Request, source: Address) -> tuple[Hop, ...]:
    """Where a request may go by what the policy decides; not what a failure route would add."""
    state, _ = engine.start(_SEED, 0.0)
    answers: dict[Question, Answer] = {}
    while True:
        plan = engine.plan(state, request, at=0.0, source=source, answers=answers)
        if not plan.questions:
            return tuple([step.hop for step in plan.steps if not step.refused])
        answers |= {question: _answer(names, question) for question in plan.questions}


def located(engine: Engine, names: Names, uri: Uri) -> tuple[Hop, ...]:
    """Where a URI leads (RFC 3263), as far as the engine goes there."""
    config = engine.config
    aim = locate.aim(uri, config.transports, config.families)
    lookup, outputs = locate.start(aim, Draws(_SEED, ""), config.limits.locate)
    hops: list[Hop] = []
    queue = list(outputs)
    for output in queue:  # grows while it is walked through
        if isinstance(output, locate.Hops):
            hops += output.hops
        elif isinstance(output, locate.Ask):
            known = locate.Answered(output.question, _answer(names, output.question))
            lookup, more = locate.step(lookup, known)
            queue += more
    return tuple([hop for hop in hops if config.refuses(hop) is None])


def surroundings(
    engine: Engine, names: Names, requests: Iterable[Request], source: Address
) -> tuple[Hop, ...]:
    """All places that these requests may lead to: each address once, with its first transport.

    By the policy, by the members of all groups, and by what addresses there are in the zones.
    """
    hops = [hop for request in requests for hop in planned(engine, names, request, source)]
    for _, group in engine.config.groups:
        for member in group.members:
            hops += located(engine, names, parse_uri(member.uri))
    config, known = engine.config, {hop.address.host for hop in hops}
    for host in names.addresses:
        hop = Hop(config.transports[0], Address(host, DEFAULT_PORT))
        is_reached = hop.address.family in config.families and config.refuses(hop) is None
        if is_reached and host not in known:
            hops.append(hop)
    return tuple({hop.address: hop for hop in reversed(hops)}.values())[::-1]


def surround(
    world: World, engine: Engine, uris: Iterable[str], source: str, answers: Script = PICKS_UP
) -> list[Gateway]:
    """Put a gateway wherever calls from there to these URIs, or to any group, may lead."""
    invites = [_invite(uri) for uri in uris]
    hops = surroundings(engine, world.names, invites, at(source))
    return [world.gateway(hop.address, answers, transport=hop.transport) for hop in hops]


def _invite(uri: str) -> Request:
    rows = [
        ("From", "<sip:planned@example.invalid>;tag=1"),
        ("To", f"<{uri}>"),
        ("Call-ID", "planned"),
        ("CSeq", "1 INVITE"),
        ("Max-Forwards", "70"),
    ]
    return Request.make("INVITE", uri, rows)


def _answer(names: Names, question: Question) -> Answer:
    return names.answer(question.name, question.type) or _NONE
