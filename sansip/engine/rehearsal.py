"""Rehearsals: a hunt as it would be if nobody ever said a word.

The engine itself hunts, on a turn that is thrown away: nothing that it orders is performed, time
passes from one of its timers to the next, connections open at once, and whatever is sent comes to
nothing. DNS says what is known already; a name that it says nothing about leads nowhere here, and
the questions about it are noted.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final, cast

from sansip.address import Hop
from sansip.dns import Answer, Question
from sansip.engine import contexts, flows, health, lookups, unsent
from sansip.engine.actions import (
    Action,
    Deliver,
    OpenFlow,
    Report,
    Send,
    StartTimer,
    StopTimer,
    Timer,
)
from sansip.engine.config import Config
from sansip.engine.events import FlowOpened, TimerFired
from sansip.engine.policy import Policy
from sansip.engine.state import Context, Query, State
from sansip.engine.turn import Turn
from sansip.locate import Lookup, bridged, recall
from sansip.message import Response, Uri
from sansip.proxy.states import Hunting, Way
from sansip.proxy.vocabulary import Given, Located, Target
from sansip.table import Table
from sansip.value import value

Fire = Callable[[Turn, TimerFired], None]
UNTOLD: Final = ("failover", "health")  # reports of what happens to hops: the steps tell that
STATUS_LINE: Final = b"SIP/2.0 "


@value
class Tried:
    """A hop that was tried at ``at``, or why it was passed over."""

    stage: int
    way: int
    target: Target
    hop: Hop
    at: float | None
    suspect: bool
    refused: str


class Rehearsal(Turn):
    """A turn in which time passes, and which keeps what a plan tells."""

    __slots__ = (
        "answered", "answers", "began", "branches", "ended", "examined", "examining", "fire",
        "hunt", "key", "lists", "notes", "open_questions", "status", "suspects", "timers", "tried",
        "unknown",
    )  # fmt: skip
    actions: list[Action]
    contexts: Table[str, Context]
    queries: Table[Question, Query]
    questions: Table[int, Question]
    answered: dict[Question, Answer]  # what was asked, and is known
    answers: Mapping[Question, Answer]
    began: float
    branches: int  # how many have been seen
    ended: float | None  # when the caller had a final answer, or none was possible any more
    examined: deque[dict[Hop, str]]  # of each Located not heard yet: its hops and why not
    examining: dict[Hop, str]
    fire: Fire
    key: str
    lists: dict[int, list[tuple[Target, Hop, str]]]  # by way: the hops of which nothing came yet
    notes: list[str]
    open_questions: dict[Question, None]
    hunt: Hunting | None  # the last state in which the caller waited
    status: int | None
    suspects: set[tuple[Target, Hop]]
    timers: dict[str, tuple[float, Timer]]
    tried: list[Tried]
    unknown: int  # names that nothing is known of

    def __init__(
        self,
        config: Config,
        policy: Policy,
        state: State,
        at: float,
        answers: Mapping[Question, Answer],
        fire: Fire,
    ) -> None:
        """Begin at this time, with these answers besides those in the state's cache.

        ``fire`` is the engine's way to deal with a timer.
        """
        super().__init__(config, policy, state, at)
        self.queries, self.questions = Table(), Table()  # the answers to others are not ours
        self.answers, self.began, self.fire = answers, at, fire
        self.key, self.branches, self.unknown = "", 0, 0
        self.ended = self.status = self.hunt = None
        self.answered, self.open_questions, self.timers, self.lists = {}, {}, {}, {}
        self.examined, self.examining = deque(), {}
        self.notes, self.tried, self.suspects = [], [], set()

    # --- what a turn does otherwise

    def recalls(self, question: Question) -> Answer | None:
        """What is known at the beginning: what DNS will say later nobody knows."""
        answer = self.answers.get(question) or recall(self.cache, question, self.began)
        if answer is not None:
            answer = bridged(self.cache, question, answer, self.began)
            self.answered[question] = answer
        return answer

    def literal(self, uri: Uri) -> Hop | None:  # noqa: ARG002
        """Nothing at once: a plan tells of each list how it was gone through."""
        return None

    def refuses(self, hop: Hop) -> str | None:
        """As ever, and remembered in the order of the list."""
        why = super().refuses(hop)
        self.examining[hop] = why or ""
        return why

    def tell(self, context: str, given: Given) -> None:
        """As ever, and what was said of a list's hops goes with it."""
        if isinstance(given, Located):
            self.examined.append(self.examining)
            self.examining = {}
        super().tell(context, given)

    # --- the hunt

    def unbind(self, most: int) -> None:
        """Hunt on to the end of the list, for so many branches, however long it takes."""
        record = self.contexts[self.key]
        facts = replace(record.facts, most_branches=most)
        state = replace(cast("Hunting", record.state), deadline=float("inf"))
        self.contexts = self.contexts.set(self.key, replace(record, facts=facts, state=state))

    def run(self) -> None:
        """Hunt to the end, or until more names are unknown than may be tried."""
        self._look()
        while self._settle():
            due, timer = min(self.timers.values(), key=lambda running: running[0])
            del self.timers[timer.owner]
            self.at = due
            self.fire(self, TimerFired(due, timer))
            self._look()
        for way in tuple(self.lists):
            self._pass_over(way, all_of_them=True)

    def has_left(self) -> bool:
        """Whether the hunt ended before everything was tried that might be."""
        hunt = self.hunt
        return (
            hunt is not None
            and self.ended is not None
            and (hunt.hunt.consult or bool(hunt.stages) or any(way.left for way in hunt.ways))
        )

    def _settle(self) -> bool:
        """Let everything happen that happens now; False if that is the end."""
        most = self.config.limits.branches
        while self.unknown < most and (self.told or self.unsent or self.actions):
            if self.told:
                self._hear(*self.told.popleft())
            elif self.unsent:
                unsent.fail(self, *self.unsent.popleft())
            else:
                actions, self.actions = self.actions, []
                for action in actions:
                    self._perform(action)
                self._leave_unknown()
        return self.ended is None and self.unknown < most

    def _perform(self, action: Action) -> None:
        match action:
            case StartTimer(timer, after):
                self.timers.pop(timer.owner, None)  # of those due at once, the first to be started
                self.timers[timer.owner] = self.at + after, timer
            case StopTimer(timer) if self.timers.get(timer.owner, (0.0, None))[1] == timer:
                del self.timers[timer.owner]
            case OpenFlow(flow, endpoint, _, remote, name):
                names = () if name is None else (name,)
                flows.opened(self, FlowOpened(self.at, flow, endpoint, remote, remote, names))
            case Report(topic, _, text) if topic not in UNTOLD or text.startswith("limit"):
                self.notes.append(text)
            case Send(data=data) if data.startswith(STATUS_LINE) and data[8:9] > b"1":
                self.status = int(data[8:11])
            case Deliver(message=Response(status=status)):
                self.status = status
            case _:
                pass

    def _hear(self, key: str, given: Given) -> None:
        """Let the hunt have its news."""
        if isinstance(given, Located):
            examined = self.examined.popleft()
            for way in () if self.hunt is None else self.hunt.ways:
                if way.number == given.way:
                    self._note(way, given, examined)
        contexts.hear(self, key, given)
        self._look()

    def _note(self, way: Way, given: Located, examined: dict[Hop, str]) -> None:
        """See what has become known of the list of a way's target."""
        listed = self.lists.setdefault(way.number, [])
        if listed and listed[0][0] != way.target:
            self._pass_over(way.number, all_of_them=True)
        listed += [(way.target, hop, why) for hop, why in examined.items()]
        if health.has_doubts(self):
            parted = health.set_aside(self, self.contexts[self.key], given)
            self.suspects.update([(way.target, hop) for hop in parted.suspects])
        if not given.more:
            self._pass_over(way.number)
        nowhere = not (way.hops or any(one.target == way.target for one in self.tried))
        if given.reason and nowhere and not (examined or listed):
            self.notes.append(f"{way.target.next_hop}: {given.reason}")

    def _look(self) -> None:
        """See what the hunt has come to: what is tried now, and whether it is over."""
        record = self.contexts.get(self.key)
        state = None if record is None else record.state
        if not isinstance(state, Hunting):
            self.ended = self.at if self.ended is None else self.ended
            return
        for branch in state.branches[self.branches :]:
            self._pass_over(branch.way)
            listed = self.lists[branch.way]
            listed[:] = [one for one in listed if one[1] != branch.hop]
            suspect = (branch.target, branch.hop) in self.suspects
            self.tried.append(
                Tried(branch.stage, branch.way, branch.target, branch.hop, self.at, suspect, "")
            )
        self.branches = len(state.branches)
        self.hunt = state

    def _pass_over(self, way: int, *, all_of_them: bool = False) -> None:
        """Go by the hops of a way that the filter keeps back, up to one that it does not."""
        listed = self.lists[way]
        stage = 0 if self.hunt is None else self.hunt.stage
        while listed and (listed[0][2] or all_of_them):
            target, hop, why = listed.pop(0)
            if why:
                self.tried.append(Tried(stage, way, target, hop, None, False, why))

    def _leave_unknown(self) -> None:
        """Nobody answers: a name that nothing is known of leads nowhere."""
        for way in () if self.hunt is None else self.hunt.ways:
            search = self.searches.get((self.key, way.number)) if way.locating else None
            if search is not None and isinstance(search.lookup, Lookup):
                self.open_questions.update(dict.fromkeys(search.lookup.pending))
                self.unknown += 1
                lookups.stop(self, (self.key, way.number))
                self.tell(self.key, Located(way.number, (), more=False))
