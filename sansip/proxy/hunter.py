"""The working copy of a hunting context, and what it can do: go on, cancel, be put together."""

from sansip.address import Hop
from sansip.proxy.best import Result
from sansip.proxy.silences import Deadline, due
from sansip.proxy.states import Branch, Hunting
from sansip.proxy.vocabulary import (
    Cancel,
    Facts,
    Hunt,
    Locate,
    Note,
    Output,
    StopLocating,
    Target,
    Try,
    Wake,
)


class Hunter:
    """One step of a hunting context: the state taken apart, changed, and put together again."""

    __slots__ = (
        "at", "branches", "cancelled", "consulted", "consulting", "deadline", "facts", "hops",
        "hunt", "locating", "out", "rang", "refused", "results", "ringing", "target", "targets",
        "wake", "wanting",
    )  # fmt: skip
    at: float
    branches: list[Branch]
    cancelled: tuple[str, ...] | None
    consulted: bool
    consulting: bool
    deadline: float
    facts: Facts
    hops: tuple[Hop, ...]
    hunt: Hunt
    locating: bool
    out: list[Output]
    rang: bool
    refused: bool
    results: tuple[Result, ...]
    ringing: int | None
    target: Target
    targets: tuple[Target, ...]
    wake: float | None
    wanting: bool

    def __init__(self, facts: Facts, state: Hunting, at: float) -> None:
        self.facts = facts
        self.at = at
        self.out = []
        self.hunt = state.hunt
        self.deadline = state.deadline
        self.target = state.target
        self.targets = state.targets
        self.hops = state.hops
        self.locating = state.locating
        self.wanting = state.wanting
        self.branches = list(state.branches)
        self.results = state.results
        self.ringing = state.ringing
        self.rang = state.rang
        self.consulting = state.consulting
        self.cancelled = state.cancelled
        self.refused = state.refused
        self.wake = state.wake
        self.consulted = False

    def may_advance(self) -> bool:
        """Whether there is somewhere to go, and nothing forbids it."""
        more = self.hops or self.locating or self.targets
        return bool(more) and not self.wanting and self.is_open()

    def is_open(self) -> bool:
        """Whether a new branch may still begin: no CANCEL, no 6xx, time and room left."""
        over = self.cancelled is not None or self.refused or self.is_late()
        return not over and len(self.branches) < self.facts.most_branches

    def advance(self) -> None:
        """Try the next hop, as soon as there is one."""
        self.wanting = False
        if self.ringing is not None or not self.is_open():
            return
        while self.hops:
            hop, self.hops = self.hops[0], self.hops[1:]
            if self.is_new(hop):
                self.begin(hop)
                return
        if self.locating:
            self.wanting = True
        elif self.targets:
            self.target, self.targets = self.targets[0], self.targets[1:]
            self.locating = self.wanting = True
            self.out.append(Locate(self.target))

    def is_late(self) -> bool:
        """Whether the deadline has passed, even if its timer has yet to say so."""
        return not self.rang and self.at >= self.deadline

    def is_new(self, hop: Hop) -> bool:
        """No (Request-URI, hop) twice for a request."""
        uri = self.target.uri
        return not any(
            branch.target.uri == uri
            and branch.hop.address == hop.address
            and branch.hop.transport == hop.transport
            for branch in self.branches
        )

    def begin(self, hop: Hop) -> None:
        """Start a branch; the ones before it hold nothing back any more."""
        number = len(self.branches)
        for other in self.branches:
            if other.open and not other.abandoned:
                self.abandon(other.number, cancel=self.hunt.late == "cancel")
        self.branches.append(Branch(number, self.target, hop, self.at))
        if number:
            last = self.branches[number - 1]
            self.out.append(Note(f"{last.hop}: {last.trigger or 'silent'}; trying {hop}"))
        self.out.append(Try(number, self.target, hop))

    def stop_locating(self) -> None:
        """No more hops are wanted."""
        if self.locating:
            self.locating = self.wanting = False
            self.out.append(StopLocating())

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
        newest = branch.number == len(self.branches) - 1  # the others have had their turn
        onward = live and newest and self.ringing is None and self.may_advance()
        return due(self.hunt, branch, invite=self.facts.invite, live=live, onward=onward)

    def hunting(self) -> Hunting:
        """Put the state together, and see that it is woken in time."""
        dues = [deadline[0] for deadline in map(self.due, self.branches) if deadline is not None]
        if not self.rang and self.cancelled is None:
            dues.append(self.deadline)
        due = min(dues, default=None)
        # Waking too early does no harm and is cheaper than moving a timer at every response.
        if due is not None and (self.wake is None or due < self.wake):
            self.wake = due
            self.out.append(Wake(due))
        return Hunting(
            self.hunt,
            self.deadline,
            self.target,
            self.targets,
            self.hops,
            self.locating,
            self.wanting,
            tuple(self.branches),
            self.results,
            self.ringing,
            self.rang,
            self.consulting,
            self.cancelled,
            self.refused,
            self.wake,
        )

    def put(self, branch: Branch) -> None:
        """Keep what has become of a branch."""
        self.branches[branch.number] = branch
