"""Plans as pages for a terminal: what DNS said, the hops in their order, and how it would end."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, TextIO, assert_never

import sansip
from sansip import dns

CODES: Final = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33"}
Cell = str | tuple[str, str]  # text, or text and its style


@dataclass(frozen=True)
class Asked:
    """A question that was asked, what came of it, and after how many seconds."""

    question: dns.Question
    answer: dns.Answer
    took: float


@dataclass(frozen=True)
class Paint:
    """Styles for a terminal, or none."""

    colours: bool

    @classmethod
    def of(cls, out: TextIO) -> "Paint":
        """Colours for a terminal, unless somebody does not want any (https://no-color.org)."""
        return cls(out.isatty() and not os.environ.get("NO_COLOR"))

    def __call__(self, text: str, style: str) -> str:
        """The text in this style."""
        return f"\033[{CODES[style]}m{text}\033[0m" if self.colours and text else text


class Page:
    """Lines that grow."""

    def __init__(self, paint: Paint) -> None:
        self.lines: list[str] = []
        self._paint = paint

    def say(self, text: str = "", style: str = "") -> None:
        """One line."""
        self.lines.append(self._paint(text, style) if style else text)

    def head(self, text: str, remark: str = "") -> None:
        """A heading, after an empty line."""
        self.lines += ["", self._paint(text, "bold") + remark]

    def table(self, rows: Iterable[Sequence[Cell]]) -> None:
        """Rows of cells, each column as wide as its widest."""
        cells = [[(c, "") if isinstance(c, str) else c for c in row] for row in rows]
        widths = [max([len(row[at][0]) for row in cells]) for at in range(len(cells[0]))]
        for row in cells:
            line = ""
            for (text, style), width in zip(row, widths, strict=True):
                shown = self._paint(text, style) if style else text
                line += "  " + shown + " " * (width - len(text)) if width else ""
            self.lines.append(line.rstrip())


def page(
    request: sansip.Request,
    source: sansip.Address,
    plan: sansip.Plan,
    asked: Sequence[Asked],
    servers: Sequence[str],
    remarks: dict[sansip.Hop, str],
    paint: Paint,
) -> list[str]:
    """The whole page; ``remarks`` are about hops that a proxy would not send to by default."""
    made = Page(paint)
    made.say(f"{request.method} {request.uri_text} from {source.host}", "bold")
    made.say(f"  {_said(plan.decision)}")
    if asked:
        made.head("DNS", f", asked {', '.join(servers)}")
        made.table([row for one in asked for row in _answered(one)])
    if plan.steps:
        made.head(
            "Hops", ", and when each is tried if all before it stay silent; DNS is not counted"
        )
        made.table(_hops(request, plan, remarks))
    made.head("Outcome")
    for note in plan.notes:
        made.say(f"  {note}", "yellow")
    for line in _outcome(request, plan, asked):
        made.say(f"  {line}")
    return made.lines


def _said(decision: sansip.Decision | None) -> str:
    """What the policy decides."""
    match decision:
        case None:
            return "follows its Route: it belongs to a dialog"
        case sansip.Relay(to=sansip.Dispatch() as wish):
            text = f"relayed to the group {wish.group}, algorithm {wish.algorithm}"
            return text + ("; only the next hop is set" if wish.rewrite == "none" else "")
        case sansip.Relay():
            return f"relayed to {decision.to}"
        case sansip.Reply():
            return f"answered {decision.status}"
        case sansip.Drop():
            return "dropped without an answer"
        case sansip.Local():
            return "delivered to the program itself"
        case sansip.Ask():
            return "decided after a question to the program"
        case _:
            assert_never(decision)


# --- DNS


def _answered(asked: Asked) -> list[tuple[Cell, ...]]:
    """A row for each record, or one that says why there is none."""
    question, answer, took = asked.question, asked.answer, f"{asked.took * 1000:.0f} ms"
    texts: list[Cell]
    ttl = "" if isinstance(answer, dns.Failure) else _seconds(answer.ttl)
    match answer:
        case dns.Found():
            texts = [_printable(dns.record_text(record)) for record in answer.records]
        case dns.NoRecords():
            texts = [("no such records", "dim")]
        case dns.NoName():
            texts = [("no such name", "yellow")]
        case dns.Failure():
            texts = [(f"failed: {answer.reason}", "red")]
        case _:
            assert_never(answer)
    first: tuple[Cell, ...] = (question.name, question.type, (ttl, "dim"), texts[0], (took, "dim"))
    return [first, *[("", "", "", text, "") for text in texts[1:]]]


def _printable(text: str) -> str:
    """What anybody may have written into DNS; it shall do no harm on a terminal."""
    return text if text.isprintable() else ascii(text)[1:-1]


# --- hops


def _hops(
    request: sansip.Request, plan: sansip.Plan, remarks: dict[sansip.Hop, str]
) -> list[tuple[Cell, ...]]:
    several = len({step.stage for step in plan.steps}) > 1
    rows: list[tuple[Cell, ...]] = []
    number = 0
    for step in plan.steps:
        number += not step.refused
        rows.append(
            (
                (f"{'-' if step.refused else number}", "dim"),
                _when(step),
                f"stage {step.stage}" if several else "",
                str(step.hop),
                _origin(step),
                step.uri if step.uri != request.uri_text else "",
                _remark(step, remarks.get(step.hop, "")),
            )
        )
    return rows


def _when(step: sansip.Step) -> Cell:
    if step.refused:
        return "never", "red"
    if step.after is None:
        return "too late", "yellow"
    return ("at once", "green") if not step.after else (_seconds(step.after), "green")


def _origin(step: sansip.Step) -> str:
    """Which record it came from; of TLS, which name the certificate must have."""
    name = step.hop.tls_name
    return step.hop.origin + (f", certificate of {name}" if name else "")


def _remark(step: sansip.Step, remark: str) -> Cell:
    if step.refused:
        return f"refused: {step.refused}", "red"
    if remark:
        return f"{remark}: a proxy refuses it unless allow_hops lists it", "yellow"
    return ("suspect: silent of late, tried last", "yellow") if step.suspect else ""


def _seconds(number: float) -> str:
    return f"{number:g} s"


# --- the end


def _outcome(request: sansip.Request, plan: sansip.Plan, asked: Sequence[Asked]) -> Iterable[str]:
    if plan.questions:
        names = ", ".join([f"{question.type} {question.name}" for question in plan.questions])
        yield f"Given up with these questions open: {names}"
    if not any(not step.refused for step in plan.steps):
        yield "There is no hop to send it to."
    elif any(step.after is None and not step.refused for step in plan.steps):
        yield "Too late: tried only if a hop before it fails sooner than by silence."
    if plan.ends is not None:
        when = f"after {_seconds(plan.ends)}" if plan.ends else "at once"
        if plan.status is None:
            yield f"If nobody answers, the search ends {when}, and the caller gets no answer."
        else:
            phrase = sansip.reply(request, plan.status).reason
            condition = "If nobody answers, the" if plan.ends else "The"
            yield f"{condition} caller gets {plan.status} {phrase} {when}."
    if _is_drawn(asked):
        yield "Weights are drawn for each call: another --call-id shows another order."


def _is_drawn(asked: Iterable[Asked]) -> bool:
    """Whether an order hangs on weights."""
    for one in asked:
        records = one.answer.records if isinstance(one.answer, dns.Found) else ()
        srvs = sorted([(r.priority, r.weight) for r in records if isinstance(r, dns.Srv)])
        for _, peers in groupby(srvs, lambda peer: peer[0]):
            weights = [weight for _, weight in peers]
            if len(weights) > 1 and any(weights):
                return True
    return False
