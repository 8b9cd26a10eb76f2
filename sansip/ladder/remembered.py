"""What a journal that goes on from another begins with: names, connections, and whose calls."""

from collections.abc import Iterator

from sansip import dns
from sansip.engine.state import State


def names_in(state: State | None) -> Iterator[tuple[str, str]]:
    """Each IP address that DNS has given, and the name that has it."""
    if state is not None:
        for question, entry in state.cache.entries.items():
            for record in () if entry.kept is None else entry.kept.records:
                if isinstance(record, dns.Ip):
                    yield record.address, question.name


def questions_in(state: State | None) -> dict[int, str]:
    """What DNS has been asked, and has not answered."""
    if state is None:
        return {}
    asked = state.questions.items()
    return {number: f"{question.type} {question.name}" for number, question in asked}


def calls_in(state: State | None) -> Iterator[tuple[str, str]]:
    """The key of each transaction that goes on, and the Call-ID of its request."""
    if state is not None:
        for key, context in state.contexts.items():
            if context.origin is not None:
                yield key, context.origin.request.call_id or ""
        for key, sent in state.client.items():
            served = state.contexts.get(sent.context)
            if served is not None and served.origin is not None:
                yield key, served.origin.request.call_id or ""
