"""What could not be sent, and the news for response contexts: both are dealt with in their turn."""

from sansip.engine import connecting, contexts, lookups, responses
from sansip.engine.state import ClientTransaction, Link, Spare, Waiting
from sansip.engine.transactions import SILENT, discard_client, open_client, resend, step_client
from sansip.engine.turn import Turn
from sansip.proxy.states import Hunting
from sansip.transaction import SERVER, TransportFailed

RESPONSE = (SERVER, responses.OWNER)


def settle(turn: Turn) -> None:
    """Go on until all is quiet: who could not send tries another place, or tells its context."""
    contexts.work_off(turn)
    while turn.unsent:
        for _ in range(len(turn.unsent)):
            fail(turn, *turn.unsent.popleft())
        contexts.work_off(turn)


def fail(turn: Turn, what: Waiting, link: Link, reason: str) -> None:
    """One thing could not be sent."""
    owner, spare = what.owner, what.spare
    if owner in turn.client:
        _not_sent(turn, owner, reason, spare)
    elif owner.startswith(RESPONSE):
        responses.undelivered(turn, what, link, reason)
    elif spare is not None and owner.startswith(lookups.ACK):
        turn.send(owner, spare.endpoint, link.remote, spare.data)
    else:
        # The ACK of a refusal, a pong, or a request that nobody wants any more.
        turn.report("transport", owner, f"{link.remote}: {reason}")


def _not_sent(turn: Turn, key: str, reason: str, spare: Spare | None) -> None:
    """What a client transaction wanted sent could not be, and nothing else is known of why."""
    record = turn.client[key]
    if spare is not None and _may_begin(turn, record):
        # "the element SHOULD retry the request, using UDP" (18.1.1), as a new transaction.
        turn.report("transport", key, f"{record.remote}: {reason}; sent as a datagram")
        discard_client(turn, key)
        open_client(
            turn,
            spare.key,
            invite=record.invite,
            data=spare.data,
            endpoint=spare.endpoint,
            remote=record.remote,
            context=record.context,
            branch=record.branch,
        )
    elif record.flow is None:
        step_client(turn, key, TransportFailed(reason))
    else:
        connecting.shun(turn, record.flow)
        reused = connecting.has_found_open(turn, record.flow, key)
        lost(turn, key, reason, reused=reused)


def is_wanted(turn: Turn, what: Waiting) -> bool:
    """Whether what has waited for its connection is still to be sent.

    An INVITE that nobody wants any more is not, unless it may have come through already.
    """
    record = turn.client.get(what.owner)
    return what.again or record is None or not record.invite or _may_begin(turn, record)


def _may_begin(turn: Turn, record: ClientTransaction) -> bool:
    """Whether a request may still begin on a branch: no CANCEL, no answer yet (16.10)."""
    if record.context in turn.fleet.watch.probes:
        return True
    context = turn.contexts.get(record.context)
    state = None if context is None else context.state
    return isinstance(state, Hunting) and state.branches[record.branch].cancel == "no"


def lost(turn: Turn, key: str, reason: str, *, reused: bool) -> None:
    """The flow of a client transaction is gone.

    One that was open already may have been dead for long: a request that nobody has answered goes
    out once more, the same over a fresh one, and is a retransmission if it had come through. If the
    flow was opened for it, the transport has failed (AMB-11).
    """
    record = turn.client[key]
    if reused and isinstance(record.state, SILENT):
        turn.report("transport", key, f"{record.remote}: {reason}; once more over a fresh one")
        resend(turn, key)
    else:
        step_client(turn, key, TransportFailed(reason))
