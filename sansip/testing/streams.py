"""Streams: what may be read of one at a time (RFC 3261 18.3)."""

import re
from itertools import pairwise

from hypothesis import strategies as st


def segmentations(data: bytes) -> st.SearchStrategy[tuple[bytes, ...]]:
    """Give ways to cut bytes into pieces, none empty: what a reader of a stream may get (18.3).

    All at once, byte by byte, anywhere, and next to the line ends.
    """
    ends = [at for it in re.finditer(rb"\r|\n", data) for at in it.span()]
    inner = sorted({at for at in ends if 0 < at < len(data)})
    if len(data) < 2:
        return st.just((data,) if data else ())
    anywhere = st.integers(1, len(data) - 1)
    cuts = st.lists(st.one_of(anywhere, st.sampled_from(inner)) if inner else anywhere, max_size=8)
    whole, bytewise = st.just(list[int]()), st.just(list(range(1, len(data))))
    return st.one_of(whole, cuts, bytewise).map(lambda at: _cut(data, sorted(set(at))))


def _cut(data: bytes, at: list[int]) -> tuple[bytes, ...]:
    return tuple([data[start:end] for start, end in pairwise([0, *at, len(data)])])
