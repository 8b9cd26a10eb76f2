"""The fixtures: what they give, and what a test that fails shows and leaves behind."""

import subprocess
import sys

import pytest

from sansip.journal import read
from sansip.ladder import draw
from sansip.testing import fixtures

pytest_plugins = ["pytester"]

CONFTEST = 'pytest_plugins = ["sansip.testing.fixtures"]\n'
CALL = """
import pytest
import sansip
from sansip.simulate import BUSY, SILENT, Link

CONFIG = sansip.Config([sansip.Endpoint("udp", "192.0.2.10:5060")])


class Mine(sansip.Policy):
    def route(self, request, scene):
        return sansip.Relay("sip:203.0.113.1")


def call(world, answers=BUSY):
    proxy = world.engine(sansip.Engine(CONFIG, Mine()))
    world.gateway("203.0.113.1:5060", answers)
    made = world.phone("198.51.100.1:5060", proxy).call("sip:bob@example.com")
    world.run()
    return made
"""


class Project:
    """A user's project, whose tests use the fixtures."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self.pytester = pytester
        self.folder = pytester.path / fixtures.FOLDER
        pytester.makeini("[pytest]")
        pytester.makeconftest(CONFTEST)

    def write(self, tests: str) -> None:
        self.pytester.path.joinpath("test_mine.py").write_text(CALL + tests, "utf-8")

    def run(self, tests: str, *options: str) -> pytest.RunResult:
        self.write(tests)
        return self.pytester.runpytest("-p", "no:cacheprovider", *options)

    def kept(self) -> list[str]:
        """What is in .sansip/ besides what keeps it out of git."""
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        names = {path.relative_to(self.folder).as_posix() for path in files}
        assert not names or (self.folder / ".gitignore").read_text() == "*\n"
        return sorted(names - {".gitignore"})


@pytest.fixture
def project(pytester: pytest.Pytester) -> Project:
    return Project(pytester)


def test_the_seed_of_a_world_is_the_name_of_its_test(project: Project) -> None:
    tests = """
def test_one(world):
    assert repr(world) == "World(seed='test_one')"
    assert call(world).status == 486

@pytest.mark.parametrize("answer", [1, 2])
def test_two(world, answer):
    assert repr(world) == f"World(seed='test_two[{answer}]')"
"""
    project.run(tests).assert_outcomes(passed=3)
    assert project.kept() == []


@pytest.mark.parametrize(("given", "seed"), [("7", "7"), ("x[7]", "'x[7]'")])
def test_another_seed_may_be_given(project: Project, given: str, seed: str) -> None:
    tests = f"""
@pytest.mark.worlds(200)
def test_one(world):
    assert repr(world) == "World(seed={seed})"
    assert call(world).status == 200
"""
    result = project.run(tests, "--world-seed", given)
    result.assert_outcomes(failed=1)
    again = "7" if given == "7" else "'x[[]7[]]'"
    result.stdout.fnmatch_lines(
        [f"run it again: pytest test_mine.py::test_one --world-seed {again}"]
    )


def test_a_test_may_be_run_in_many_worlds(project: Project) -> None:
    tests = """
SEEN = set()

@pytest.mark.worlds(20)
def test_one(world):
    world.link = Link(jitter=1.0)
    SEEN.add(call(world).set_up)

def test_they_were_different():
    assert len(SEEN) == 20
"""
    project.run(tests).assert_outcomes(passed=21)


@pytest.mark.parametrize("given", ["", "(0)", "('x')"])
def test_the_mark_wants_a_number(project: Project, given: str) -> None:
    result = project.run(f"@pytest.mark.worlds{given}\ndef test_one(world): pass\n")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*how many? @pytest.mark.worlds(200), say*"])


def test_a_failure_shows_what_happened_and_leaves_it_behind(project: Project) -> None:
    result = project.run("def test_one(world):\n    assert call(world).status == 200\n")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*assert 486 == 200*",
            "*what happened*",
            "World(seed='test_one') after * s",
            "*INVITE*",
            "*486 Busy Here*",
            "all of it:    .sansip/test_mine-test_one/ladder.html",
            "step by step: python -m sansip ladder .sansip/test_mine-test_one/proxy.journal",
            "run it again: pytest test_mine.py::test_one",
        ]
    )
    kept = project.folder / "test_mine-test_one"
    assert project.kept() == ["test_mine-test_one/ladder.html", "test_mine-test_one/proxy.journal"]
    assert (kept / "proxy.journal").stat().st_mode & 0o777 == 0o600
    assert "<html" in (kept / "ladder.html").read_text("utf-8")
    with (kept / "proxy.journal").open() as lines:
        assert any("486" in row.text for row in draw(read(lines)).rows)


def test_what_is_left_behind_goes_when_the_test_passes(project: Project) -> None:
    project.run("def test_one(world):\n    assert call(world).status == 200\n")
    assert project.kept()
    project.run("def test_one(world):\n    assert call(world).status == 486\n")
    assert not project.kept()


def test_what_fails_in_a_fixture_is_shown_too_and_once(project: Project) -> None:
    tests = """
@pytest.fixture
def before(world):
    call(world)
    raise ValueError

@pytest.fixture
def after(world):
    yield call(world)
    raise ValueError

def test_before(before): pass
def test_after(after): pass
def test_both(after): assert 0
"""
    result = project.run(tests)
    result.assert_outcomes(passed=1, failed=1, errors=3)
    text = result.stdout.str()
    assert text.count("what happened") == 3
    for name in ("before", "after", "both"):
        assert f"test_mine-test_{name}/proxy.journal" in project.kept()
        assert f"all of it:    .sansip/test_mine-test_{name}/ladder.html" in text


def test_each_test_has_a_folder_of_its_own(project: Project) -> None:
    """Whatever its name: what one leaves behind is not cleared away by another that passes."""
    tests = """
class TestOne:
    def test_it(self, world):
        assert call(world).status == 200

class TestTwo:
    def test_it(self, world):
        assert call(world).status == 486

@pytest.mark.parametrize("status", [1, 2, 486], ids=["a/b", "x" * 300, "a b"])
def test_many(world, status):
    assert call(world).status == status
"""
    project.run(tests).assert_outcomes(passed=2, failed=3)
    folders = {name.partition("/")[0] for name in project.kept()}
    assert len(folders) == 3
    assert "test_mine-TestOne-test_it" in folders
    assert any(name.startswith("test_mine-test_many-a-b-") for name in folders)


def test_the_name_of_an_engine_is_no_path(project: Project) -> None:
    tests = """
def test_one(world):
    world.engine(sansip.Engine(CONFIG, Mine()), "edge/1")
    assert 0
"""
    project.run(tests).assert_outcomes(failed=1)
    assert "test_mine-test_one/edge-1.journal" in project.kept()


def test_where_nothing_can_be_written_this_is_said(project: Project) -> None:
    project.folder.write_text("in the way")
    result = project.run("def test_one(world):\n    assert call(world).status == 200\n")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*486 Busy Here*", "nothing is kept: *", "run it again: *"])


def test_a_promise_that_is_broken_shows_the_ladder_once(project: Project) -> None:
    tests = """
class Deaf(sansip.Engine):
    __slots__ = ()
    def step(self, state, event):
        state, actions = super().step(state, event)
        return state, tuple(it for it in actions if b"ACK" not in getattr(it, "data", b"")[:3])

@pytest.mark.worlds(2)
def test_one(world):
    proxy = world.engine(Deaf(CONFIG, Mine()))
    world.gateway("203.0.113.1:5060", BUSY)
    world.phone("198.51.100.1:5060", proxy).call("sip:bob@example.com")
    world.run()
"""
    result = project.run(tests, "-k", "2")
    result.assert_outcomes(failed=1, deselected=1)
    text = result.stdout.str()
    assert text.count("Broken: a 486 from 203.0.113.1:5060 gets no ACK") >= 1
    before, *_ = text.split("short test summary")  # where CI is set, that has all of it once more
    assert before.count("World(seed='test_one[2]') after") == 1
    assert "run it again: pytest 'test_mine.py::test_one[2]'\n" in text
    assert "test_mine-test_one-2/ladder.html" in text


def test_from_another_folder_whole_paths_are_shown(project: Project) -> None:
    project.pytester.mkdir("elsewhere")
    project.write("def test_one(world):\n    assert call(world).status == 200\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir("elsewhere")
        result = project.pytester.runpytest("-p", "no:cacheprovider", "--rootdir=..", "..")
    result.stdout.fnmatch_lines(
        [
            f"all of it:    {project.folder}/test_mine-test_one/ladder.html",
            f"run it again: pytest {project.pytester.path}/test_mine.py::test_one",
        ]
    )


def test_an_exploration_that_finds_nothing_gives_what_it_has_seen(project: Project) -> None:
    tests = """
from sansip.explore import Scenario

def test_one(explored):
    found = explored(Scenario(sansip.Engine(CONFIG, Mine()), calls=["sip:bob@example.com"]))
    assert found.whole
    assert found.states > 10
"""
    project.run(tests).assert_outcomes(passed=1)
    assert not project.kept()


def test_an_exploration_that_finds_something_fails_with_the_way_to_it(project: Project) -> None:
    tests = """
from sansip.explore import Scenario

class Deaf(sansip.Engine):
    __slots__ = ()
    def step(self, state, event):
        state, actions = super().step(state, event)
        return state, tuple(it for it in actions if b"ACK" not in getattr(it, "data", b"")[:3])

def test_one(explored):
    explored(Scenario(Deaf(CONFIG, Mine()), calls=["sip:bob@example.com"]))
"""
    result = project.run(tests)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*Broken: a 486 from 203.0.113.1:5060 gets no ACK*",
            "*what happened*",
            "   1. *",
            "*INVITE*",
            "step by step: python -m sansip ladder .sansip/test_mine-test_one/*.journal",
        ]
    )
    (file,) = [name for name in project.kept() if name.endswith(".journal")]
    with (project.folder / file).open() as lines:
        assert any("486" in row.text for row in draw(read(lines)).rows)


def test_they_do_without_hypothesis() -> None:
    program = "import sys; sys.modules['hypothesis'] = None; import sansip.testing.fixtures"
    subprocess.run([sys.executable, "-c", program], check=True)  # noqa: S603 - this very Python
