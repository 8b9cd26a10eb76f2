"""The journals that servers write: what is in them, and what becomes of the files."""

import json
import os
import resource
import stat
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest

import elsewhere
from gateways import Gateways
from loops import Adapter, settle, until
from peers import bound, open_sockets
from puppet import Puppet, run
from sansip import (
    Action,
    Administered,
    Config,
    Consulted,
    DatagramReceived,
    Endpoint,
    Engine,
    Event,
    FlushCache,
    Policy,
    Quiesce,
    ReplaceGroups,
    Report,
    State,
)
from sansip.journal import Named, Step, Swap, Toml, read
from sansip.toml import JournalFile
from sansip_adapter import recorder
from sansip_adapter.endpoints import EndpointError
from sansip_adapter.recorder import Recorder, RecorderError
from sansip_adapter.server import Server
from talking import Datagrams

HERE = Endpoint("udp", "127.0.0.1:0", advertise="192.0.2.10:5060")
LISTED = """
listen = ["udp:192.0.2.10:5060"]
[groups.gateways]
"""
JOURNAL = '{"sansip":"an earlier one"}\n'


def engine(policy: Policy | None = None, *targets: str) -> Engine:
    groups = {"gateways": targets or ("sip:127.0.0.1:9",)}
    return Engine(Config([HERE], groups=groups, allow_hops=["127.0.0.0/8"]), policy)


@dataclass
class Recorded:
    """A server that writes a journal, and what may be done with it."""

    adapter: Adapter
    file: Path
    engine: Engine = field(default_factory=lambda: engine(Gateways()))
    options: dict[str, Any] = field(default_factory=dict[str, Any])
    reports: list[Report] = field(default_factory=list[Report])

    def run(
        self,
        script: Callable[[Server[State]], Awaitable[object]],
        **recording: Any,  # noqa: ANN401
    ) -> "Recorded":
        journal = Recorder(self.file, **recording)
        options = {"nameservers": (), "on_report": self.reports.append, **self.options}

        async def main() -> None:
            async with self.adapter.serving(self.engine, journal=journal, **options) as server:
                await script(server)

        self.adapter.run(main)
        return self

    def refused(self, **recording: Any) -> str:  # noqa: ANN401
        """Why it does not start."""
        journal = Recorder(self.file, **recording)
        main = partial(self.adapter.serve, self.engine, journal=journal, nameservers=())
        with pytest.raises(RecorderError) as caught:
            self.adapter.run(main)
        return str(caught.value)

    def steps(self) -> list[Step | Swap]:
        return list(read(self.lines()))

    def lines(self) -> list[str]:
        return self.file.read_text(encoding="ascii").splitlines(keepends=True)

    def events(self) -> list[Event]:
        return [step.event for step in self.steps() if isinstance(step, Step)]

    def older(self) -> list[Path]:
        """The files of earlier times, the newest first."""
        found = self.file.parent.glob(f"{self.file.name}.*")
        return sorted(found, key=lambda file: int(file.suffix[1:]))

    def replayed(self) -> None:
        assert elsewhere.differing(*self.older(), self.file) == []


@pytest.fixture
def recorded(adapter: Adapter, tmp_path: Path) -> Recorded:
    return Recorded(adapter, tmp_path / "run.journal")


@contextmanager
def umask(mask: int) -> Generator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


@contextmanager
def files_of(most: int) -> Generator[None]:
    """Let no file become larger than so many bytes: as a full disk does, a write fails."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def asks(server: Server[State], *names: str) -> None:
    """A phone asks something, and hears the answer."""
    (where,) = server.addresses.values()
    with bound() as sock:
        phone = Datagrams(sock, where)
        for name in names:
            await phone.ask("OPTIONS", name, transport="UDP", body=b"secret")
            assert await phone.status() == 200


def many(prefix: str = "call") -> list[str]:
    return [f"{prefix}-{number}" for number in range(30)]


# What is written


def test_all_that_has_happened_is_there_as_soon_as_it_has(recorded: Recorded) -> None:
    async def script(server: Server[State]) -> None:
        before = len(recorded.lines())
        await asks(server, "one")
        assert len(recorded.lines()) > before
        assert "Call-ID: one" in recorded.lines()[-1]

    recorded.run(script).replayed()


def test_nothing_waits_for_it(recorded: Recorded) -> None:
    """It is written when all has been done that came of it."""

    def on_deliver(_order: object) -> None:
        sizes.append(recorded.file.stat().st_size)

    async def script(server: Server[State]) -> None:
        (where,) = server.addresses.values()
        with bound() as sock:
            phone = Datagrams(sock, where)
            await phone.ask("OPTIONS", "one", transport="UDP")
            await until(lambda: sizes)
        sizes.append(recorded.file.stat().st_size)

    sizes: list[int] = []
    recorded.engine, recorded.options["on_deliver"] = engine(), on_deliver
    recorded.run(script)
    before, after = sizes
    assert before == sum(len(line) for line in recorded.lines()[:2])  # the head
    assert after > before


def test_credentials_and_bodies_are_left_out_unless_they_are_wanted(recorded: Recorded) -> None:
    async def script(server: Server[State]) -> None:
        await asks(server, "one")

    assert "xxxxxx" in recorded.run(script).lines()[-1]
    assert "secret" in recorded.run(script, redact=False).lines()[-1]
    recorded.replayed()


def test_the_head_says_what_a_replay_needs_and_when_it_was(recorded: Recorded) -> None:
    servers: list[Server[State]] = []

    async def script(server: Server[State]) -> None:
        servers.append(server)

    head = read(recorded.run(script).lines()).head
    assert (head.seed, head.started) == (servers[0].seed, servers[0].started)
    assert head.config.groups == recorded.engine.config.groups
    assert head.policy == Named("gateways:Gateways")
    assert head.redacted == ("authorization", "body", "proxy-authorization")
    assert head.clock is not None
    assert abs(head.clock - recorded.file.stat().st_mtime) < 60


def test_what_decides_may_be_said_and_without_a_policy_nothing_does(recorded: Recorded) -> None:
    text = LISTED + 'list = "dispatcher.list"\nset = 1\n'
    toml = Toml(text, "proxy.toml", (("dispatcher.list", "1 sip:gw.example.com"),))
    assert read(recorded.run(settle, policy=toml).lines()).head.policy == toml
    recorded.engine = engine()
    assert read(recorded.run(settle).lines()).head.policy is None
    recorded.replayed()


def test_events_are_in_the_order_of_the_core_though_callbacks_step_it(recorded: Recorded) -> None:
    def tap(event: Event, _: object) -> None:
        tapped.append(event)
        if event not in own:
            servers[0].step(flush)

    def flush(at: float) -> Event:
        own.append(Administered(at, FlushCache()))
        return own[-1]

    async def script(server: Server[State]) -> None:
        servers.append(server)
        await asks(server, *many())
        server.step(lambda at: Administered(at, Quiesce()))

    own: list[Event] = []

    tapped: list[Event] = []
    servers: list[Server[State]] = []
    recorded.options["tap"] = tap
    assert recorded.run(script, redact=False).events() == tapped
    recorded.replayed()


def test_a_reload_is_written_before_anything_that_comes_after_it(recorded: Recorded) -> None:
    async def script(server: Server[State]) -> None:
        new = engine(None, "sip:127.0.0.2")
        toml = Toml("listen = []")
        server.swap(new, policy=toml)
        server.step(lambda at: Administered(at, ReplaceGroups(new.config.groups)))
        server.swap(new)

    swap, step, again = recorded.run(script, policy=Named("gateways:Gateways")).steps()
    assert isinstance(swap, Swap)
    assert swap.policy == Toml("listen = []")
    assert swap.config.groups == engine(None, "sip:127.0.0.2").config.groups
    assert isinstance(step, Step)
    assert isinstance(again, Swap)
    assert again.policy == swap.policy


def test_what_the_core_refuses_is_not_written(recorded: Recorded) -> None:
    async def script(server: Server[State]) -> None:
        bad: Any = "no order"
        with pytest.raises(Exception, match="is no order"):
            server.step(lambda at: Administered(at, bad))

    assert recorded.run(script).steps() == []


class Broken(Engine):
    """A core with a mistake."""

    def step(self, state: State, event: Event) -> tuple[State, tuple[Action, ...]]:
        if b"evil" in getattr(event, "data", b""):
            raise ZeroDivisionError("a mistake")
        return super().step(state, event)

    def step_all(
        self, state: State, events: Sequence[DatagramReceived]
    ) -> tuple[State, tuple[tuple[Action, ...], ...]]:
        done: list[tuple[Action, ...]] = []
        for event in events:
            state, actions = self.step(state, event)
            done.append(actions)
        return state, tuple(done)


def test_what_the_core_breaks_at_is_the_last_thing_in_there(recorded: Recorded) -> None:
    async def script(server: Server[State]) -> None:
        (where,) = server.addresses.values()
        with bound() as sock:
            for data in (b"good", b"evil", b"good"):
                await sock.sendto(data, where)
            await anyio.sleep_forever()

    recorded.engine = Broken(recorded.engine.config, recorded.engine.policy)
    with pytest.raises(ExceptionGroup) as caught:
        recorded.run(script)
    assert caught.group_contains(ZeroDivisionError, match="a mistake")
    assert [getattr(event, "data", b"") for event in recorded.events()] == [b"good", b"evil"]


def test_only_an_engine_has_a_journal(adapter: Adapter, tmp_path: Path) -> None:
    with pytest.raises(ExceptionGroup) as caught:
        run(adapter, Puppet(), settle, journal=Recorder(tmp_path / "run.journal"))
    assert caught.group_contains(TypeError, match=r"sansip\.Engine")


# The files


@pytest.mark.parametrize("mask", [0, 0o777])
def test_it_is_for_its_owner_alone_from_the_first_byte_on(recorded: Recorded, mask: int) -> None:
    async def script(_server: object) -> None:
        modes.append(stat.S_IMODE(recorded.file.stat().st_mode))

    modes: list[int] = []
    with umask(mask):
        recorded.run(script)
    assert modes == [0o600]


def test_earlier_journals_are_renamed_and_the_oldest_goes(recorded: Recorded) -> None:
    recorded.file.write_text(JOURNAL, encoding="ascii")
    recorded.file.chmod(0o640)
    for _ in range(2):
        recorded.run(settle, keep=2)
    one, two = recorded.older()
    assert one.read_text(encoding="ascii") != JOURNAL
    assert two.read_text(encoding="ascii") == JOURNAL
    recorded.run(settle, keep=2)
    assert len(recorded.older()) == 2
    assert JOURNAL not in [file.read_text(encoding="ascii") for file in recorded.older()]


def test_a_gap_is_filled_and_nothing_behind_it_moves(recorded: Recorded) -> None:
    recorded.file.write_text(JOURNAL, encoding="ascii")
    third = recorded.file.with_name("run.journal.3")
    third.write_text("the third", encoding="ascii")
    recorded.run(settle)
    assert [file.suffix for file in recorded.older()] == [".1", ".3"]
    assert third.read_text(encoding="ascii") == "the third"


def test_an_empty_file_and_the_beginning_of_a_head_are_journals(recorded: Recorded) -> None:
    for torn in ("", '{"san'):
        recorded.file.write_text(torn, encoding="ascii")
        recorded.run(settle)
        assert recorded.older()[0].read_text(encoding="ascii") == torn


def other(file: Path) -> object:
    return file.write_text("listen = []\n", encoding="ascii")


def link(to: str) -> Callable[[Path], object]:
    return lambda file: file.symlink_to(to)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (other, "something else"),
        (Path.mkdir, "something else"),
        (os.mkfifo, "something else"),
        (link("/dev/null"), "symbolic link"),
        (link("nowhere"), "symbolic link"),
        (link("other.journal"), "symbolic link"),
    ],
    ids=["file", "folder", "pipe", "device", "dangling", "link"],
)
def test_what_is_no_journal_is_not_touched(
    recorded: Recorded, make: Callable[[Path], object], reason: str
) -> None:
    recorded.file.with_name("other.journal").write_text(JOURNAL, encoding="ascii")
    make(recorded.file)
    before, sockets = recorded.file.lstat(), open_sockets()
    said = recorded.refused()
    assert said.startswith(f"{recorded.file}: ")
    assert reason in said
    assert said.endswith("; name a file that can be written, or leave the journal out")
    assert recorded.file.lstat() == before
    assert recorded.older() == []
    assert open_sockets() == sockets


@pytest.mark.parametrize("number", [1, 2])
def test_what_is_no_journal_is_not_renamed_and_does_not_go_either(
    recorded: Recorded, number: int
) -> None:
    for name in ("run.journal", "run.journal.1", "run.journal.2"):
        recorded.file.with_name(name).write_text(JOURNAL, encoding="ascii")
    other = recorded.file.with_name(f"run.journal.{number}")
    other.write_text("a letter", encoding="ascii")
    said = recorded.refused(keep=2)
    assert f"what is there with .{number} behind that name is in the way: " in said
    assert other.read_text(encoding="ascii") == "a letter"
    assert recorded.file.read_text(encoding="ascii") == JOURNAL


def test_a_name_that_no_file_can_have_stops_the_start(recorded: Recorded) -> None:
    recorded.file = Path(f"{recorded.file}\0")
    assert "null" in recorded.refused()


def test_a_folder_that_is_missing_stops_the_start(recorded: Recorded) -> None:
    recorded.file = recorded.file.with_name("missing") / "run.journal"
    assert "missing/run.journal: no such file or directory; " in recorded.refused()


def test_two_servers_cannot_have_one_journal(recorded: Recorded) -> None:
    async def script(server: Server[State]) -> None:
        with pytest.raises(RecorderError, match="another program is writing it"):
            await recorded.adapter.serve(engine(), journal=Recorder(recorded.file))
        await asks(server, "one")

    recorded.run(script).replayed()
    assert recorded.older() == []


def test_a_port_in_use_leaves_the_earlier_journal_where_it_is(recorded: Recorded) -> None:
    recorded.file.write_text(JOURNAL, encoding="ascii")
    with bound() as taken:
        recorded.engine = Engine(Config([Endpoint("udp", str(taken.address))]))
        with pytest.raises(ExceptionGroup) as caught:
            recorded.run(settle)
        assert caught.group_contains(EndpointError, match="address already in use")
    assert recorded.file.read_text(encoding="ascii") == JOURNAL


def test_a_server_is_cancelled_and_its_journal_is_whole(recorded: Recorded) -> None:
    async def script(server: Server[State]) -> None:
        server.step(lambda at: Administered(at, Quiesce()))

    assert [type(event) for event in recorded.run(script).events()] == [Administered]


# What goes wrong


def test_a_full_disk_ends_the_journal_and_nothing_else(recorded: Recorded) -> None:
    async def script(server: Server[State]) -> None:
        size = recorded.file.stat().st_size
        with files_of(size + 10_000):
            await asks(server, *many())
        assert size < recorded.file.stat().st_size <= size + 10_000
        await asks(server, "after")

    recorded.run(script).replayed()
    (report,) = [report for report in recorded.reports if report.topic == "journal"]
    assert report.about == str(recorded.file)
    assert report.text.startswith("file too large: nothing more is written; ")
    assert recorded.lines()[-1].endswith("\n")  # what did not fit was taken back


def test_a_disk_that_is_full_from_the_beginning_does_not_stop_the_start(
    recorded: Recorded,
) -> None:
    async def script(server: Server[State]) -> None:
        await asks(server, "one")

    with files_of(100):
        recorded.run(script)
    assert recorded.file.read_bytes() == b""
    assert [report.topic for report in recorded.reports] == ["journal"]


def test_whoever_is_told_of_it_may_step_the_core(recorded: Recorded) -> None:
    def on_report(_report: Report) -> None:
        servers[0].step(lambda at: Administered(at, FlushCache()))

    async def script(server: Server[State]) -> None:
        servers.append(server)
        with files_of(recorded.file.stat().st_size):
            await asks(server, "one")

    servers: list[Server[State]] = []
    recorded.options["on_report"] = on_report
    assert recorded.run(script).steps() == []


def test_what_cannot_be_written_down_ends_the_journal_and_nothing_else(
    recorded: Recorded,
) -> None:
    async def script(server: Server[State]) -> None:
        endless: list[object] = []
        endless.append(endless)
        server.step(lambda at: Consulted(at, "1 nobody", endless))
        await asks(server, "one")

    assert recorded.run(script).steps() == []
    (report,) = recorded.reports
    assert report.text.startswith("it cannot be written down (RecursionError")


# Rotation


def test_a_full_file_is_followed_by_another_that_goes_on(recorded: Recorded) -> None:
    async def script(server: Server[State]) -> None:
        await asks(server, *many())
        ends.append(server.state)

    ends: list[State] = []
    recorded.run(script, rotate=10_000, keep=100).replayed()
    files = (recorded.file, *recorded.older())
    assert len(files) > 2
    heads = [read(file.read_text(encoding="ascii").splitlines()).head for file in files]
    assert len({head.seed for head in heads}) == len(heads)
    assert ends[0].seed == heads[0].seed
    for file, head in zip(files, heads, strict=True):
        lines = file.read_text(encoding="ascii").splitlines(keepends=True)
        steps = [line for line in lines if line.startswith('{"n":')]
        assert (head.state is None) == (file == files[-1])
        assert sum(map(len, steps)) < 15_000
        assert sum(map(len, steps)) >= 10_000 or file == recorded.file
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_file_is_begun_line_by_line_though_nothing_happens(
    recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A state is as large as there are calls: whoever writes it at once is deaf meanwhile."""

    async def script(server: Server[State]) -> None:
        (where,) = server.addresses.values()
        with bound() as sock:
            phone = Datagrams(sock, where)
            for name in many():
                await phone.ask("INVITE", name, transport="UDP")
                assert await phone.status(100) == 100
        asked = 0
        while not recorded.older():
            asked += 1
            await asks(server, f"asked-{asked}")
        began = len(recorded.lines())
        state: int = json.loads(recorded.lines()[0])["state"]
        assert began < state > 30
        await until(lambda: len(recorded.lines()) >= 2 + state)
        await asks(server, "another")
        assert len(recorded.lines()) > 2 + state

    monkeypatch.setattr(recorder, "AT_ONCE", 1)
    recorded.run(script, rotate=80_000).replayed()


def test_the_tap_sees_that_there_is_another_seed(recorded: Recorded) -> None:
    tapped: list[Event] = []

    async def script(server: Server[State]) -> None:
        await asks(server, *many())
        ends.append(server.state)

    ends: list[State] = []

    def tap(event: Event, _: object) -> None:
        tapped.append(event)

    recorded.options |= {"tap": tap, "seed": bytes(32)}
    recorded.run(script, rotate=10_000)
    begin = read(recorded.older()[-1].read_text(encoding="ascii").splitlines()).head
    state, _ = recorded.engine.start(bytes(32), begin.started)
    for event in tapped:
        state, _ = recorded.engine.step(state, event)
    assert state == ends[0]


def test_where_no_other_file_can_be_made_the_journal_ends(recorded: Recorded) -> None:
    async def script(server: Server[State]) -> None:
        recorded.file.replace(moved)
        recorded.file.mkdir()
        await asks(server, *many())

    moved = recorded.file.with_name("moved")
    recorded.run(script, rotate=10_000)
    (report,) = recorded.reports
    assert "something else of that name" in report.text
    assert elsewhere.differing(moved) == []


def test_the_defaults_of_a_file_are_those_of_a_recorder() -> None:
    plain = JournalFile("run.journal")
    assert (plain.rotate, plain.keep, plain.redact) == (recorder.ROTATE, recorder.KEEP, True)
