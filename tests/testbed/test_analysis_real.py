"""Analyses of recordings that nobody made up: nodes on the virtual air with full HCI, and measurements of people."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from anopticon_client.radio.datagram import Position
from anopticon_client.radio.virtual.air import VirtualAir
from anopticon_client.radio.virtual_time import run_virtual
from anopticon_testbed.analysis.pairs import pair_frames
from anopticon_testbed.analysis.rotation import audit
from anopticon_testbed.analysis.senders import Senders
from anopticon_testbed.analysis.strength import fit_strength
from anopticon_testbed.analysis.summary import analyse
from anopticon_testbed.analysis.survey import load
from anopticon_testbed.analysis.times import run_times
from anopticon_testbed.cli import main
from anopticon_testbed.up.keyserver import LocalServer
from tests.testbed.world import clock, entropy_of, node_at


def test_a_virtual_testbed_is_measured_as_it_was_set_up(tmp_path: Path) -> None:
    """Three phones on Bumble's air for 20 minutes: clean rotations, equal clocks, nine frames in ten, -69 dBm at 1 m.

    SPEC: TB-24, TB-25, TB-26, TB-27, AD-4.
    """

    async def world() -> None:
        air = VirtualAir(seed=4)
        server = LocalServer("gaen", 1_800, clock().now, entropy_of("server"))
        places = [air.join(name, Position(x, 0.0)) for name, x in (("a", 0.0), ("b", 1.0), ("c", 4.0))]
        nodes = [node_at(place, tmp_path, server.phone()) for place in places]
        async with asyncio.TaskGroup() as tasks:
            publishing = tasks.create_task(server.run())
            for node in nodes:
                tasks.create_task(node.run())
            await asyncio.sleep(1_200)
            for node in nodes:
                node.stop()
            publishing.cancel()
        server.close()

    run_virtual(world())
    found = analyse([tmp_path])
    (run,) = found.runs
    assert run.audit.clean
    assert (run.audit.identifiers, run.audit.addresses) == (6, 6)
    assert [one.dead_fraction for one in run.dead] == pytest.approx([0, 0, 0], abs=1e-3)
    assert found.reception is not None
    assert 0.9 < found.reception.share < 1
    assert found.strength is not None
    assert found.strength.plain.intercept.value == pytest.approx(-69, abs=0.5)
    assert len(run.alignments) == 3
    assert [one.wall_seconds for one in run.alignments] == pytest.approx([0, 0, 0], abs=1e-4)
    assert run.recall is not None
    assert not run.recall.made_up
    assert run.recall.recall > 0.5
    assert main(["replay", str(tmp_path)]) == 0


def test_measurements_of_people_give_the_published_fit(shared: Callable[[str], Path], tmp_path: Path) -> None:
    """DP-3T's experiment 05 in all: -80.8 dBm at 1 m, -12.3 dB per decade, 7.6 dB about the line, over 139,837 frames.

    A fit of the same rows made elsewhere, by other code, found the same numbers. SPEC: TB-21, TB-25.
    """
    for source in sorted(shared("data/ble/dp3t-exp05").glob("*.sqlite")):
        assert main(["import", "--run", source.stem, str(source), str(tmp_path)]) == 0
    surveys = load([tmp_path])
    assert len(surveys) == 6
    pairs = [pair for survey in surveys for pair in pair_frames(survey, Senders(survey, run_times(survey)))]
    fit = fit_strength(pairs)
    assert fit is not None
    assert fit.frames == 139_837
    assert fit.plain.intercept.value == pytest.approx(-80.8, abs=0.05)
    assert fit.plain.slope.value == pytest.approx(-12.3, abs=0.05)
    assert fit.plain_deviation_db == pytest.approx(7.6, abs=0.05)
    assert fit.best.slope.value < fit.plain.slope.value - 1
    checked = audit(surveys[0], run_times(surveys[0]))
    assert checked.hidden
    assert not checked.identifiers
