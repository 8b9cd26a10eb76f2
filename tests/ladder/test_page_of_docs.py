"""docs/ladder.md shows what its own program draws."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from sansip.ladder import Ladder, svg

PAGE = Path(__file__).parents[2] / "docs" / "ladder.md"


@pytest.mark.golden
def test_the_page_shows_what_its_program_draws(golden: Callable[..., None]) -> None:
    found = re.search(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert found is not None
    names: dict[str, object] = {"__name__": "docs"}
    exec(found[1], names)  # noqa: S102 - the point of this test
    golden("../../docs/ladder.md", f"```text\n{names['picture']}```\n", part="ladder")
    ladder = names["ladder"]
    assert isinstance(ladder, Ladder)
    golden("../../docs/ladder.svg", svg(ladder))
