"""Requests whose policy has asked the embedding program something, and waits for the answer.

Such a request has its server transaction, so copies are absorbed, and no response context yet. It
ends with the answer, with the end of the time that the policy gave, or with a CANCEL; what comes
after that is no answer to anything.
"""

from typing import assert_never

from sansip.engine import agents
from sansip.engine.actions import Consult, Timer
from sansip.engine.contexts import open_context
from sansip.engine.events import Consulted
from sansip.engine.policy import Ask, Drop, Reply
from sansip.engine.routing import PolicyError, respond, route_with
from sansip.engine.state import Arrival, Asked
from sansip.engine.transactions import step_server
from sansip.engine.turn import Turn
from sansip.engine.verdicts import Handover, Inquiry, Passage, Verdict, meaning
from sansip.entropy import Draws
from sansip.proxy.request import Arrived
from sansip.transaction import Abandon

OWNER = "q|"  # how the owner of a question's timer begins
MOST_QUESTIONS = 8  # about one request


def ask(  # noqa: PLR0913 - what is remembered
    turn: Turn,
    key: str,
    came: Arrival,
    at: float,
    got: Arrived,
    wish: Ask,
    *,
    proven: bool,
    questions: int = 0,
    seed: bytes | None = None,
) -> None:
    """Put a question to the embedding program; the request of this key waits."""
    turn.serial += 1
    number = turn.serial
    turn.actions.append(Consult(f"{number} {key}", wish.data, wish.within))
    timer = turn.rearm(OWNER + key, "answer", turn.at + wish.within)
    seed = seed or turn.seed
    asked = Asked(came, at, got, proven, wish.then, number, seed, questions + 1, timer)
    turn.asked = turn.asked.set(key, asked)
    turn.count(came.source, came.size, 1)


def _due(turn: Turn, timer: Timer) -> str | None:
    """The key of the request whose time is over, unless it has stopped waiting."""
    key = timer.owner.removeprefix(OWNER)
    asked = turn.asked.get(key)
    return key if asked is not None and asked.timer == timer else None


def _waiting_for(turn: Turn, question: str) -> str | None:
    """The key of the request that has waited for this answer, unless it waits no more."""
    number, _, key = question.partition(" ")
    asked = turn.asked.get(key)
    return key if asked is not None and str(asked.number) == number else None


def settle(turn: Turn, key: str, fired: Timer | None = None) -> Asked:
    """Let a request wait no more, and give what was remembered of it."""
    asked = turn.asked[key]
    if fired is None:
        turn.disarm(asked.timer)
    turn.asked = turn.asked.without(key)
    turn.count(asked.came.source, asked.came.size, -1)
    return asked


def consulted(turn: Turn, event: Consulted) -> None:
    """The embedding program has found out what the policy asked."""
    key = _waiting_for(turn, event.question)
    if key is not None:
        _resume(turn, key, settle(turn, key), event.answer)


def unanswered(turn: Turn, timer: Timer) -> None:
    """The time that the policy gave for an answer is over."""
    key = _due(turn, timer)
    if key is not None:
        turn.report("policy", key, "the policy's question was not answered in time")
        _resume(turn, key, settle(turn, key, timer), None)


def _resume(turn: Turn, key: str, asked: Asked, answer: object) -> None:
    """Go on with a request where its policy's question had stopped it."""
    if key not in turn.server:
        return  # a non-INVITE whose caller has given up
    came, got, proven = asked.came, asked.got, asked.proven
    request = got.request
    verdict: Verdict
    try:
        draws = Draws(asked.seed, key)
        decision = route_with(turn, draws, request, came, asked.then, answer, in_dialog=proven)
        verdict = meaning(turn, came, got, key, decision, proven=proven)
    except PolicyError as error:
        turn.report("policy", key, str(error))
        verdict = Reply(500)
    match verdict:
        case Passage():
            open_context(turn, key, verdict.origin, verdict.hunt, verdict.plan, arrived=asked.at)
        case Inquiry() if asked.questions >= MOST_QUESTIONS:
            turn.report("policy", key, f"{asked.then} has asked {asked.questions} times")
            respond(turn, key, request, 500)
        case Inquiry():
            ask(
                turn, key, came, asked.at, got, verdict.wish,
                proven=proven, questions=asked.questions, seed=asked.seed,
            )  # fmt: skip
        case Handover() if agents.is_merged(turn, request):
            respond(turn, key, request, 482)
        case Handover():
            agents.deliver(turn, key, request, came)
        case Reply():
            respond(turn, key, request, verdict.status, verdict.reason, verdict.headers)
        case Drop():
            step_server(turn, key, Abandon())
            turn.report("dropped", key, "the policy dropped it")
        case _:
            assert_never(verdict)
