"""What is said in the rows of a ladder, in the field's own words.

All of it is printable ASCII: what comes from a network may be anything, and is seen on terminals
and in browsers.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, assert_never

from sansip import dns
from sansip.engine.actions import Action, Report, Send, Timer
from sansip.engine.events import (
    Administered,
    Drain,
    Enable,
    FlushCache,
    Quiesce,
    Rekey,
    ReplaceGroups,
)
from sansip.message.names import COMPACT

_SHORT: Final = MappingProxyType({name: short for short, name in COMPACT.items()})
_VERSION: Final = "SIP/2.0"
_TIMERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "resolve": "DNS has taken too long",
        "connect": "the connection has taken too long to open",
        "first_message": "nothing has come over a new connection",
        "idle": "a connection has been idle",
        "partial_message": "the rest of a message has not come",
        "call": "a call counts no more",
        "probe": "probe",
        "answer": "no answer from the program",
    }
)
_SILENCE: Final = re.compile(r"\b(silent for|no progress for|no answer within) [\d.e+-]++ s\b")
_SILENCES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "silent for": "advance after",
        "no progress for": "progress after",
        "no answer within": "answer within",
    }
)
_DEADLINE: Final = re.compile(r"nobody rang within ([\d.e+-]++ s)")
_TIMER_C: Final = 'text="Timer C"'


def plain(text: str) -> str:
    """One line of printable ASCII, whatever it was."""
    if text.isascii() and text.isprintable():
        return text
    return ascii(text)[1:-1].replace("\\\\", "\\").replace("\\'", "'")


def start_line(data: bytes) -> str:
    """What people call a message: its start line without the version; of a response the method."""
    line = data.partition(b"\n")[0].rstrip(b"\r").decode("utf-8", "replace")
    if line.startswith(f"{_VERSION} "):
        method = field(data, "cseq").rpartition(" ")[2]
        about = f" for {method}" if method and method != "INVITE" else ""
        return plain(line.removeprefix(f"{_VERSION} ") + about)
    if line.endswith(f" {_VERSION}"):
        return plain(line.removesuffix(f" {_VERSION}"))
    if not data.strip(b"\r\n"):
        return "keep-alive"
    return f"{len(data)} bytes that are no SIP"


def remark(data: bytes, transport: str, *, made_here: bool = False) -> str:
    """What is to be said about a message besides its start line."""
    parts: list[str] = ["made here"] if made_here else []
    if field(data, "content-type").lower() == "application/sdp":
        parts.append("SDP")
    reason = field(data, "reason")
    if reason:
        parts.append(plain(reason))
    if transport not in ("udp", ""):
        parts.append(transport)
    return ", ".join(parts)


def field(data: bytes, name: str) -> str:
    """What the first header of this name says, however it is spelt; "" if there is none."""
    head = re.split(rb"\r?\n\r?\n", data, maxsplit=1)[0]
    names = [name, _SHORT[name]] if name in _SHORT else [name]
    row = rb"(?im)^(?:%b)[ \t]*:[ \t]*([^\r\n]*)" % "|".join(names).encode()
    found = re.search(row, head)
    return found[1].decode("utf-8", "surrogateescape").strip() if found else ""


def reported(report: Report) -> str:
    """What the core has said; of transactions without their keys, which mean nothing to people."""
    if report.topic == "failover":
        return plain(report.text)
    about = f" {report.about}" if report.about and "|" not in report.about else ""
    return plain(f"{report.topic}{about}: {report.text}")


# --- DNS


def answered(question: str, answer: dns.Answer) -> str:
    """What DNS has said."""
    match answer:
        case dns.Found():
            records = ", ".join([dns.record_text(record) for record in answer.records])
            return plain(f"{question} is {records}, for {answer.ttl:g} s")
        case dns.NoRecords():
            return plain(f"{question}: no such records, for {answer.ttl:g} s")
        case dns.NoName():
            return plain(f"{question}: no such name, for {answer.ttl:g} s")
        case dns.Failure():
            return plain(f"{question}: no answer: {answer.reason}")
        case _:
            assert_never(answer)


# --- timers


def fired(timer: Timer, about: str, actions: tuple[Action, ...]) -> str:
    """Which timer it was; ``about`` says of what, ``actions`` what came of it."""
    if timer.name == "hunt":
        return _hunt(actions)
    name = _TIMERS.get(timer.name) or f"Timer {timer.name}"
    return plain(f"{name}: {about}" if about else name)


def _hunt(actions: tuple[Action, ...]) -> str:
    """A hunt has one timer for all its deadlines; for which, only what came of it can say."""
    for action in actions:
        if isinstance(action, Report):
            if found := _SILENCE.search(action.text):
                return _SILENCES[found[1]] + found[0].removeprefix(found[1])
            if found := _DEADLINE.search(action.text):
                return f"deadline after {found[1]}"
        elif isinstance(action, Send) and _TIMER_C in field(action.data, "reason"):
            return "Timer C"
    return "a deadline of the hunt" + ("" if actions else ", which has ended")


# --- operators


def ordered(event: Administered) -> str:
    """What the operator wants."""
    match event.order:
        case ReplaceGroups(groups):
            names = groups if isinstance(groups, Mapping) else dict(groups)
            return plain(f"new members of {', '.join(names)}")
        case Drain(group, uri):
            return plain(f"drain {uri} of {group}")
        case Enable(group, uri):
            return plain(f"enable {uri} of {group}")
        case FlushCache():
            return "forget all DNS answers"
        case Quiesce(seconds):
            return "take no new requests" + (f", Retry-After {seconds} s" if seconds else "")
        case Rekey():
            return "draw from another seed"
        case _:
            assert_never(event.order)
