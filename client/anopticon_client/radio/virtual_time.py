"""An event loop whose time passes only while nobody has anything to do: hours of radio in seconds of the machine.

Its selector never waits. When nothing is ready it sets the clock to the next timer, so that code written with
`asyncio.sleep` and `loop.call_later` runs unchanged, each timer at its exact moment. Real sockets and threads work
too, but time runs on while they are busy; whoever waits for one holds the clock meanwhile:

    with loop.held():
        answer = await something_in_a_thread()
"""

from __future__ import annotations

import asyncio
import contextlib
import selectors
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, Final, TypeVar, TypeVarTuple

from anopticon_client.radio.interfaces import Moment, Timestamps, machine_time

NANOSECONDS: Final = 1_000_000_000
HELD_WAIT_SECONDS: Final = 0.05
"""While the clock is held the selector really waits, this long at most, for the socket or thread that holds it."""

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")


class _Selector(selectors.DefaultSelector):
    """Asks for what is ready, and instead of waiting moves the clock."""

    def __init__(self, wait: Callable[[float], bool]) -> None:
        """`wait` lets so many seconds pass, or says that it may not."""
        super().__init__()
        self._wait = wait

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready now; else nothing, `timeout` seconds later."""
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            return super().select(None)
        return [] if self._wait(timeout) else super().select(HELD_WAIT_SECONDS)


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """A loop that starts at `start` seconds and jumps from one timer to the next."""

    def __init__(self, start: float = 0.0) -> None:
        """Nothing has happened yet."""
        self._now = start
        self._holds = 0
        super().__init__(_Selector(self._pass))

    def time(self) -> float:
        """Seconds of this loop."""
        return self._now

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """No time passes while any of these is open."""
        self._holds += 1
        try:
            yield
        finally:
            self._holds -= 1

    def run_in_executor(
        self,
        executor: Any,  # noqa: ANN401 - as asyncio has it
        func: Callable[[*_Ts], _T],
        *args: *_Ts,
    ) -> asyncio.Future[_T]:
        """Run `func` in a thread; no time passes until it is done."""
        self._holds += 1
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self._release)
        return future

    def _release(self, done: asyncio.Future[Any]) -> None:
        del done
        self._holds -= 1

    def _pass(self, seconds: float) -> bool:
        if self._holds:
            return False
        self._now += seconds
        return True


class LoopTimestamps:
    """The times of a radio on the running loop: its own clock as the monotonic one, and a wall beside it."""

    def __init__(self, wall_ns_at_zero: int = 0) -> None:
        """The wall showed `wall_ns_at_zero` when the loop's clock showed 0."""
        self._loop = asyncio.get_running_loop()
        self._wall_ns_at_zero = wall_ns_at_zero

    def __call__(self) -> Moment:
        """The present instant on both clocks."""
        mono_ns = round(self._loop.time() * NANOSECONDS)
        return Moment(mono_ns, self._wall_ns_at_zero + mono_ns)


def times_of_loop() -> Timestamps:
    """The times that fit the running loop: its own in virtual time, else the machine's."""
    if isinstance(asyncio.get_running_loop(), VirtualTimeLoop):
        return LoopTimestamps()
    return machine_time


def run_virtual(main: Coroutine[Any, Any, _T]) -> _T:
    """Run `main` to its end in virtual time, as `asyncio.run` does in real time."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)
