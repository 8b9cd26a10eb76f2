"""What a terminal can show."""

import os
from typing import TextIO


def in_colours(out: TextIO) -> bool:
    """Whether this is a terminal with colours that somebody wants (https://no-color.org)."""
    is_able = out.isatty() and os.environ.get("TERM") != "dumb"
    return is_able and not os.environ.get("NO_COLOR")
