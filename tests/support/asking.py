"""Questions to name servers, asked from tests that wait: the loop runs in a thread of its own.

A resolver so remembers between two questions what it has learnt from the first.
"""

import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from functools import partial

import anyio
from anyio.from_thread import BlockingPortal, start_blocking_portal

from loops import PATIENCE, Adapter
from sansip.dns import Answer
from sansip_adapter.loop import Loop
from sansip_adapter.resolver import Resolver


class Asking:
    """Asks on the loop of an adapter."""

    def __init__(self, portal: BlockingPortal, loop: Loop) -> None:
        self._portal, self._loop = portal, loop

    def resolver(
        self,
        servers: Sequence[str] | None,
        hosts: str = "/nonexistent",
        resolv_conf: str = "/nonexistent",
    ) -> Resolver:
        """A resolver on this loop; ``servers`` like 127.0.0.1:53."""
        return self._portal.call(Resolver, self._loop, servers, resolv_conf, hosts)

    def ask(self, resolver: Resolver, name: str, kind: str = "A") -> Answer:
        """Ask one question."""
        (answer,) = self.ask_all(resolver, [name], kind)
        return answer

    def timed(self, resolver: Resolver, name: str, kind: str = "A") -> tuple[Answer, float]:
        """Ask one question, and say how many seconds that took."""
        begun = time.monotonic()
        answer = self.ask(resolver, name, kind)
        return answer, time.monotonic() - begun

    def ask_all(self, resolver: Resolver, names: Sequence[str], kind: str = "A") -> list[Answer]:
        """Ask several questions at once; each is answered once, and none before the next turn."""

        async def main() -> list[Answer]:
            all_there = anyio.Event()
            answers: dict[str, list[Answer]] = {name: [] for name in names}

            def tell(name: str, answer: Answer) -> None:
                answers[name].append(answer)
                if all(answers.values()):
                    all_there.set()

            for name in names:
                resolver.ask(name, kind, partial(tell, name))
            assert not any(answers.values())
            with anyio.fail_after(PATIENCE):
                await all_there.wait()
            assert all(len(each) == 1 for each in answers.values())
            return [each for (each,) in answers.values()]

        return self._portal.call(main)


@contextmanager
def asking(adapter: Adapter) -> Generator[Asking]:
    """Run the adapter's loop as long as the block lasts; nothing may be left on it."""
    options = dict(adapter.options)
    with (
        start_blocking_portal(adapter.loop, options) as portal,
        portal.wrap_async_context_manager(adapter.looping()) as loop,
    ):
        yield Asking(portal, loop)
