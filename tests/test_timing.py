"""The timers that derive from T1, T2 and T4."""

import pytest

from sansip.timing import Timing


@pytest.mark.rule("3261-17")
def test_timers_default_to_the_values_of_table_4() -> None:
    assert Timing() == Timing(t1=0.5, t2=4.0, t4=5.0)
    assert Timing().timeout == 32.0


@pytest.mark.rule("3261-17.1.1.2")
def test_timer_d_is_at_least_32_seconds() -> None:
    assert Timing(t1=0.1).timer_d == 32.0
    assert Timing(t1=1.0).timer_d == 64.0


@pytest.mark.rule("4320-4.1")
def test_a_non_invite_gets_its_100_when_timer_e_would_be_reset_to_t2() -> None:
    assert Timing().non_invite_100 == 3.5
    assert Timing(t1=4.0, t2=4.0).non_invite_100 == 4.0  # from the first retransmission on
