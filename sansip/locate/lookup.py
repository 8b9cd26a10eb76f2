"""The lookup of RFC 3263 4: a machine that asks DNS questions and gives hops.

The rules stand in ``route``, which can be read beside the RFC from top to bottom. It walks through
the list as far as the answers known so far describe it, and puts a question wherever an answer is
missing. What stands before the first missing answer is certain; whatever is missing is asked at
once. Each answer makes the walk start anew, so the order in which answers come cannot matter.

Invariants: the hops given are a prefix of the final list, and never repeat; ``Exhausted`` comes
last and once; a sips URI never leaves TLS; nothing is asked twice; questions and hops are bounded.
"""

from collections.abc import Iterator, Sequence
from types import MappingProxyType
from typing import Literal, TypeVar, assert_never

from sansip.address import Address, Hop
from sansip.dns import Answer, Failure, Found, Ip, Naptr, NoName, NoRecords, Question, Record, Srv
from sansip.entropy import Draws
from sansip.locate.aim import Aim, askable, canonical, is_dotted, numeric
from sansip.locate.order import TRANSPORTS, order, usable
from sansip.message import Uri
from sansip.table import Table
from sansip.value import value

SERVICES = MappingProxyType({"udp": "_sip._udp.", "tcp": "_sip._tcp.", "tls": "_sips._tcp."})
RECORD_TYPES = MappingProxyType({4: "A", 6: "AAAA"})

R = TypeVar("R", Naptr, Srv, Ip)
Reason = Literal["", "no such name", "no records", "no service", "not supported", "DNS failure"]


@value
class LocateLimits:
    """How far one lookup may go, whatever DNS says."""

    questions: int = 64
    hops: int = 64


# What it takes


@value
class Answered:
    """A question that was asked has its answer, from DNS or from the cache."""

    question: Question
    answer: Answer


# What it gives


@value
class Ask:
    """The answer to this question is wanted, as ``Answered``."""

    question: Question


@value
class Hops:
    """The next hops of the list, best first."""

    hops: tuple[Hop, ...]


@value
class Exhausted:
    """The list is complete; nothing follows.

    ``reason`` is empty if there was a hop and every question had an answer. "DNS failure" may come
    after hops as well: there might have been more of them. ``text`` says it for people.
    """

    reason: Reason
    text: str = ""


Output = Ask | Hops | Exhausted

# Its states


@value
class Lookup:
    """Questions are open. All answers so far, fit for use, and the hops given so far."""

    aim: Aim
    draws: Draws
    limits: LocateLimits
    answers: Table[Question, Answer]
    pending: tuple[Question, ...]
    hops: tuple[Hop, ...]


@value
class Ended:
    """Everything has been said."""


DEFAULT_LIMITS = LocateLimits()


def start(
    aim: Aim, draws: Draws, limits: LocateLimits | None = None
) -> tuple[Lookup | Ended, tuple[Output, ...]]:
    """Begin: an address ends at once, a name leads to questions."""
    return _advance(Lookup(aim, draws, limits or DEFAULT_LIMITS, Table(), (), ()))


def step(state: Lookup | Ended, given: Answered) -> tuple[Lookup | Ended, tuple[Output, ...]]:
    """Take one answer. One that nobody waits for changes nothing."""
    match state:
        case Lookup() if given.question in state.pending:
            return _advance(_learn(state, given.question, given.answer))
        case Lookup() | Ended():
            return state, ()
        case _:
            assert_never(state)


def _advance(state: Lookup) -> tuple[Lookup | Ended, tuple[Output, ...]]:
    """Walk, ask for what is missing, and give what is certain."""
    asked: list[Question] = []
    while True:
        hops, missing = _survey(state)
        answers = state.answers
        for question in missing:
            if question not in state.pending and question not in asked:
                spent = len(answers) + len(state.pending) + len(asked)
                refusal = _refusal(question, spent, state.limits.questions)
                if refusal is None:
                    asked.append(question)
                else:
                    answers = answers.set(question, refusal)
        if answers is state.answers:
            break
        state = _state(state, answers, state.pending, state.hops)
    fresh = hops[len(state.hops) :]
    given: tuple[Output, ...] = (Hops(fresh),) if fresh else ()
    if not missing:
        return Ended(), (*given, _verdict(state, hops))
    state = _state(state, state.answers, (*state.pending, *asked), hops)
    return state, (*given, *map(Ask, asked))


def _refusal(question: Question, spent: int, limit: int) -> Answer | None:
    """The answer to a question that had better not be asked."""
    if not askable(question.name):
        return NoName(0.0)
    return Failure(f"the limit of {limit} questions is reached") if spent >= limit else None


def _survey(state: Lookup) -> tuple[tuple[Hop, ...], list[Question]]:
    """The hops that are certain, and the questions that stand between them and the others."""
    hops: dict[tuple[str, str, int], Hop] = {}
    missing: dict[Question, None] = {}
    for item in route(state.aim, state.answers):
        if isinstance(item, Question):
            missing[item] = None
        elif not missing:
            hops.setdefault((item.transport, item.address.host, item.address.port), item)
            if len(hops) >= state.limits.hops:
                break
    return tuple(hops.values()), list(missing)


def route(aim: Aim, answers: Table[Question, Answer]) -> Iterator[Hop | Question]:
    """The whole list in order, with each question that has no answer yet in the answer's place."""
    allowed, explicit = _transports(aim)
    if not allowed or not aim.families:
        return
    # "If no transport protocol is specified, but the TARGET is a numeric IP address, the client
    # SHOULD use UDP for a SIP URI, and TCP for a SIPS URI" (4.1); likewise with an explicit port.
    default = "udp" if "udp" in allowed else allowed[0]
    if numeric(aim.host):
        hop = _literal(aim, default)
        if hop is not None:
            yield hop
        return
    if aim.port is not None:
        # "If the TARGET was not a numeric IP address, but a port is present in the URI, the client
        # performs an A or AAAA record lookup" (4.2), 5060 or not.
        yield from _addresses(aim, answers, aim.host, aim.port, default)
        return
    services = [(transport, SERVICES[transport] + aim.host) for transport in allowed]
    if not explicit:
        # "If no transport protocol or port is specified, and the target is not a numeric IP
        # address, the client SHOULD perform a NAPTR query for the domain in the URI" (4.1).
        question = Question(aim.host, "NAPTR")
        answer = answers.get(question)
        if answer is None:
            yield question
            return
        if isinstance(answer, Found):
            services = [
                (TRANSPORTS[record.service.lower()], record.replacement)
                for record in _only(Naptr, answer.records)
            ]
            default = services[0][0]
    yield from _services(aim, answers, services, default)


def _transports(aim: Aim) -> tuple[tuple[str, ...], bool]:
    """The transports that may be used, best first, and whether the URI names the one."""
    allowed = tuple(
        transport
        for transport in aim.supported
        if transport in SERVICES and (transport == "tls" or not aim.secure)
    )
    if aim.transport is None:
        return allowed, False
    # "sips:...;transport=tcp" means TLS over TCP (RFC 3261 26.2.2).
    named = "tls" if aim.secure and aim.transport == "tcp" else aim.transport
    return ((named,) if named in allowed else ()), True


def literal(uri: Uri, supported: Sequence[str], families: Sequence[int]) -> Hop | None:
    """The one hop of an IPv4 address where nothing needs to be chosen or looked up.

    It is what ``start`` would give. None says nothing.
    """
    host, transport = uri.host, "udp"
    if uri.scheme != "sip" or not is_dotted(host) or 4 not in families:
        return None
    if uri.params:
        if uri.maddr is not None:
            return None
        transport = uri.transport or "udp"
    if transport not in ("udp", "tcp") or transport not in supported:
        return None
    return Hop(transport, Address(host, 5060 if uri.port is None else uri.port), None, "literal")


def _literal(aim: Aim, transport: str) -> Hop | None:
    """The one hop that an IP address stands for."""
    # "If TARGET is a numeric IP address, the client uses that address. If the URI also contains a
    # port, it uses that port. If no port is specified, it uses the default port" (4.2).
    address = canonical(aim.host)
    if address is None:
        return None
    port = _default_port(transport) if aim.port is None else aim.port
    hop = _hop(aim, transport, address, port, "literal")
    # Families that we cannot send with are passed over in silence (RFC 7984 4).
    return hop if hop.address.family in aim.families else None


def _services(
    aim: Aim,
    answers: Table[Question, Answer],
    services: list[tuple[str, str]],
    default: str,
) -> Iterator[Hop | Question]:
    """The SRV lists of these services one after another, or without any the host's addresses."""
    fallback = True
    for transport, name in services:
        question = Question(name.lower(), "SRV")
        answer = answers.get(question)
        match answer:
            case None:
                fallback = False
                yield question
            case Found(records):
                # "No SRV records" is the only way to the host's own addresses; a list that leads
                # nowhere is still the end (4.2).
                fallback = False
                for srv in _only(Srv, records):
                    origin = f"SRV {srv.priority} {srv.weight} {srv.port} {srv.target}"
                    yield from _addresses(aim, answers, srv.target, srv.port, transport, origin)
            case Failure():
                # No answer proves nothing; a sips URI takes no chances (requirement 3263-4.2-06).
                fallback = fallback and not aim.secure
            case NoRecords() | NoName():
                pass
            case _:
                assert_never(answer)
    if fallback:
        # "If no SRV records were found, the client performs an A or AAAA record lookup of the
        # domain name", at the transport's default port (4.2).
        yield from _addresses(aim, answers, aim.host, _default_port(default), default)


def _addresses(
    aim: Aim,
    answers: Table[Question, Answer],
    name: str,
    port: int,
    transport: str,
    origin: str = "",
) -> Iterator[Hop | Question]:
    """All addresses of one name, families in the order of preference (RFC 7984 4)."""
    for family in aim.families:
        question = Question(name.lower(), RECORD_TYPES[family])
        answer = answers.get(question)
        match answer:
            case None:
                yield question
            case Found(records):
                source = origin or f"{question.type} {name}"
                for ip in _only(Ip, records):
                    yield _hop(aim, transport, ip.address, port, source)
            case NoRecords() | NoName() | Failure():
                pass
            case _:
                assert_never(answer)


def _only(kind: type[R], records: tuple[Record, ...]) -> list[R]:
    """The records of the type that was asked for; nothing else has a say."""
    return [record for record in records if isinstance(record, kind)]


def _hop(aim: Aim, transport: str, host: str, port: int, origin: str) -> Hop:
    # The certificate must name what RFC 3263 started from, not what DNS made of it (RFC 5922 7.3).
    tls_name = aim.host if transport == "tls" else None
    return Hop(transport, Address(host, port), tls_name, origin)


def _default_port(transport: str) -> int:
    return 5061 if transport == "tls" else 5060


def _verdict(state: Lookup, hops: tuple[Hop, ...]) -> Exhausted:
    """What is to be said at the end."""
    aim, answers = state.aim, list(state.answers.items())
    failed = [
        f"{question.type} {question.name}: {answer.reason}"
        for question, answer in answers
        if isinstance(answer, Failure)
    ]
    if failed:
        return Exhausted("DNS failure", min(failed))
    if hops:
        return Exhausted("")
    if not answers:
        if numeric(aim.host) and canonical(aim.host) is None:
            return Exhausted("no such name", f"{aim.host} is not an IP address")
        wanted = f"{'sips' if aim.secure else 'sip'}, transport {aim.transport or 'any'}"
        return Exhausted("not supported", f"no way to send to {aim.host} ({wanted})")
    asked = [(question, answer) for question, answer in answers if question.type in {"A", "AAAA"}]
    if not asked:
        return Exhausted("no service", f"{aim.host} offers no SIP service, says its SRV record")
    names = ", ".join(sorted({question.name for question, _ in asked}))
    if all(isinstance(answer, NoName) for _, answer in asked):
        return Exhausted("no such name", f"no such name: {names}")
    return Exhausted("no records", f"no address records: {names}")


def _state(
    state: Lookup,
    answers: Table[Question, Answer],
    pending: tuple[Question, ...],
    hops: tuple[Hop, ...],
) -> Lookup:
    return Lookup(state.aim, state.draws, state.limits, answers, pending, hops)


def _learn(state: Lookup, question: Question, answer: Answer) -> Lookup:
    """Keep an answer, in the form in which the walk uses it."""
    answers = state.answers.set(question, _digest(state, question, answer))
    pending = tuple(waiting for waiting in state.pending if waiting != question)
    return _state(state, answers, pending, state.hops)


def _digest(state: Lookup, question: Question, answer: Answer) -> Answer:
    """Reduce records to what can be used, in order: once, and not at every walk."""
    if not isinstance(answer, Found):
        return answer
    records: tuple[Naptr | Srv | Ip, ...]
    match question.type:
        case "NAPTR":
            naptrs = _only(Naptr, answer.records)
            records = usable(naptrs, state.aim.supported, secure=state.aim.secure)
        case "SRV":
            srvs = _only(Srv, answer.records)
            # "A Target of "." means that the service is decidedly not available at this domain"
            # (RFC 2782): a list that names no usable target is no lack of SRV records.
            useful = [record for record in srvs if record.target and record.port]
            if srvs and not useful:
                return Found((), answer.ttl)
            records = order(useful, state.draws, question.name, state.limits.hops)
        case _:
            six = question.type == "AAAA"
            fitting = [ip for ip in _only(Ip, answer.records) if (":" in ip.address) == six]
            records = tuple(fitting[: state.limits.hops])
    return Found(records, answer.ttl) if records else NoRecords(answer.ttl)
