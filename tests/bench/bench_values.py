"""What the smallest things cost. `make bench` runs the files of this folder and nothing else does.

A benchmark is a test with the ``benchmark`` fixture, in a file named ``bench_*.py``. The guard on
values is off here; `make check` runs each once, untimed, so that none of them rots.
"""

from pytest_benchmark.fixture import BenchmarkFixture

from sansip.address import Address, Hop
from sansip.entropy import Draws


def test_create_a_value_of_two_fields(benchmark: BenchmarkFixture) -> None:
    benchmark(Address, "192.0.2.1", 5060)


def test_compare_two_values(benchmark: BenchmarkFixture) -> None:
    one, other = (Hop("udp", Address("192.0.2.1", 5060)) for _ in range(2))
    assert benchmark(one.__eq__, other)


def test_draw_a_branch(benchmark: BenchmarkFixture) -> None:
    draws = Draws(b"seed" * 8, "z9hG4bK776asdhds pc33.example.com:5060 INVITE")
    benchmark(draws.token, "branch")
