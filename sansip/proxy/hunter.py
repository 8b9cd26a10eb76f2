"""The working copy of a hunting context, and what it can do: go on, cancel, be put together."""

from sansip.address import Hop
from sansip.message import equivalent, parse_uri
from sansip.proxy.best import Result
from sansip.proxy.silences import Deadline, due
from sansip.proxy.states import Branch, Hunting, Way
from sansip.proxy.vocabulary import (
    Cancel,
    Facts,
    Hunt,
    Locate,
    Note,
    Output,
    Stage,
    StopLocating,
    Target,
    Try,
    Wake,
)


class Hunter:
    """One step of a hunting context: the state taken apart, changed, and put together again."""

    __slots__ = (
        "at", "branches", "cancelled", "consulted", "consulting", "deadline", "facts", "hunt",
        "opened", "out", "rang", "refused", "results", "stage", "stages", "wake", "ways",
    )  # fmt: skip
    at: float
    branches: list[Branch]
    cancelled: tuple[str, ...] | None
    consulted: bool
    consulting: bool
    deadline: float
    facts: Facts
    hunt: Hunt
    opened: int
    out: list[Output]
    rang: bool
    refused: bool
    results: tuple[Result, ...]
    stage: int
    stages: tuple[Stage, ...]
    wake: float | None
    ways: list[Way]

    def __init__(self, facts: Facts, state: Hunting, at: float) -> None:
        self.facts = facts
        self.at = at
        self.out = []
        self.hunt = state.hunt
        self.deadline = state.deadline
        self.stages = state.stages
        self.stage = state.stage
        self.ways = list(state.ways)
        self.opened = state.opened
        self.branches = list(state.branches)
        self.results = state.results
        self.rang = state.rang
        self.consulting = state.consulting
        self.cancelled = state.cancelled
        self.refused = state.refused
        self.wake = state.wake
        self.consulted = False

    # --- what may be done

    def is_open(self) -> bool:
        """Whether a new branch may still begin: no CANCEL, no 6xx, time and room left."""
        over = self.cancelled is not None or self.refused or self.is_late()
        return not over and len(self.branches) < self.facts.most_branches

    def is_late(self) -> bool:
        """Whether the deadline has passed, even if its timer has yet to say so."""
        return not self.rang and self.at >= self.deadline

    def is_waiting(self) -> bool:
        """Whether some branch holds the final answer back.

        After the caller's CANCEL none does that has never said a word, if another one has, or has
        failed: it gets no CANCEL (9.1), and Timer B is long.
        """
        waiting = [b for b in self.branches if b.status == 0 and not b.abandoned]
        if self.cancelled is not None and any(b.heard != "nothing" for b in self.branches):
            return any(branch.heard != "nothing" for branch in waiting)
        return bool(waiting)

    def may_open(self) -> bool:
        """Whether the next stage may begin: of this one nobody has said anything for a while.

        That holds if none of its ways is about to try a hop.
        """
        return (
            bool(self.stages)
            and not self.consulting
            and self.is_open()
            and all(b.passed or b.abandoned for b in self.branches if b.open)
        )

    def may_pass(self, branch: Branch) -> bool:
        """Whether something else may be tried beside this branch, once it is silent for long."""
        if branch.passed or branch.stage != self.stage or not self.is_open():
            return False
        for later in self.branches[branch.number + 1 :]:
            if later.way == branch.way:
                return False  # it has had its turn
        for way in self.ways:
            if way.number == branch.way and (way.wanting or way.left):
                return not way.wanting
        return bool(self.stages)

    # --- stages and ways

    def open_stage(self) -> None:
        """Begin with all ways of the next stage that there is room for."""
        room = self.facts.most_branches - len(self.branches)
        stage, self.stages = next_stage(self.facts, self.stages, room, self.out)
        self.out.append(Note(f"trying {_names(stage)}"))
        ways = ways_of(stage, self.opened, self.out)
        self.ways = [*[way for way in self.ways if way.left], *ways]  # for TryNext
        self.opened += len(ways)
        self.stage += 1

    def want(self, number: int) -> None:
        """Let a way try its next hop, if it has one."""
        for at, way in enumerate(self.ways):
            if way.number == number and way.left:
                self.ways[at] = way.but(wanting=True)

    def rest(self, branch: Branch) -> None:
        """While a branch rings, nothing is tried beside it but the other ways of its stage."""
        if branch.stage != self.stage:
            self.put_back()
        for at, way in enumerate(self.ways):
            if way.wanting and (way.number == branch.way or branch.stage != self.stage):
                self.ways[at] = way.but(wanting=False)

    def put_back(self) -> None:
        """Let the ways that nobody has been tried on yet be a stage again, that is not open."""
        begun = {branch.way for branch in self.branches}
        fresh = [way for way in self.ways if way.wanting and way.number not in begun]
        if fresh:
            self.out += [StopLocating(way.number) for way in fresh if way.locating]
            self.ways = [way for way in self.ways if way not in fresh]
            stage = tuple([_targets(way) for way in fresh])
            self.stages = (stage, *self.stages)

    def go_on(self) -> bool:
        """Try the next hop of each way that wants one, as soon as it is known and may be tried.

        True if some way still waits for its next hop.
        """
        wanting = False
        for at, way in enumerate(self.ways):
            if way.wanting:
                way = self._next(at, way) if self.is_open() else way.but(wanting=False)  # noqa: PLW2901
                self.ways[at] = way
                wanting = wanting or way.wanting
        return wanting

    def _next(self, at: int, way: Way) -> Way:
        while True:
            while way.hops:
                hop = way.hops[0]
                if self.is_new(way, hop):
                    left = self.facts.breadth - sum([b.breadth for b in self.branches if b.open])
                    if left < 1:
                        return way  # "by forking serially" (RFC 5393 5.3.3)
                    way = self.ways[at] = way.but(hops=way.hops[1:], wanting=False)
                    self.begin(way, hop, left)
                    return way
                way = way.but(hops=way.hops[1:])
            if way.locating:
                return way
            if way.targets:
                self.out.append(Locate(way.number, way.targets[0]))
                return Way(way.number, way.targets[0], way.targets[1:], suspects=way.suspects)
            if not way.suspects:
                return way.but(wanting=False)
            (target, hops), *others = way.suspects
            way = Way(way.number, target, (), hops, locating=False, suspects=tuple(others))

    def is_new(self, way: Way, hop: Hop) -> bool:
        """No (Request-URI, hop) twice for a request (3261-16.5-02)."""
        if not self.branches:
            return True
        uri = way.target.uri
        return not any(
            branch.hop.address == hop.address
            and branch.hop.transport == hop.transport
            and branch.target.departure == way.target.departure
            and (
                branch.target.uri == uri or equivalent(parse_uri(branch.target.uri), parse_uri(uri))
            )
            for branch in self.branches
        )

    def begin(self, way: Way, hop: Hop, left: int) -> None:
        """Start a branch; those that it takes the place of hold nothing back any more.

        ``left`` is what may be spent of the breadth.
        """
        number = len(self.branches)
        last: Branch | None = None
        for other in self.branches:
            mine = other.way == way.number
            if mine:
                last = other
            if other.open and not other.abandoned and (mine or other.stage != self.stage):
                stuck = other.passed and other.heard == "trying"
                self.abandon(other.number, cancel=stuck or self.hunt.late == "cancel")
        if last is not None:
            self.out.append(Note(f"{last.hop}: {last.trigger or 'silent'}; trying {hop}"))
        share = self.share(left)
        branch = Branch(number, way.number, self.stage, way.target, hop, share, self.at)
        self.branches.append(branch)
        self.out.append(Try(number, way.target, hop, share))

    def share(self, left: int) -> int:
        """How much of what is left of the breadth a new branch gets.

        All ways that want a branch get the same, and so does what may follow while they are silent;
        nobody gets so much that those who follow cannot have one each. "A proxy MUST NOT decrement
        Max-Breadth for each hop" (RFC 5393 5.3.3): what is the only and last thing to be tried
        takes all.
        """
        if len(self.branches) + 1 == self.facts.most_branches:
            return left
        claims, more = 1, bool(self.stages)
        for way in self.ways:
            if way.wanting:
                claims += 1
            elif way.left:
                more = True
        if more:
            claims += 1
        elif claims == 1:
            return left  # the last one: nothing follows
        return max(1, min(left // claims, left - self.following()))

    def following(self) -> int:
        """How many branches may begin after the next one, as far as is known."""
        known = sum([len(way.hops) + len(way.targets) + way.locating for way in self.ways])
        known += sum([len(hops) for way in self.ways for _, hops in way.suspects])
        known += sum([len(targets) for stage in self.stages for targets in stage])
        return min(known, self.facts.most_branches - len(self.branches) - 1)

    def stop_locating(self) -> None:
        """No more hops are wanted."""
        for at, way in enumerate(self.ways):
            if way.locating:
                self.ways[at] = way.but(locating=False, wanting=False)
                self.out.append(StopLocating(way.number))

    # --- branches

    def abandon(self, number: int, *, cancel: bool) -> None:
        """Another branch takes the place of this one."""
        self.put(self.branches[number].but(abandoned=True))
        if cancel:
            self.want_cancel(number)

    def want_cancel(self, number: int, *reasons: str) -> None:
        """CANCEL now, or at the first provisional response (9.1, 3261-9.1-04)."""
        branch = self.branches[number]
        if branch.cancel == "no" and self.facts.invite:
            self.put(branch.but(cancel="wanted", reasons=reasons))
            self.cancel_if_wanted(number)

    def cancel_if_wanted(self, number: int) -> None:
        """Send the CANCEL that is wanted, unless nothing has been heard yet."""
        branch = self.branches[number]
        if branch.cancel == "wanted" and branch.heard in ("trying", "ringing"):
            # After 64*T1 without a final response it counts as cancelled (9.1).
            guard = self.at + self.facts.timing.timeout
            self.put(branch.but(cancel="sent", guard=guard))
            self.out.append(Cancel(number, branch.reasons or self.cancelled or ()))

    def due(self, branch: Branch) -> Deadline | None:
        """The next deadline of a branch."""
        live = not branch.abandoned and self.cancelled is None
        silence = self.hunt.advance_after if branch.heard == "nothing" else self.hunt.progress_after
        onward = live and silence is not None and (is_watched(branch) or self.may_pass(branch))
        return due(self.hunt, branch, invite=self.facts.invite, live=live, onward=onward)

    def hunting(self) -> Hunting:
        """Put the state together, and see that it is woken in time."""
        # Waking too early does no harm and is cheaper than moving a timer at every response.
        wake = self.wake
        if not self.rang and self.cancelled is None and (wake is None or self.deadline < wake):
            wake = self.deadline
        for branch in self.branches:
            if branch.status == 0:  # it is open
                deadline = self.due(branch)
                if deadline is not None and (wake is None or deadline[0] < wake):
                    wake = deadline[0]
        if wake is not self.wake:
            self.wake = wake
            self.out.append(Wake(wake))
        return self.state()

    def state(self) -> Hunting:
        """Put the state together."""
        return Hunting(
            self.hunt,
            self.deadline,
            self.stages,
            self.stage,
            tuple(self.ways),
            self.opened,
            tuple(self.branches),
            self.results,
            self.rang,
            self.consulting,
            self.cancelled,
            self.refused,
            self.wake,
        )

    def put(self, branch: Branch) -> None:
        """Keep what has become of a branch."""
        self.branches[branch.number] = branch


def is_watched(branch: Branch) -> bool:
    """Whether it matters that nothing comes from a branch, though nothing may follow it."""
    return branch.heard == "nothing" and not branch.trigger and bool(branch.target.group)


def next_stage(
    facts: Facts, stages: tuple[Stage, ...], room: int, out: list[Output]
) -> tuple[Stage, tuple[Stage, ...]]:
    """The next stage, with as many ways as there is room for, and the stages that are left."""
    stage, left = stages[0], stages[1:]
    if len(stage) <= room:
        return stage, left
    # They are tried if some of the others lead nowhere.
    stage, waiting = stage[:room], stage[room:]
    out.append(Note(f"limit of {facts.most_branches} branches: {_names(waiting)} must wait"))
    return stage, (waiting, *left)


def ways_of(stage: Stage, number: int, out: list[Output]) -> tuple[Way, ...]:
    """The ways of a stage, numbered from this one on; each has its first target located."""
    ways: list[Way] = []
    for targets in stage:
        ways.append(Way(number, targets[0], targets[1:]))
        out.append(Locate(number, targets[0]))
        number += 1
    return tuple(ways)


def _targets(way: Way) -> tuple[Target, ...]:
    """All that a way began with, if nothing of it has been tried yet."""
    aside = [target for target, _ in way.suspects if target != way.target]
    return (*aside, way.target, *way.targets)


def _names(stage: Stage) -> str:
    return ", ".join([targets[0].next_hop for targets in stage])
