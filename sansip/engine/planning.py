"""Plans: what would happen to a request if it came now, and nobody answered.

Nothing is sent and nothing changes: the engine rehearses (``rehearsal``) on a copy of its state, so
what a plan says is what the engine would do, and by no rules of its own.
"""

from collections.abc import Callable, Iterable
from typing import Final, assert_never

from sansip.address import Address, Hop
from sansip.dns import Answer, Question
from sansip.engine.actions import Report
from sansip.engine.contexts import open_context
from sansip.engine.policy import Decision, Drop, Local, Reply
from sansip.engine.rehearsal import Rehearsal, Tried
from sansip.engine.state import Arrival
from sansip.engine.submissions import LOCAL, passage_of
from sansip.engine.transactions import open_server
from sansip.engine.verdicts import Handover, Inquiry, Passage, Verdict, judge
from sansip.engine.vias import stamp
from sansip.errors import RemoteProtocolError
from sansip.message import Request
from sansip.transaction import server_key
from sansip.value import value

MOST_STEPS: Final = 256  # that a plan lists beyond what is tried in time
MICROSECOND: Final = 6  # digits of a second: a clock that has run for long has no more


@value
class Step:
    """A hop of a plan.

    ``stage``, ``way``  counted from 1 and from 0: stages are tried one after the other, the ways of
                        one in parallel, the hops of a way one after the other
    ``uri``             the Request-URI that it gets
    ``next_hop``        the URI that was located; ``hop.origin`` tells the DNS record
    ``group``, ``member``  whom it is of, if it is of a group
    ``after``           seconds from the arrival until it is tried, if all before it are silent;
                        None: it is not, since the deadline or the limit of branches comes first,
                        unless some of these fail sooner
    ``suspect``         nothing has come from it of late, so that it is tried last
    ``refused``         why the hop filter keeps it back, or ""
    """

    stage: int
    way: int
    uri: str
    next_hop: str
    hop: Hop
    after: float | None
    group: str = ""
    member: str = ""
    suspect: bool = False
    refused: str = ""


@value
class Plan:
    """What would happen to a request.

    ``decision``   what the policy says; None if it is not asked, as within a dialog
    ``steps``      the hops, in the order in which they are tried
    ``questions``  what DNS would have to be asked, as far as can be known before it answers. While
                   there are any, what they are about is passed over as if it led nowhere.
    ``answers``    what DNS has said, as far as it matters, with the TTL that is left
    ``ends``       seconds from the arrival until the last word, if nobody answers; None if there
                   are questions, or nothing ends
    ``status``     that word: the status that the caller gets, None for silence
    ``notes``      what else there is to say, for people
    """

    decision: Decision | None
    steps: tuple[Step, ...] = ()
    questions: tuple[Question, ...] = ()
    answers: tuple[tuple[Question, Answer], ...] = ()
    ends: float | None = None
    status: int | None = None
    notes: tuple[str, ...] = ()


@value
class _Case:
    """A request as it is judged; without an arrival it is the embedding program's."""

    key: str
    request: Request
    came: Arrival | None = None
    remote: Address | None = None


def plan(
    rehearse: Callable[[], Rehearsal],
    request: Request,
    source: Address | None,
    names: tuple[str, ...] = (),
) -> Plan:
    """Plan for a request from there; ``rehearse`` begins a rehearsal, as often as it takes."""
    if request.method in ("ACK", "CANCEL"):
        return Plan(None, notes=(f"{request.method}: it goes where its INVITE went",))
    turn = rehearse()
    try:
        case = _case(turn, request, source, names)
        verdict = _judged(turn, case)
    except RemoteProtocolError as error:
        status = error.status_hint
        return Plan(Reply(status), ends=0.0, status=status, notes=(error.reason,))
    if isinstance(verdict, Passage):
        return _hunted(rehearse, turn, case, verdict)
    notes = tuple([action.text for action in turn.actions if isinstance(action, Report)])
    match verdict:
        case Inquiry():
            asks = "the policy asks the embedding program, and decides when it has its answer"
            return Plan(verdict.wish, notes=(*notes, asks))
        case Handover():
            return Plan(Local(), notes=notes)
        case Reply():
            return Plan(verdict, ends=0.0, status=verdict.status, notes=notes)
        case Drop():
            return Plan(verdict, notes=notes)
        case _:
            assert_never(verdict)


def _case(
    turn: Rehearsal, request: Request, source: Address | None, names: tuple[str, ...]
) -> _Case:
    if source is None:
        # What is drawn for it hangs on the handle that the program will choose.
        return _Case(LOCAL + (request.call_id or ""), request)
    if "via" not in request.names:
        request = request.prepend("Via", f"SIP/2.0/UDP {source};branch=z9hG4bK")
    endpoints = turn.config.endpoints
    hop = Hop(request.via.transport.lower(), source)
    endpoint = turn.config.endpoint_for(hop, None) or endpoints[0]
    came = Arrival(endpoint.name, source, len(request.render()), names=names)
    key = server_key(request)
    remote, request = stamp(turn, request, came)
    return _Case(key, request, came, remote)


def _judged(turn: Rehearsal, case: _Case) -> Verdict:
    if case.came is None:
        return passage_of(turn, case.key, case.request)
    if case.remote is None:
        turn.report("dropped", case.key, "Via leads to an address that no response goes to")
        return Drop()
    return judge(turn, case.came, case.request, case.key)


def _hunted(
    rehearse: Callable[[], Rehearsal], turn: Rehearsal, case: _Case, passage: Passage
) -> Plan:
    """Rehearse the hunt; and once more, for what it leaves when its time or its limit is over."""
    _begin(turn, case, passage)
    turn.run()
    more = rehearse()
    if turn.has_left():
        _begin(more, case, passage)
        more.unbind(MOST_STEPS)
        more.run()
    questions = turn.open_questions | more.open_questions
    ends = status = None
    if turn.ended is not None and not questions:
        ends, status = round(turn.ended - turn.began, MICROSECOND), turn.status
    return Plan(
        passage.decision,
        _steps(turn.began, turn.tried, more.tried),
        tuple(questions),
        tuple((turn.answered | more.answered).items()),
        ends,
        status,
        tuple(dict.fromkeys([*turn.notes, *more.notes])),
    )


def _begin(turn: Rehearsal, case: _Case, passage: Passage) -> None:
    """What follows from the verdict, as it does for what really comes."""
    key, came, remote = case.key, case.came, case.remote
    turn.key = key
    if came is not None and remote is not None:
        open_server(turn, key, case.request, came, remote)
    handle = key.removeprefix(LOCAL) if came is None else None
    open_context(turn, key, passage.origin, passage.hunt, passage.plan, handle)


def _steps(began: float, tried: Iterable[Tried], more: Iterable[Tried]) -> tuple[Step, ...]:
    """All that was tried in time, then all that would have been with more of it."""
    steps: dict[object, Step] = {}
    for in_time, some in ((True, tried), (False, more)):
        for one in some:
            hop, target = one.hop, one.target
            after = None
            if in_time and one.at is not None:
                after = round(one.at - began, MICROSECOND)
            step = Step(
                one.stage,
                one.way,
                target.uri,
                target.next_hop,
                hop,
                after,
                target.group,
                target.member,
                one.suspect,
                one.refused,
            )
            steps.setdefault((target, hop.transport, hop.address), step)
    return tuple(steps.values())
