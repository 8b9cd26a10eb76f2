"""Reading messages, against the least that any reader of text does."""

import pytest

import traffic
from benching import Benchmark, pair
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
PAIRS = [pair(f"parse {what}, {len(data)} bytes", data) for what, data in MESSAGES.items()]


@pytest.mark.parametrize("data", PAIRS, scope="class")
class TestParse:
    def test_parse(self, benchmark: Benchmark, data: bytes) -> None:
        benchmark.extra_info["budget"] = BUDGET
        benchmark(parse, data)

    def test_plain_split(self, benchmark: Benchmark, data: bytes) -> None:
        benchmark(plain_split, data)


@pytest.mark.benchmark(group="render an INVITE")
class TestRender:
    def test_render(self, benchmark: Benchmark) -> None:
        benchmark(parse(INVITE).render)

    def test_encode_its_text(self, benchmark: Benchmark) -> None:
        benchmark(INVITE.decode().encode, "utf-8", "surrogateescape")
