"""What could not be sent, and the news for response contexts: both are dealt with in their turn."""

from sansip.engine import contexts, responses
from sansip.engine.state import Link, Waiting
from sansip.engine.transactions import not_sent
from sansip.engine.turn import Turn

RESPONSE = ("s|", responses.OWNER)


def settle(turn: Turn) -> None:
    """Go on until all is quiet: who could not send tries another place, or tells its context."""
    while turn.told or turn.unsent:
        contexts.work_off(turn)
        for what, link, reason in [turn.unsent.popleft() for _ in range(len(turn.unsent))]:
            _fail(turn, what, link, reason)


def _fail(turn: Turn, what: Waiting, link: Link, reason: str) -> None:
    owner, spare = what.owner, what.spare
    if owner in turn.client:
        not_sent(turn, owner, reason, spare)
    elif owner.startswith(RESPONSE):
        responses.undelivered(turn, what, link, reason)
    elif spare is not None:
        turn.send(owner, spare.endpoint, link.remote, spare.data)  # an ACK for a 2xx
    else:
        turn.report("transport", owner, f"{link.remote}: {reason}")  # an ACK for a refusal, a pong
