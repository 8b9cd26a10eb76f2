"""Running lookups: questions go to the cache or to DNS, hops through the filter to who wants them.

One query per question, however many lookups wait for its answer, and each has so long and no
longer: what an adapter never answers has failed. A failure of DNS is bridged with records past
their TTL if there are any (RFC 8767), a denial never.
"""

from typing import Final, assert_never, cast

from sansip import locate
from sansip.address import Hop
from sansip.dns import Answer, Failure, Question
from sansip.engine import connecting
from sansip.engine.actions import QueryDns, StopDns, Timer
from sansip.engine.forwarding import outgoing
from sansip.engine.state import Ack, Link, Owner, Query, Search, Waiting
from sansip.engine.turn import Turn
from sansip.entropy import Draws
from sansip.message import Uri
from sansip.proxy.request import max_breadth
from sansip.proxy.vocabulary import Located
from sansip.table import Table

ACK = "a|"  # how the owner of an ACK's lookup begins, where a context's has its key
GROUP = "g|"  # and that of a member of a group, which is to be probed
OWNER: Final = "d|"  # how the owner of a DNS question's timer begins
_UNKNOWN: Final = Failure("not known yet")


def begin(turn: Turn, owner: Owner, uri: Uri, ack: Ack | None = None) -> None:
    """Locate a URI; its context hears of hops with ``Located``, for the first time in this turn."""
    config = turn.config
    hop = turn.literal(uri)
    if hop is not None:
        if ack is None:
            turn.tell(owner[0], Located(owner[1], (hop,), more=False))
        else:
            send_ack(turn, owner, ack, hop)
        return
    aim = locate.aim(uri, config.transports, config.families)
    draws = turn.draws(f"{owner[0]} {uri}")
    lookup, outputs = locate.start(aim, draws, config.limits.locate)
    _proceed(turn, owner, Search(lookup, gave=False, refused="", ack=ack), outputs, told=False)


def seek(turn: Turn, owner: Owner, aim: locate.Aim, draws: Draws) -> None:
    """Locate a sent-by, with an aim of its own; its owner hears of hops like a context."""
    lookup, outputs = locate.start(aim, draws, turn.config.limits.locate)
    _proceed(turn, owner, Search(lookup, gave=False, refused=""), outputs, told=False)


def stop(turn: Turn, owner: Owner) -> None:
    """Nobody wants the hops any more."""
    search = turn.searches.get(owner)
    if search is not None:
        turn.searches = turn.searches.without(owner)
        lookup = cast("locate.Lookup", search.lookup)  # one that has ended is not kept
        for question in lookup.pending:
            _leave(turn, question, owner)


def answered(turn: Turn, number: int, answer: Answer) -> None:
    """DNS has answered a query."""
    question = turn.questions.get(number)
    if question is None:
        return  # it was stopped
    query = turn.queries[question]
    turn.disarm(query.timer)
    _conclude(turn, question, query, answer)


def unanswered(turn: Turn, timer: Timer) -> None:
    """A question has had its time."""
    kind, _, name = timer.owner.removeprefix(OWNER).partition(" ")
    question = Question(name, kind)
    query = turn.queries.get(question)
    if query is not None and query.timer == timer:
        turn.actions.append(StopDns(query.number))
        seconds = turn.config.limits.resolve
        _conclude(turn, question, query, Failure(f"no answer within {seconds:g} s"))


def _conclude(turn: Turn, question: Question, query: Query, answer: Answer) -> None:
    """Keep the answer to a question in flight, and tell who waits for it."""
    turn.cache = locate.remember(turn.cache, question, answer, turn.at, turn.config.limits.cache)
    if isinstance(answer, Failure):
        turn.report("dns", question.name, f"{question.type}: {answer.reason}")
        answer = locate.bridged(turn.cache, question, answer, turn.at)
    _forget(turn, question, query)
    for owner in query.waiting:
        _hear(turn, owner, question, answer)


def _hear(turn: Turn, owner: Owner, question: Question, answer: Answer) -> None:
    search = turn.searches[owner]  # who gives up a search waits no more
    lookup, outputs = locate.step(search.lookup, locate.Answered(question, answer))
    search = Search(lookup, search.gave, search.refused, search.ack)
    _proceed(turn, owner, search, outputs, told=True)


def _proceed(
    turn: Turn, owner: Owner, search: Search, outputs: tuple[locate.Output, ...], *, told: bool
) -> None:
    """Carry out what a lookup wants, answering from the cache as long as it can."""
    lookup, refused = search.lookup, search.refused
    hops: tuple[Hop, ...] = ()
    ended: locate.Exhausted | None = None
    missing: list[Question] = []
    queue = list(outputs)
    for output in queue:  # grows while it is walked through
        match output:
            case locate.Hops():
                admitted, refused = _filter(turn, output.hops, refused)
                hops += admitted
            case locate.Exhausted():
                ended = output
            case locate.Ask():
                known = _known(turn, owner, output.question, missing)
                if known is None:
                    missing.append(output.question)
                else:
                    answer = locate.Answered(output.question, known)
                    lookup, more = locate.step(lookup, answer)
                    queue += more
            case _:
                assert_never(output)
    gave = search.gave or bool(hops)
    if ended is None:
        turn.searches = turn.searches.set(owner, Search(lookup, gave, refused, search.ack))
        for question in missing:
            _join(turn, question, owner)
    else:
        stop(turn, owner)  # by its limits a list may be complete with questions still open
    if search.ack is not None:
        nowhere = None if ended is None else refused or ended.text
        _acknowledge(turn, owner, search.ack, hops, nowhere)
    elif hops or ended is not None or not told:
        status, reason = _meaning(ended, refused)
        if ended is not None and refused and not gave and not owner[0].startswith(GROUP):
            turn.report("policy", owner[0], f"hop refused: {refused}")
        turn.tell(owner[0], Located(owner[1], hops, ended is None, status, reason))


def _filter(turn: Turn, hops: tuple[Hop, ...], last: str) -> tuple[tuple[Hop, ...], str]:
    """The hops that requests may go to, and why the last of the others may not."""
    admitted: list[Hop] = []
    for hop in hops:
        why = turn.refuses(hop)
        if why is None:
            admitted.append(hop)
        else:
            last = f"{hop}: {why}"
    return tuple(admitted), last


def known(turn: Turn, uri: Uri) -> tuple[Hop, ...]:
    """The hops of a URI as far as the cache knows them, fresh or stale; nobody is asked."""
    config = turn.config
    aim = locate.aim(uri, config.transports, config.families)
    lookup, outputs = locate.start(aim, turn.draws(f"known {uri}"), config.limits.locate)
    hops: tuple[Hop, ...] = ()
    queue = list(outputs)
    for output in queue:  # grows while it is walked through
        if isinstance(output, locate.Hops):
            hops += tuple([hop for hop in output.hops if turn.refuses(hop) is None])
        elif isinstance(output, locate.Ask):
            question = output.question
            said = turn.recalls(question) or locate.stale(turn.cache, question, turn.at)
            lookup, more = locate.step(lookup, locate.Answered(question, said or _UNKNOWN))
            queue += more
    return hops


def _known(turn: Turn, owner: Owner, question: Question, missing: list[Question]) -> Answer | None:
    """What the cache says, or that there is no room. ``missing`` are asked besides."""
    known = turn.recalls(question)
    if known is not None or question in turn.queries:
        return known
    if owner[0].startswith(GROUP) and 2 * len(turn.queries) >= turn.config.limits.questions:
        # Probing takes no more than half, so that calls are never refused because of it.
        return locate.stale(turn.cache, question, turn.at) or _UNKNOWN
    if _is_full(turn, missing):
        turn.report("limit", question.name, "too many DNS questions in flight")
        return Failure("too many DNS questions in flight")
    return None


def _is_full(turn: Turn, missing: list[Question]) -> bool:
    """Whether no question may be asked besides those in flight and these."""
    new = [question for question in missing if question not in turn.queries]
    return len(turn.queries) + len(new) >= turn.config.limits.questions


def _meaning(ended: locate.Exhausted | None, refused: str) -> tuple[int, str]:
    """What a list without hops means for the caller.

    A name that leads nowhere makes its target unavailable (480). If DNS itself fails, another
    proxy may do better: 503, so that whoever sent us the request tries that one. A hop that the
    filter keeps back is forbidden: 403.
    """
    if ended is None:
        return 480, ""
    if refused:
        return 403, refused
    return (503 if ended.reason == "DNS failure" else 480), ended.text


def _acknowledge(
    turn: Turn, owner: Owner, ack: Ack, hops: tuple[Hop, ...], nowhere: str | None
) -> None:
    """Send an ACK for a 2xx to the first hop: no transaction, no second try (16.1, 13.2.2.4)."""
    if hops:
        stop(turn, owner)
        send_ack(turn, owner, ack, hops[0])
    elif nowhere is not None:
        turn.report("dropped", owner[0], f"ACK leads nowhere: {nowhere}")


def send_ack(turn: Turn, owner: Owner, ack: Ack, hop: Hop) -> None:
    """Relay an ACK; its branch is the same for every copy of it."""
    # "All proxied requests MUST contain a single Max-Breadth header field value" (RFC 5393 5.3.3).
    breadth = max_breadth(ack.origin.request)
    # Of the secret, which stays, so that a copy that comes when the seed has changed is one; but
    # the program's own are numbered, and those numbers begin anew with every run.
    seed = turn.seed if ack.origin.source is None else turn.secret
    going = outgoing(turn, ack.origin, ack.target, hop, Draws(seed, owner[0]), 0, breadth)
    if going is None:
        turn.report("dropped", owner[0], f"no endpoint reaches {hop}")
    elif connecting.is_reliable(going.endpoint):
        link = Link(going.endpoint, hop.address, hop.tls_name)
        connecting.send(turn, link, Waiting(owner[0], going.data, going.spare))
    else:
        turn.send(owner[0], going.endpoint, hop.address, going.data)


# --- who waits for which question


def _join(turn: Turn, question: Question, owner: Owner) -> None:
    query = turn.queries.get(question)
    if query is None:
        turn.serial += 1
        number = turn.serial
        turn.questions = turn.questions.set(number, question)
        turn.actions.append(QueryDns(number, question.name, question.type))
        due = turn.at + turn.config.limits.resolve
        timer = turn.rearm(f"{OWNER}{question.type} {question.name}", "resolve", due)
        query = Query(number, Table(), timer)
    waiting = query.waiting.set(owner, None)
    turn.queries = turn.queries.set(question, Query(query.number, waiting, query.timer))


def _leave(turn: Turn, question: Question, owner: Owner) -> None:
    query = turn.queries.get(question)
    if query is None:
        return  # it has just been answered
    waiting = query.waiting.without(owner)
    if len(waiting):
        turn.queries = turn.queries.set(question, Query(query.number, waiting, query.timer))
    else:
        _forget(turn, question, query)
        turn.actions.append(StopDns(query.number))
        turn.disarm(query.timer)


def _forget(turn: Turn, question: Question, query: Query) -> None:
    turn.queries = turn.queries.without(question)
    turn.questions = turn.questions.without(query.number)
