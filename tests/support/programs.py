"""Programs for the world: lists of its operations, as hypothesis makes them."""

from collections.abc import Callable

from hypothesis import strategies as st

import sansip
from wishes import ANSWERS, WISHES
from world import World

Operation = tuple[object, ...]
Program = list[Operation]

METHODS = ("OPTIONS", "MESSAGE", "BYE", "INFO", "SUBSCRIBE", "REGISTER")
STATUSES = (100, 180, 183, 200, 202, 302, 401, 404, 408, 482, 486, 487, 500, 503, 603)
PAUSES = (0.0, 0.3, 0.5, 1.0, 3.0, 6.0, 20.0, 33.0, 130.0, 190.0)
HOWS = (
    "plain",
    "plain",
    "neighbour",
    "narrow",
    "large",
    "routed",
    "old",
    "named",
    "stream",
    "stream",
)
numbers, recent = st.integers(0, 2), st.integers(0, 5)
FRUITFUL = ("name", "group", "fork", "fork", "restless", "mixed", "streams", "patient", "follow")
fruitful, wishes = st.sampled_from(FRUITFUL), st.sampled_from(WISHES)
local, others = st.sampled_from(("local", "local", "ask", "hurry")), st.sampled_from(METHODS)
methods, hows = st.sampled_from(("INVITE", "INVITE", *METHODS)), st.sampled_from(HOWS)
statuses, tags = st.sampled_from(STATUSES), st.sampled_from("ab")
failures = st.sampled_from((302, 404, 408, 486, 486, 503, 503, 600))
refusals, pauses = st.sampled_from(("open", "refused")), st.sampled_from(PAUSES)
found = st.sampled_from(("found", "found", "denied", "failed"))
rightness = st.sampled_from(("right", "right", "tag", "branch"))
odd = st.sampled_from(
    ("branch", "sent-by", "capitals", "alone", "other caller", "method", "no Via")
)
DAMAGE = st.one_of(
    st.binary(max_size=4),
    st.sampled_from((b"\r\n", b",", b";", b"<", b">", b":", b"@", b"sip:", b"Route:", b"\xff")),
)


def _op(
    name: str, *arguments: st.SearchStrategy[object], often: int = 1
) -> list[st.SearchStrategy[Operation]]:
    return [st.tuples(st.just(name), *arguments)] * often


# ``one_of`` would count what is there several times as one.
OPERATIONS: tuple[st.SearchStrategy[Operation], ...] = (
    *_op("invite", numbers, fruitful, hows, often=4),
    *_op("request", numbers, others, fruitful, hows, often=5),
    *_op("request", numbers, methods, local, hows, often=4),
    *_op("request", numbers, methods, wishes, hows, often=3),
    *_op("retransmit", recent, often=2),
    *_op("give_up", recent, often=5),
    *_op("acknowledge", recent, rightness, often=4),
    *_op("within", recent, methods, often=3),
    *_op("answer", recent, statuses, tags, often=10),
    *_op("answer", recent, failures, tags, often=6),
    *_op("answer_anything", recent, statuses, tags, often=2),
    *_op("answer_elsewhere", recent, statuses, often=2),
    *_op("answer_oddly", recent, statuses, odd, often=2),
    *_op("again", recent),
    *_op("damage", recent, st.integers(0, 700), st.integers(0, 20), DAMAGE),
    *_op("noise", recent, st.binary(max_size=40), often=2),
    *_op("unreachable", recent, st.sampled_from((0, 20, 520)), often=3),
    *_op("refuse_one", recent, often=4),
    *_op("peer", numbers, often=3),
    *_op("settle", recent, refusals, often=4),
    *_op("cut", recent, refusals, often=3),
    *_op("piecewise", numbers, wishes, st.integers(0, 500), often=2),
    *_op("wait", pauses, often=8),
    *_op("oversleep", pauses),
    *_op("fire_again", recent),
    *_op("resolve", recent, found, often=2),
    *_op("resolve_again", st.integers(0, 60)),
    *_op("resolve_all", often=4),
    *_op("consulted", recent, st.sampled_from(ANSWERS), often=4),
    *_op("submit", numbers, methods, wishes, often=2),
    *_op("hang_up", numbers),
    *_op("respond_to", recent, statuses, st.sampled_from(("", "mine")), often=5),
    *_op("submit_ack", recent, often=2),
    *_op("err", st.integers(0, 12)),
    *_op("administer", st.integers(0, 8)),
)


def story(which: int, number: int, wish: str, how: str, length: int) -> Program:
    """The beginning of something that makes sense, so that programs get far."""
    invite: Operation = ("invite", number, wish, how)
    message: Operation = ("request", number, "MESSAGE", wish, how)
    resolve: Operation = ("resolve_all",)
    connect: Operation = ("settle", 0, "open")
    ringing, taken, busy = ("answer", 0, 180, "a"), ("answer", 0, 200, "a"), ("answer", 0, 486, "a")
    right: Operation = ("acknowledge", 0, "right")
    bye: Operation = ("within", number, "BYE")
    stories: tuple[Program, ...] = (
        [invite, resolve, ringing, taken, right, bye, resolve, taken],
        [invite, resolve, busy, busy, ("answer", 0, 503, "a"), right, ("wait", 6.0), busy],
        [invite, resolve, ringing, ("give_up", 0), taken, ("answer", 0, 487, "a"), right],
        [invite, resolve, ringing, ("wait", 20.0), ringing, ("wait", 190.0), ("wait", 33.0)],
        [("peer", number), invite, resolve, connect, ringing, connect, taken, right, bye],
        [message, resolve, ("wait", 0.6), ("answer", 0, 100, "a"), ("wait", 6.0), taken],
        [message, resolve, ("wait", 33.0), ("answer_anything", 0, 200, "a")],
        [
            ("invite", number, "local", how),
            ("respond_to", 0, 180, ""),
            ("respond_to", 0, 200, ""),
            ("wait", 0.6),
            right,
            ("within", number, "INFO"),
        ],
        [("request", number, "INFO", "local", how), ("wait", 5.0), ("respond_to", 0, 200, "")],
        [("invite", number, "ask", how), ("consulted", 0, wish), resolve, ringing, taken],
        [("submit", number, "INVITE", wish), resolve, ringing, taken, ("submit_ack", 0), taken],
        [("submit", number, "INVITE", wish), resolve, ringing, ("hang_up", number), taken, busy],
        [("submit", number, "OPTIONS", wish), resolve, ("wait", 3.0), busy],
        [("request", number, "MESSAGE", wish, "large"), resolve, ("settle", 0, "refused"), taken],
        [("invite", number, "follow", how), ("answer", 0, 302, "a"), ringing, busy, busy, right],
    )
    return stories[which % len(stories)][:length]


STORIES: st.SearchStrategy[Program] = st.builds(
    story, st.integers(0, 14), numbers, fruitful, hows, st.integers(1, 9)
)
PARTS: tuple[st.SearchStrategy[Program], ...] = (
    *[operation.map(lambda made: [made]) for operation in OPERATIONS],
    *[STORIES] * (len(OPERATIONS) // 4),
)
# By itself hypothesis makes lists of six or so, and little comes of so few operations.
PROGRAMS: st.SearchStrategy[Program] = (
    st.integers(0, 25)
    .flatmap(
        lambda least: st.lists(
            st.sampled_from(PARTS).flatmap(lambda part: part), min_size=least, max_size=40
        )
    )
    .map(lambda parts: [operation for part in parts for operation in part])
)


def play(engine: sansip.Engine, program: Program, *, prompt: bool) -> World:
    """A world in which all this has happened, and come to its end.

    In a prompt one DNS answers, and connections open, before anything else happens.
    """
    world = World(engine)
    world.invite(0, "fork", "plain")
    for name, *arguments in program:
        operation: Callable[..., None] = getattr(world, str(name))
        operation(*arguments)
        while prompt and (world.open_questions or world.wanted):
            world.answer_all()
            world.settle(0, "open")
    world.finish()
    return world
