"""White space: where it may stand, and of which kind (RFC 3261 7.3.1, 25.1)."""

import re
from collections.abc import Iterator
from itertools import cycle
from typing import Final

from hypothesis import strategies as st

Text = st.SearchStrategy[str]

# Where white space may stand (SWS), where it must (LWS), and where it is one space of a text, which
# only a fold may replace: three characters for private use, which are in none of the alphabets
# below and become white space, of whatever kind, at the very end.
MAY: Final = "\ue000"
MUST: Final = "\ue001"
ONE: Final = "\ue002"
_MARK: Final = re.compile(f"[{MAY}{MUST}]|{ONE}+")
# LWS = [*WSP CRLF] 1*WSP
KINDS: Final = st.lists(
    st.sampled_from(["", " ", "\t", "  ", "\r\n ", "\r\n\t", " \t\r\n \t"]), min_size=1, max_size=7
)
SEMI, EQUAL, COMMA = f"{MAY};{MAY}", f"{MAY}={MAY}", f"{MAY},{MAY}"
SLASH, COLON = f"{MAY}/{MAY}", f"{MAY}:{MAY}"


def spelt(text: Text) -> Text:
    """Put white space of all kinds where the marks are."""
    return st.tuples(text, KINDS).map(lambda both: spaced(both[0], cycle(both[1])))


def spaced(text: str, spaces: Iterator[str]) -> str:
    """Put white space, one kind after the other, where the marks are."""

    def space(found: re.Match[str]) -> str:
        text = next(spaces)
        if found[0] == MAY:
            return text
        return text if "\r" in text or (text and found[0] == MUST) else " "

    return _MARK.sub(space, text)
