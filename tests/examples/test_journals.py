"""The example proxies write journals, and each of these runs again without difference."""

import signal
import stat
from collections.abc import Callable
from pathlib import Path

import elsewhere
from running import Peer, Proxy


def replayed(*files: Path) -> list[str]:
    """What another process says of these journals when it runs them again."""
    return [elsewhere.sansip("replay", file, hash_seed="4242")[1] for file in files]


def test_a_call_that_fails_over_is_written_and_replays(
    proxy: Proxy, peer: Callable[[], Peer], tmp_path: Path
) -> None:
    phone, works = peer(), peer()
    broken = peer()
    broken.sock.close()
    proxy.write([broken.target, works.target], more='journal = "run.journal"')
    process = proxy.ready()
    phone.invite(proxy.port, "one")
    works.accept("one")
    assert phone.final("one").status == 200
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 0
    file = tmp_path / "run.journal"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert replayed(file) == ["no difference\n"]
    assert file.read_text(encoding="ascii").count("Administered") == 1  # SIGTERM: to the end
