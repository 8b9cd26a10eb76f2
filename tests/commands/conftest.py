"""What tests of commands share."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from sansip.commands import main

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    """Give what runs a command: exit status, and what it says."""

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        out = io.StringIO()
        status = main([str(argument) for argument in arguments], out)
        caught = capsys.readouterr()
        return status, caught.out + out.getvalue(), caught.err

    return run
