"""The loop whose time passes only while nobody has anything to do."""

from __future__ import annotations

import asyncio
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anopticon_client.radio.interfaces import machine_time
from anopticon_client.radio.virtual_time import LoopTimestamps, VirtualTimeLoop, run_virtual, times_of_loop


@given(st.lists(st.floats(0, 100_000), min_size=1, max_size=40))
def test_every_timer_fires_at_its_moment_and_in_order(delays: list[float]) -> None:
    """Timers fire in order, each exactly when it was due, and years take no time (RA-13)."""

    async def story() -> list[tuple[float, float]]:
        loop = asyncio.get_running_loop()
        fired: list[tuple[float, float]] = []
        for delay in delays:
            loop.call_later(delay, lambda due: fired.append((due, loop.time())), delay)
        await asyncio.sleep(max(delays) + 1)
        return fired

    began = time.monotonic()
    fired = run_virtual(story())
    assert time.monotonic() - began < 20
    assert [due for due, _ in fired] == sorted(delays)
    assert all(0 <= now - due < 1e-9 or now == pytest.approx(due, abs=1e-9) for due, now in fired)


def test_time_stands_while_a_thread_works_and_while_it_is_held() -> None:
    """A timer of a minute does not overtake work of a thread, nor anything that holds the clock (RA-13)."""

    async def story() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)
        timer = asyncio.create_task(asyncio.sleep(60))

        def work() -> int:
            time.sleep(0.2)
            return 42

        answer = await loop.run_in_executor(None, work)
        assert (answer, loop.time(), timer.done()) == (42, 0, False)
        ready = asyncio.Event()
        with loop.held():
            await asyncio.to_thread(lambda: loop.call_soon_threadsafe(ready.set))
            await ready.wait()
            assert loop.time() == 0
        await timer
        assert loop.time() == 60

    run_virtual(story())


def test_real_sockets_work_on_it() -> None:
    """A server and a client of this machine talk on the loop, though no timer moves (RA-13)."""

    async def story() -> bytes:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write((await reader.readline()).upper())
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"hello\n")
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()
        return answer

    assert run_virtual(story()) == b"HELLO\n"


def test_both_clocks_of_the_loop_run_in_step() -> None:
    """The monotonic time is the loop's, the wall's stands beside it (RA-5)."""

    async def story() -> None:
        now = LoopTimestamps(wall_ns_at_zero=1_700_000_000_000_000_000)
        await asyncio.sleep(1.25)
        assert now() == (1_250_000_000, 1_700_000_001_250_000_000)

    run_virtual(story())


def test_a_radio_takes_the_times_of_its_loop() -> None:
    """On a loop in virtual time the default is that loop's time, on any other the machine's (RA-5)."""

    async def default() -> bool:
        return times_of_loop() is machine_time

    assert not run_virtual(default())
    assert asyncio.run(default())
