"""The tests in docs/testing.md pass."""

import re
from pathlib import Path

PAGE = Path(__file__).parent.parent.parent / "docs" / "testing.md"


def test_the_examples_pass() -> None:
    found = re.search(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert found is not None
    names: dict[str, object] = {}
    exec(found[1], names)  # noqa: S102 - the point of this test
    tests = [test for name, test in names.items() if name.startswith("test_") and callable(test)]
    assert len(tests) == 4
    for test in tests:
        test()
