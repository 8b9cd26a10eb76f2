"""Every test here is run with each of the example proxies, between programs of others."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from interop.programs import Place, fresh_host
from interop.proxy import PROXIES, Proxy


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with ExitStack() as stack:
        yield Place(tmp_path, stack)


@pytest.fixture(params=PROXIES)
def proxy(request: pytest.FixtureRequest, place: Place) -> Proxy:
    """Give a proxy that is yet to be started."""
    return Proxy(str(request.param), fresh_host(), place)
