"""What an engine promises to the network, whatever happens: looked at while a world runs.

Each promise is a function over what was on the wire of one engine, from its start to its crash: no
state of the engine is looked into, so it cannot talk its way out. RFC 3261 has all of them:

* at most one final answer upstream, but for further 2xx to INVITE (16.7 step 5);
* every 2xx to an INVITE goes upstream at once (16.7 step 5), as long as there is a transaction for
  it: that may be gone T4 after another final answer (RFC 6026 8.3);
* every final response above 299 to an INVITE gets an ACK at once, where its INVITE went (17.1.1.3);
* a CANCEL only to what has answered provisionally and not finally, and where its INVITE went (9.1);
* no new branch after a CANCEL, a 2xx or a 6xx (16.7 step 5, 16.10);
* no branch is left ringing that nobody cancelled (16.7 step 10);
* every INVITE that got a 100 gets a final answer (17.2.1).

Who belongs to whom says the wire: a request that is sent on has its own branch in its first Via,
and the one that it came with in its second.
"""

from dataclasses import dataclass, field, replace
from math import inf
from typing import Final

from sansip.address import Address
from sansip.errors import RemoteProtocolError
from sansip.message import Request, Response, Via, parse_via
from sansip.timing import Timing

Key = tuple[str, str]  # of a transaction: branch and sent-by
_COOKIE: Final = "z9hG4bK"  # without it a branch is not unique (8.1.1.7)


class Broken(AssertionError):  # noqa: N818 - as it is read: Broken: a 503 gets no ACK
    """A promise that was not kept."""


@dataclass
class Asked:
    """A request that came, or that the engine began itself, as its requester sees it."""

    method: str
    finals: list[bytes] = field(default_factory=list[bytes])
    status: int = 0  # the highest so far
    ended: float = inf  # when its first final answer went
    closed: str = ""  # why it may have no new branches
    own: bool = False  # by the embedding program, which is told without a wire
    owed: int = 0  # the status of a 2xx that came, until it has gone upstream

    def copy(self) -> "Asked":
        """Make one that goes its own way from here on."""
        return replace(self, finals=[*self.finals])

    def answer(self, status: int, data: bytes, now: float) -> None:
        """Look at an answer: "at most one final", and only 2xx to INVITE behind it."""
        if status >= 200 and data not in self.finals:
            further = self.method == "INVITE" and 200 <= status < 300
            if self.finals and not further:
                first = self.finals[0][8:11].decode()
                raise Broken(f"a {status} goes upstream after a {first}")
            self.finals.append(data)
            self.ended = min(self.ended, now)
        if status == self.owed:
            self.owed = 0
        self.status = max(self.status, status)


@dataclass
class Branch:
    """An INVITE that was sent."""

    uri: str
    remote: Address
    asked: Asked
    sent: float
    rang: bool = False
    status: int = 0  # of its first final response
    cancelled: float | None = None
    unacknowledged: int = 0  # the status of a refusal that came, until its ACK has gone
    unsure: bool = False  # something came at the very end of its time: it may be late, or may not

    def left(self, now: float, timeout: float) -> float:
        """For how many seconds somebody still waits for a response; less than 0: nobody does."""
        if self.status:
            return -1.0
        since = self.sent if not self.rang else self.cancelled
        return inf if since is None else max(-1.0, since + timeout - now)


class Promises:
    """Everything that an engine has received and sent, as far as it matters for what comes."""

    def __init__(self, timing: Timing) -> None:
        """Nothing has been on the wire yet."""
        self._timing = timing
        self._asked: dict[tuple[Key | None, str], Asked] = {}
        self._branches: dict[Key | None, Branch] = {}
        self._ended: list[Branch] = []  # in this step

    # --- for explorations, which go back and forth between the steps of a run

    def copy(self) -> "Promises":
        """Make one that goes its own way from here on."""
        made = Promises(self._timing)
        pairs = [(asked, asked.copy()) for asked in self._asked.values()]
        made._asked = dict(zip(self._asked, [fresh for _, fresh in pairs], strict=True))  # noqa: SLF001
        for key, branch in self._branches.items():
            whose = [fresh for asked, fresh in pairs if asked is branch.asked]
            asked = whose[0] if whose else branch.asked.copy()
            made._branches[key] = replace(branch, asked=asked)  # noqa: SLF001
        return made

    def known(self, now: float) -> tuple[object, ...]:
        """All that may still matter, with times from now on: equal if nothing else can tell."""
        asked = [
            (key, each.own, each.status, each.closed, tuple(each.finals), self._since(each, now))
            for key, each in self._asked.items()
        ]
        branches = [
            (key, each.uri, each.remote.host, each.remote.port, each.rang, each.status)
            + (each.cancelled is not None, each.unsure, each.left(now, self._timing.timeout))
            + (each.asked.own, each.asked.closed)
            for key, each in self._branches.items()
        ]
        return tuple(asked), tuple(branches)

    def _since(self, asked: Asked, now: float) -> float:
        """For how long a 2xx is still owed, after another final answer."""
        return max(0.0, asked.ended + self._timing.t4 - now)

    # --- what comes

    def came(self, message: Request | Response, now: float) -> None:
        """It was received; what is out of order promises nothing."""
        try:
            self._came(message, now)
        except RemoteProtocolError:
            return

    def _came(self, message: Request | Response, now: float) -> None:
        if isinstance(message, Request):
            method = message.method
            if method in ("ACK", "CANCEL"):
                return
            key = _key(message.via)
            if key is not None and (key, method) not in self._asked:
                self._asked[key, method] = Asked(method)
        elif message.cseq.method == "INVITE" and message.has_via:
            branch = self._branches.get(_key(message.via))
            left = -1.0 if branch is None else branch.left(now, self._timing.timeout)
            if branch is not None and left >= 0:
                branch.unsure = branch.unsure or left == 0
                self._heard(branch, message.status, now)

    def _heard(self, branch: Branch, status: int, now: float) -> None:
        if status < 200:
            branch.rang = True
            return
        branch.status = status
        self._ended.append(branch)
        if status >= 300:
            branch.unacknowledged = status
        elif not branch.asked.own and now < branch.asked.ended + self._timing.t4:
            branch.asked.owed = status
        if status < 300 or status >= 600:
            branch.asked.closed = branch.asked.closed or f"a {status}"

    # --- what goes

    def went(self, message: Request | Response, remote: Address, now: float, data: bytes) -> None:
        """It was sent."""
        if isinstance(message, Response):
            if message.has_via:
                self._answered(_key(message.via), message, now, data)
            return
        match message.method:
            case "INVITE":
                self._invited(_key(message.via), message, remote, now)
            case "CANCEL":
                self._cancelled(_key(message.via), message, remote, now)
            case "ACK":
                self._acknowledged(_key(message.via), remote)
            case _:
                pass

    def _answered(self, key: Key | None, response: Response, now: float, data: bytes) -> None:
        method = response.cseq.method
        asked = self._asked.get((key, "INVITE" if method == "CANCEL" else method))
        if asked is None:
            return
        if method != "CANCEL":
            asked.answer(response.status, data, now)
        elif response.status == 200:
            asked.closed = asked.closed or "a CANCEL"

    def _invited(self, key: Key | None, request: Request, remote: Address, now: float) -> None:
        if key in self._branches:
            return  # once more
        asked = self._asked_by(request)
        if asked.closed:
            raise Broken(f"a new branch, to {remote}, after {asked.closed}")
        self._branches[key] = Branch(request.uri_text, remote, asked, now)

    def _asked_by(self, request: Request) -> Asked:
        """Whose request this is: it came with what now is its second Via."""
        vias = request.values("via")
        key = _key(parse_via(vias[1])) if len(vias) > 1 else None
        known = None if key is None else self._asked.get((key, "INVITE"))
        return Asked("INVITE", own=True) if known is None else known

    def _cancelled(self, key: Key | None, request: Request, remote: Address, now: float) -> None:
        branch = self._branches.get(key)
        if branch is None:
            raise Broken(f"a CANCEL for what was never sent, to {remote}")
        if branch.cancelled is not None:
            return  # once more
        if (remote, request.uri_text) != (branch.remote, branch.uri):
            raise Broken(f"a CANCEL goes to {remote}, its INVITE went to {branch.remote}")
        if not branch.rang:
            raise Broken(f"a CANCEL before any provisional response, to {remote}")
        if branch.status:
            raise Broken(f"a CANCEL after a {branch.status}, to {remote}")
        branch.cancelled = now

    def _acknowledged(self, key: Key | None, remote: Address) -> None:
        branch = self._branches.get(key)
        if branch is None:
            return  # of a 2xx: it has a branch of its own (13.2.2.4)
        if remote != branch.remote:
            raise Broken(f"an ACK goes to {remote}, its INVITE went to {branch.remote}")
        branch.unacknowledged = 0

    # --- what is so after each step, and at the end

    def settled(self) -> None:
        """A step is over, and everything that it ordered has been sent."""
        if self._ended:
            for branch in self._ended:
                if branch.unsure:
                    branch.unacknowledged = branch.asked.owed = 0
                if branch.unacknowledged:
                    status, remote = branch.unacknowledged, branch.remote
                    raise Broken(f"a {status} from {remote} gets no ACK")
                if branch.asked.owed:
                    status, remote = branch.asked.owed, branch.remote
                    raise Broken(f"a {status} from {remote} does not go upstream")
            self._ended.clear()

    def over(self) -> None:
        """All is over: nothing will ever happen again."""
        for branch in self._branches.values():
            ringing = branch.rang and not branch.status and not branch.unsure
            if ringing and branch.cancelled is None:
                raise Broken(f"{branch.uri} is left ringing at {branch.remote}: nobody cancelled")
        for (key, method), asked in self._asked.items():
            if key is not None and method == "INVITE" and 0 < asked.status < 200:
                raise Broken(f"the INVITE {key[0]} from {key[1]} never got a final answer")


def _key(via: Via) -> Key | None:
    branch = via.branch
    if branch is None or not branch.startswith(_COOKIE):
        return None
    return branch, f"{via.host}:{via.port}"
