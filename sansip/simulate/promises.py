"""What an engine promises to the network, whatever happens: looked at while a world runs.

Each promise is a function over what was on the wire of one engine, from its start to its crash: no
state of the engine is looked into, so it cannot talk its way out. RFC 3261 has all of them:

* at most one final answer upstream, but for further 2xx to INVITE (16.7 step 5);
* every 101-199 to an INVITE goes upstream at once until there is a final answer, and every 2xx and
  every copy of it (16.7 step 5, RFC 6026 7.1), as long as there is a transaction for it: for 64*T1
  after the first 2xx, for T4 after a refusal, and over a connection not even that (RFC 6026 8.3);
* answers go where their request came from, if it asked for that with rport (RFC 3581 4);
* no 503 of a branch goes upstream: a 500 stands for it (16.7 step 6);
* every final response above 299 to an INVITE gets an ACK at once, where its INVITE went (17.1.1.3);
* a CANCEL only to what has answered provisionally and not finally, and where its INVITE went (9.1);
* no new branch after a CANCEL, a 2xx, a 6xx or any final answer (16.7 step 5, 16.10);
* no branch is left ringing that nobody cancelled (16.7 step 10), unless no connection can be had;
* every INVITE that got a 100 gets a final answer (17.2.1).

Beside the wire, hosts see to it that no timer fires that nobody waits for.

Who belongs to whom says the wire: a request that is sent on has its own branch in its first Via,
and the one that it came with in its second.
"""

from dataclasses import dataclass, replace
from math import inf
from typing import Final

from sansip.address import Address
from sansip.errors import RemoteProtocolError
from sansip.message import Request, Response, Via, parse_via
from sansip.message.rows import top_via, value_of
from sansip.timing import Timing

Key = tuple[str, str, int | None]  # of a transaction: branch and sent-by
_COOKIE: Final = "z9hG4bK"  # without it a branch is not unique (8.1.1.7)


class Broken(AssertionError):  # noqa: N818 - as it is read: Broken: a 503 gets no ACK
    """A promise that was not kept."""


@dataclass
class Asked:
    """A request that came, or that the engine began itself, as its requester sees it."""

    method: str
    is_reliable: bool = False  # it came over a connection
    sources: tuple[Address, ...] = ()  # where responses go
    finals: tuple[bytes, ...] = ()
    status: int = 0  # the highest so far
    closes: float = inf  # when its transaction may be gone, for it has had its final answer
    closed: str = ""  # why it may have no new branches
    own: bool = False  # by the embedding program, which is told without a wire
    owed: int = 0  # the status of what came and is to go upstream, until it has gone
    unfit: tuple[str, ...] = ()  # the To tags of the 503 that came

    def copy(self) -> "Asked":
        """Make one that goes its own way from here on."""
        return replace(self)

    def known(self, now: float) -> tuple[object, ...]:
        """All that may still matter, with times from now on."""
        sources, unfit = sorted(map(str, self.sources)), sorted(set(self.unfit))
        closes = max(0.0, self.closes - now)
        what = self.own, self.is_reliable, self.status, self.closed, self.finals
        return (*what, tuple(sources), tuple(unfit), closes)

    def answer(self, response: Response, data: bytes, now: float, timing: Timing) -> None:
        """Look at an answer: "at most one final", and only 2xx to INVITE behind it."""
        status = response.status
        if status == 503 and response.to_tag in self.unfit:
            raise Broken("a 503 of a branch goes upstream")
        if status >= 200 and data not in self.finals:
            further = self.method == "INVITE" and 200 <= status < 300
            if self.finals and not further:
                first = self.finals[0][8:11].decode()
                raise Broken(f"a {status} goes upstream after a {first}")
            self.finals += (data,)
            # Timer L after a 2xx; after a refusal Timer I, which starts with its ACK.
            waits = timing.timeout if further else 0.0 if self.is_reliable else timing.t4
            self.closes = min(self.closes, now + waits)
            self.closed = self.closed or f"a {status} has gone upstream"
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
    is_reliable: bool  # it went over a connection
    rang: bool = False
    status: int = 0  # of its first final response
    ended: float = inf  # when that came
    cancelled: float | None = None
    unacknowledged: int = 0  # the status of a refusal that came, until its ACK has gone
    unreached: bool = False  # no other connection to there could be opened, for a CANCEL say
    unsure: bool = False  # something came at the very end of its time: it may be late, or may not

    def left(self, now: float, timeout: float) -> float:
        """For how many seconds somebody still waits for a response; less than 0: nobody does."""
        if self.status:
            return -1.0
        since = self.sent if not self.rang else self.cancelled
        return inf if since is None else max(-1.0, since + timeout - now)

    def known(self, now: float, timeout: float) -> tuple[object, ...]:
        """All that may still matter, with times from now on."""
        until = self.left(now, timeout), self.repeats(now, timeout)
        what = self.rang, self.status, self.cancelled is not None, self.unsure
        return (self.uri, self.remote.host, self.remote.port, *what, *until)

    def repeats(self, now: float, timeout: float) -> float:
        """For how many seconds copies of its 2xx still go upstream."""
        return max(0.0, self.ended + timeout - now) if 200 <= self.status < 300 else 0.0


class Promises:
    """Everything that an engine has received and sent, as far as it matters for what comes."""

    def __init__(self, timing: Timing) -> None:
        """Nothing has been on the wire yet."""
        self._timing = timing
        self._asked: dict[tuple[Key | None, str], Asked] = {}
        self._branches: dict[Key | None, Branch] = {}
        self._told: list[Branch] = []  # in this step

    # --- for explorations, which go back and forth between the steps of a run

    def copy(self) -> "Promises":
        """Make one that goes its own way from here on."""
        made = Promises(self._timing)
        pairs = [(asked, asked.copy()) for asked in self._asked.values()]
        made._asked = dict(zip(self._asked, [fresh for _, fresh in pairs], strict=True))
        for key, branch in self._branches.items():
            whose = [fresh for asked, fresh in pairs if asked is branch.asked]
            asked = whose[0] if whose else branch.asked.copy()
            made._branches[key] = replace(branch, asked=asked)
        return made

    def known(self, now: float) -> tuple[object, ...]:
        """All that may still matter, with times from now on: equal if nothing else can tell."""
        timeout = self._timing.timeout
        asked = [(key, *each.known(now)) for key, each in self._asked.items()]
        branches = [
            (key, each.asked.own, each.asked.closed, *each.known(now, timeout))
            for key, each in self._branches.items()
        ]
        return tuple(asked), tuple(branches)

    # --- what comes

    def came(self, message: Request | Response, now: float, source: Address | None = None) -> None:
        """It was received; what is out of order promises nothing."""
        try:
            if isinstance(message, Request):
                if message.method not in ("ACK", "CANCEL"):
                    self._asks(message, source)
            elif message.cseq.method == "INVITE" and message.has_via:
                branch = self._branches.get(_key(message.via))
                if branch is not None:
                    self._answer_came(branch, message, now)
        except RemoteProtocolError:
            return

    def _asks(self, request: Request, source: Address | None) -> None:
        via, method = request.via, request.method
        key = _key(via)
        if key is not None:
            asked = self._asked.get((key, method))
            if asked is None:
                asked = self._asked[key, method] = Asked(method, via.transport != "UDP")
            if source is not None and via.rport == "" and source not in asked.sources:
                asked.sources += (source,)

    def _answer_came(self, branch: Branch, response: Response, now: float) -> None:
        timeout = self._timing.timeout
        left = branch.left(now, timeout)
        if left >= 0:
            branch.unsure = branch.unsure or left == 0
            self._heard(branch, response, now)
        elif response.status == branch.status and branch.repeats(now, timeout):
            self._owe(branch, response.status, now)

    def _heard(self, branch: Branch, response: Response, now: float) -> None:
        status, asked = response.status, branch.asked
        if status < 200:
            branch.rang = True
            if status > 100 and not asked.finals:
                self._owe(branch, status, now)
            return
        branch.status, branch.ended = status, now
        if status < 300:
            self._owe(branch, status, now)
        else:
            branch.unacknowledged = status
            self._told.append(branch)
        if status == 503:
            asked.unfit += (response.to_tag or "",)
        if status < 300 or status >= 600:
            asked.closed = asked.closed or f"a {status}"

    def _owe(self, branch: Branch, status: int, now: float) -> None:
        """What has come is to go upstream, if its caller may still wait for it."""
        if not branch.asked.own and now < branch.asked.closes:
            branch.asked.owed = status
            self._told.append(branch)

    # --- what goes

    def went(self, message: Request | Response, remote: Address, now: float, data: bytes) -> None:
        """It was sent."""
        if isinstance(message, Response):
            if message.has_via:
                self._answered(_key(message.via), message, remote, now, data)
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

    def _answered(
        self, key: Key | None, response: Response, remote: Address, now: float, data: bytes
    ) -> None:
        method = response.cseq.method
        asked = self._asked.get((key, "INVITE" if method == "CANCEL" else method))
        if asked is None:
            return
        if asked.sources and remote not in asked.sources:
            came = min(map(str, asked.sources))
            raise Broken(
                f"a {response.status} goes to {remote}, its {asked.method} came from {came}"
            )
        if method != "CANCEL":
            asked.answer(response, data, now, self._timing)
        elif response.status == 200:
            asked.closed = asked.closed or "a CANCEL"

    def _invited(self, key: Key | None, request: Request, remote: Address, now: float) -> None:
        if key in self._branches:
            return  # once more
        asked = self._asked_by(request)
        if asked.closed:
            raise Broken(f"a new branch, to {remote}, after {asked.closed}")
        is_reliable = request.via.transport != "UDP"
        self._branches[key] = Branch(request.uri_text, remote, asked, now, is_reliable)

    def _asked_by(self, request: Request) -> Asked:
        """Whose request this is: it came with what now is its second Via."""
        rows = request.raw("via")
        if len(rows) > 1 and "," not in rows[0]:
            key = _key(top_via(value_of(rows[1])))
        else:
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

    def unreached(self, remote: Address) -> None:
        """No connection to there could be opened: what was to go over it could not go."""
        for branch in self._branches.values():
            if branch.is_reliable and branch.remote == remote and branch.rang:
                branch.unreached = True

    # --- what is so after each step, and at the end

    def settled(self) -> None:
        """A step is over, and everything that it ordered has been sent."""
        if self._told:
            for branch in self._told:
                if branch.unsure:
                    branch.unacknowledged = branch.asked.owed = 0
                if branch.unacknowledged:
                    status, remote = branch.unacknowledged, branch.remote
                    raise Broken(f"a {status} from {remote} gets no ACK")
                if branch.asked.owed:
                    status, remote = branch.asked.owed, branch.remote
                    raise Broken(f"a {status} from {remote} does not go upstream")
            self._told.clear()

    def over(self) -> None:
        """All is over: nothing will ever happen again."""
        for branch in self._branches.values():
            ringing = branch.rang and not (branch.status or branch.unsure or branch.unreached)
            if ringing and branch.cancelled is None:
                raise Broken(f"{branch.uri} is left ringing at {branch.remote}: nobody cancelled")
        for (key, method), asked in self._asked.items():
            if key is not None and method == "INVITE" and 0 < asked.status < 200:
                raise Broken(f"the INVITE {key[0]} from {key[1]}:{key[2]} never got a final answer")


def _key(via: Via) -> Key | None:
    branch = via.branch
    if branch is None or not branch.startswith(_COOKIE):
        return None
    return branch, via.host, via.port
