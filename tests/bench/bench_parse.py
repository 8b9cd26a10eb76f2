"""Reading messages, against the least that any reader of text does."""

import pytest

import traffic
from meter import Meter, each
from sansip import parse
from traffic import plain_split

BUDGET = 1.5  # plain splits

INVITE = traffic.invite(1)
UNCOMMON = INVITE.replace(b"User-Agent: Tele", b"X-Carrier-Info: ")
MESSAGES = {
    "an INVITE": INVITE,
    "one with an X- header": UNCOMMON,
    "a 180": traffic.answer(INVITE, 180),
    "a 200 with SDP": traffic.answer(INVITE, 200),
}


@pytest.mark.parametrize("what", MESSAGES)
def test_parse(meter: Meter, what: str) -> None:
    data = MESSAGES[what]
    work = f"parse {what}, {len(data)} bytes"
    ours, split = each(200, parse, data), each(200, plain_split, data)
    meter.compare(work, ours, "plain split", split, budget=BUDGET)


def test_render(meter: Meter) -> None:
    message = parse(INVITE)
    text = INVITE.decode()

    def encode() -> bytes:
        return text.encode("utf-8", "surrogateescape")

    ours, theirs = each(500, message.render), each(500, encode)
    meter.compare("render it", ours, "encode its text", theirs, seconds=1.0)
