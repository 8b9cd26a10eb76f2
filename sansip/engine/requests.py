"""Requests on their way in.

In this order: match a transaction; ACK and CANCEL; the verdict on everything else. What is relayed,
delivered or asked about gets a server transaction, and at once a 100 if it is an INVITE; what is
refused gets none.
"""

from typing import assert_never

from sansip.address import Address
from sansip.engine import agents, asking, lookups
from sansip.engine.contexts import open_context
from sansip.engine.forwarding import located_uri
from sansip.engine.policy import Drop, Reply
from sansip.engine.routing import respond
from sansip.engine.state import Ack, Arrival, Back, ServerTransaction
from sansip.engine.transactions import open_server, repeat, step_server
from sansip.engine.turn import Turn
from sansip.engine.verdicts import Handover, Inquiry, Passage, judge
from sansip.engine.vias import first_sent_by, stamp
from sansip.entropy import token
from sansip.errors import RemoteProtocolError
from sansip.message import ANY_SIZE, Request, parse, reply
from sansip.proxy.vocabulary import Cancelled
from sansip.transaction import (
    Acknowledged,
    ack_keys,
    acknowledges,
    has_cookie,
    invite_key,
    invite_server,
    other_keys,
    server_key,
)

TAG_SIZE = 16  # characters of a tag that is made here


def arrived(turn: Turn, came: Arrival, request: Request) -> None:
    """Deal with a request."""
    if request.method == "ACK":
        _ack(turn, came, request)
        return
    key = server_key(request)
    if key in turn.server:
        repeat(turn, key, came)
        return
    remote, request = stamp(turn, request, came)
    remote = _from_there(remote, came)
    if remote is None:
        turn.report("dropped", key, "Via leads to an address that no response goes to")
    elif request.method == "CANCEL":
        _cancel(turn, came, request, key, remote)
    else:
        _new(turn, came, request, key, remote)


def malformed(turn: Turn, came: Arrival, error: RemoteProtocolError) -> None:
    """Answer what is not SIP if it can be answered; say so in any case."""
    request = error.message
    about = f"{came.source} to {came.endpoint}"
    turn.report("malformed", about, error.reason)
    if not isinstance(request, Request) or request.method == "ACK":
        return  # "given an ACK, never generate any response to it" (3261-8.2-02)
    try:
        remote, request = stamp(turn, request, came)
    except RemoteProtocolError:
        remote = first_sent_by(request, came)
    remote = _from_there(remote, came)
    if remote is not None:
        decision = Reply(error.status_hint)
        _answer(turn, came, remote, request, _key(request) or about, decision)


def _from_there(remote: Address | None, came: Arrival) -> Address | None:
    """Where responses go, from the address that the request was sent to (3581-4-02)."""
    if remote is None or came.local is None:
        return remote
    return Back(remote.host, remote.port, came.local)


def _key(request: Request) -> str | None:
    """The key of a request that is not all there, so that an ACK of its refusal is recognised."""
    try:
        return server_key(request)
    except RemoteProtocolError:
        return None


# --- ACK and CANCEL


def _ack(turn: Turn, came: Arrival, request: Request) -> None:
    """An ACK belongs to a refusal that was sent from here, or is relayed (16.1, RFC 6026 7.1)."""
    keys = ack_keys(request)
    for key in keys:
        record = turn.server.get(key)
        if record is None:
            if key in turn.contexts:
                return  # the ACK of a refusal once more, after its transaction has ended (AMB-21)
            tag = request.to_tag or ""
            if len(tag) == TAG_SIZE and tag == token(turn.secret, key, "tag"):
                return  # for a refusal that was sent without a transaction
        elif _acknowledges(request, record):
            if not step_server(turn, key, Acknowledged()):
                return
            break  # for a 2xx
    served = agents.key_of(turn, request) if len(turn.identities) else None
    if served is not None:
        agents.acknowledge(turn, served, request)
        return
    _relay_ack(turn, came, request, keys[0])


def _acknowledges(request: Request, record: ServerTransaction) -> bool:
    """Whether an ACK of the right key is for the response that this transaction sent."""
    if not isinstance(record.state, invite_server.Completed) or has_cookie(request):
        return True
    sent = parse(record.state.final, limits=ANY_SIZE)
    return acknowledges(request, sent.to_tag)


def _relay_ack(turn: Turn, came: Arrival, request: Request, key: str) -> None:
    """Send an ACK for a 2xx on: it has no transaction here, and nothing ever answers it."""
    owner = lookups.ACK + key, 0
    if owner in turn.searches:
        return  # the same ACK once more, while its next hop is still being located
    if len(turn.searches) >= turn.config.limits.in_flight:
        turn.report("limit", key, "too many lookups at once: ACK dropped")
        return
    _, request = stamp(turn, request, came)
    verdict = judge(turn, came, request, key)
    if isinstance(verdict, Passage) and verdict.plan:
        ack = Ack(verdict.origin, verdict.plan[0][0][0])  # one of several: the best
        lookups.begin(turn, owner, located_uri(ack.origin, ack.target), ack)
    else:
        turn.report("dropped", key, "an ACK that is not relayed")


def _cancel(turn: Turn, came: Arrival, request: Request, key: str, remote: Address) -> None:
    """CANCEL goes hop by hop: it ends here, and its INVITE's branches are cancelled (16.10)."""
    target = invite_key(request)
    if target not in turn.server:
        others = [other for other in other_keys(request) if other in turn.server]
        if not others:
            # This proxy never forwards an INVITE without state, so nobody further on knows of this
            # CANCEL either (AMB-17).
            _answer(turn, came, remote, request, key, Reply(481))
            turn.report("dropped", key, "a CANCEL that matches nothing")
            return
        target = others[0]
    open_server(turn, key, request, came, remote)
    # "the To tag of the response to the CANCEL and the To tag in the response to the original
    # request SHOULD be the same" (9.2)
    respond(turn, key, request, 200, tag_owner=target)
    if not turn.server[target].invite:
        return  # "A CANCEL request has no impact on [...] transactions with any other method" (9.2)
    if target in turn.asked:
        # No branch has begun, and none will (3261-16.10-03).
        respond(turn, target, asking.settle(turn, target).got.request, 487)
    elif target in turn.served:
        agents.cancel(turn, target, request)
    else:
        turn.tell(target, Cancelled(request.rows("reason")))


# --- everything else


def _new(turn: Turn, came: Arrival, request: Request, key: str, remote: Address) -> None:
    """A request that is not a repetition."""
    if key in turn.contexts:
        # Its transaction has ended, its branches have not quite: no new request has this branch.
        turn.report("dropped", key, "a copy of a request that was answered long ago")
        return
    if key in turn.asked:
        return  # a copy, after its caller has given up: the question is being answered (17.2.2)
    verdict = judge(turn, came, request, key)
    match verdict:
        case Passage():
            open_server(turn, key, request, came, remote)
            open_context(turn, key, verdict.origin, verdict.hunt, verdict.plan)
        case Inquiry():
            open_server(turn, key, request, came, remote)
            asking.ask(turn, key, came, turn.at, verdict.got, verdict.wish, proven=verdict.proven)
        case Handover() if agents.is_merged(turn, verdict.request):
            turn.report("dropped", key, "answered 482: it has come by another path as well")
            _answer(turn, came, remote, request, key, Reply(482))
        case Handover():
            open_server(turn, key, request, came, remote)
            agents.deliver(turn, key, verdict.request, came)
        case Reply():
            _answer(turn, came, remote, request, key, verdict)
        case Drop():
            turn.report("dropped", key, "the policy dropped it")
        case _:
            assert_never(verdict)


def _answer(
    turn: Turn, came: Arrival, remote: Address, request: Request, key: str, decision: Reply
) -> None:
    """Answer without a transaction, every copy alike (8.2.7): the tag is a function of the key.

    No timer sends it again, so nobody can make us send much to somebody else; whoever asked will
    ask again until it comes.
    """
    if decision.status == 408 and request.method != "INVITE":
        turn.report("dropped", key, "no 408 to a non-INVITE (RFC 4320 4.2)")
        return
    tag = token(turn.secret, key, "tag")
    made = reply(request, decision.status, decision.reason, to_tag=tag, headers=decision.headers)
    # Where it cannot go it goes nowhere else (RFC 3263 5): the source may be forged.
    turn.send(f"n|{key}", came.endpoint, remote, made.render(), came.flow)
