"""A gateway: a scripted party that is called, and answers as it is told to (RFC 3261 8.2, 13.3)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sansip.address import Address
from sansip.entropy import token
from sansip.message import Request, Response, reply
from sansip.message.build import phrase
from sansip.message.rows import make_rows
from sansip.simulate.network import Network
from sansip.simulate.party import Party
from sansip.value import value

_ANSWER: Final = "answer"


@value
class Answer:
    """What to answer an INVITE, and how many seconds after it came."""

    after: float
    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


Answers = tuple[Answer, ...]
Script = Answers | Callable[[Request], Answers]

PICKS_UP: Final[Answers] = (Answer(0.0, 100), Answer(0.1, 180), Answer(0.5, 200))
RINGS: Final[Answers] = (Answer(0.0, 100), Answer(0.1, 180))  # for ever
BUSY: Final[Answers] = (Answer(0.0, 486),)
UNAVAILABLE: Final[Answers] = (Answer(0.0, 503),)
SILENT: Final[Answers] = ()


@dataclass
class Invited:
    """An INVITE that has come, and how far its answer is."""

    request: Request
    source: Address
    answers: Answers
    tag: str
    last: Response | None = None
    rows: tuple[str, ...] = ()  # of all responses that begin a dialog

    @property
    def is_answered(self) -> bool:
        """Whether it has its final response."""
        return self.last is not None and self.last.status >= 200


class Gateway(Party):
    """It answers INVITE by its script, CANCEL as it has to, everything else with 200.

    ``answers`` are those to every INVITE, or a function that says which, and may be changed at any
    time; ``invites`` are those that have come, each once.
    """

    def __init__(
        self,
        network: Network,
        address: str | Address,
        answers: Script,
        name: str = "",
        transport: str = "udp",
    ) -> None:
        """``answers`` is the script."""
        super().__init__(network, address, name, transport)
        self.answers = answers
        self.invites: list[Request] = []
        self._invited: dict[str, Invited] = {}  # by branch
        way = "" if transport == "udp" else f";transport={transport}"
        self.contact: str = f"<sip:{self.address}{way}>"

    def crash(self) -> None:
        """Be gone, and forget all calls."""
        super().crash()
        self._invited.clear()

    def asked(self, request: Request, source: Address) -> None:
        """A request has come."""
        branch = request.via.branch or ""
        match request.method:
            case "INVITE":
                invited = self._invited.get(branch)
                if invited is None:
                    self._invite(branch, request, source)
                elif invited.last is not None:
                    self.say(invited.last, source)
            case "ACK":
                self.stop(_final(request))
            case "CANCEL":
                self.say(reply(request, 200), source)
                invited = self._invited.get(branch)
                if invited is not None and not invited.is_answered:
                    self._answer(invited, Answer(0.0, 487))
            case _:
                made = reply(request, 200)
                _share(request, made)
                self.say(made, source)

    def woken(self, what: str, about: str, number: int) -> None:
        """It is time for the next answer."""
        invited = self._invited[about]
        if what == _ANSWER and not invited.is_answered:
            self._answer(invited, invited.answers[number])

    def _invite(self, branch: str, request: Request, source: Address) -> None:
        self.invites.append(request)
        answers = self.answers(request) if callable(self.answers) else self.answers
        tag = token(self.network.seed, self.name, "tag", len(self.invites))
        self._invited[branch] = Invited(request, source, answers, tag)
        for number, answer in enumerate(answers):
            self.wake(answer.after, _ANSWER, branch, number)

    def _answer(self, invited: Invited, answer: Answer) -> None:
        request, status = invited.request, answer.status
        headers, body = answer.headers, answer.body
        if 100 < status < 300:
            if not invited.rows:  # the same in all of them, and made once
                own = [("Contact", self.contact)]
                first = reply(request, status, to_tag=invited.tag, headers=own)
                invited.rows = first.lines[:-1]
            rows = (*invited.rows, *make_rows(headers, body))
            made = Response(status, phrase(status), rows, body)
        else:
            made = reply(request, status, to_tag=invited.tag, headers=headers, body=body)
        _share(request, made)
        invited.last = made
        if status < 200:
            self.say(made, invited.source)
        else:
            self.repeat(_final(made), made, invited.source, self.timing.t2)


def _share(request: Request, made: Response) -> None:
    """What a response copies from its request need not be read again: it is asked for often."""
    made.via, made.cseq, made.call_id = request.via, request.cseq, request.call_id


def _final(message: Request | Response) -> str:
    """What a final response, and the ACK for it, have in common."""
    return f"{message.call_id} {message.cseq.number} {message.to_tag}"
