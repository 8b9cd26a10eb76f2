"""Events and actions as a log would tell them: a short line each, the message before all else."""

from sansip.dns import Answer, Found, NoName, NoRecords, record_text
from sansip.engine.actions import (
    Action,
    CloseFlow,
    Deliver,
    OpenFlow,
    QueryDns,
    Report,
    Send,
    StartTimer,
    StopDns,
    StopTimer,
    Timer,
)
from sansip.engine.events import (
    DatagramReceived,
    DnsAnswered,
    Event,
    FlowClosed,
    FlowOpened,
    SendFailed,
    StreamReceived,
    TimerFired,
)
from sansip.ladder.wording import plain, start_line
from sansip.replay.words import shortened, words


def told(thing: Event | Action) -> str:
    """Tell an event or an action in a line; of serial numbers and such it says nothing.

    It is printable ASCII, whatever a network has said, or who has written the journal.
    """
    return plain(_told(thing))


def _told(thing: Event | Action) -> str:  # noqa: C901, PLR0911, PLR0912 - one arm for each kind
    match thing:
        case DatagramReceived():
            return f"<- {thing.source}  {_start(thing.data)}"
        case StreamReceived():
            return f"<- connection {thing.flow}  {_start(thing.data)}"
        case FlowOpened():
            return f"connection {thing.flow} is open with {thing.remote}"
        case FlowClosed():
            return f"connection {thing.flow} is closed{_because(thing.reason)}"
        case SendFailed():
            return f"{thing.remote} is not reached{_because(thing.reason)}"
        case TimerFired():
            return f"timer {_timer(thing.timer)} fires"
        case DnsAnswered():
            return f"DNS answers question {thing.query}: {_answer(thing.answer)}"
        case Send(flow=None):
            return f"-> {thing.remote}  {_start(thing.data)}"
        case Send():
            return f"-> {thing.remote} by connection {thing.flow}  {_start(thing.data)}"
        case OpenFlow():
            return f"opens connection {thing.flow} to {thing.remote} by {thing.transport}"
        case CloseFlow():
            return f"closes connection {thing.flow}"
        case StartTimer():
            return f"timer {_timer(thing.timer)} in {thing.after:g} s"
        case StopTimer():
            return f"timer {_timer(thing.timer)} is stopped"
        case QueryDns():
            return f"asks DNS, question {thing.query}: {thing.name} {thing.type}"
        case StopDns():
            return f"asks DNS no more, question {thing.query}"
        case Deliver():
            what = "" if thing.message is None else f": {_start(thing.message.render())}"
            return f"delivers {thing.kind} {shortened(thing.handle)}{what}"
        case Report():
            return f"reports {thing.topic}: {shortened(thing.text)}"
        case _:
            return words(thing)


def _start(data: bytes) -> str:
    return shortened(start_line(data))


def _because(reason: str) -> str:
    return f": {shortened(reason)}" if reason else ""


def _timer(timer: Timer) -> str:
    return f"{timer.name} of {shortened(timer.owner)}"


def _answer(answer: Answer) -> str:
    match answer:
        case Found():
            return ", ".join([shortened(record_text(each)) for each in answer.records])
        case NoName():
            return "no such name"
        case NoRecords():
            return "no such records"
        case _:
            return f"failure, {shortened(answer.reason)}"
