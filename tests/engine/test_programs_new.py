"""Programs of events: whatever happens, and in whatever order, the promises of the engine hold."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sansip
from wishes import ENGINES
from world import PROGRAMS, Program, World, play

engines = st.sampled_from(ENGINES)


@given(engines, PROGRAMS, st.booleans())
def test_no_order_of_events_breaks_a_promise(
    engine: sansip.Engine, program: Program, prompt: bool
) -> None:
    play(engine, program, prompt=prompt)
