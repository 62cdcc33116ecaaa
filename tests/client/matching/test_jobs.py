"""A match under way: stopped, taken up again, and what comes in meanwhile."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anopticon_client import native as native_module
from anopticon_client.errors import EngineError
from anopticon_client.matching import Contents, IndexedRows, MatchJob, PythonEngine, job, match
from anopticon_client.native import best_engine, engines, find_module
from anopticon_protocol.designs import open_design
from anopticon_protocol.designs.base import Published
from anopticon_protocol.designs.lowcost import LowCost
from anopticon_protocol.designs.records import SETTLED, Observation, Reading, SharedKey, Token
from anopticon_protocol.designs.unlinkable import Unlinkable
from tests.client.matching.kit import RELEASE, contents, crowds, each_engine, engine_of, indexed
from tests.protocol.strategies import SPECS


class Unknown(LowCost):
    """A design that tells engines nothing, as a fifth one may."""

    def expansion(self, until: int) -> None:  # type: ignore[override]
        """Nothing."""
        del until


class UnknownFilter(Unlinkable):
    """A design with a filter that tells engines nothing."""

    def expansion(self, until: int) -> None:  # type: ignore[override]
        """Nothing."""
        del until


@pytest.mark.parametrize("spec", [*SPECS, "unknown", "unknown filter"])
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_a_stopped_job_goes_on_in_another(spec: str, data: st.DataObject) -> None:
    """Stopped after any step and gone on from its checkpoint, a match ends as one that was not (MT-4)."""
    own = {"unknown": Unknown(), "unknown filter": UnknownFilter()}
    design = own.get(spec) or open_design(spec)
    keys, rows = data.draw(crowds(design))
    batch, stored = contents(design, keys), indexed(rows)
    published: Published = design.read(batch.count, batch.body)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(job, "SLICE_IDENTIFIERS", 1)
        patch.setattr(job, "GENERIC_KEYS", 1)
        first = MatchJob(PythonEngine(), design, batch, RELEASE, stored)
        for _ in range(data.draw(st.integers(0, len(keys)))):
            first.step()
        second = MatchJob(PythonEngine(), design, batch, RELEASE, stored, resume=first.checkpoint())
        assert second.done == first.done
        while not second.step():
            pass
    assert second.rows() == match(design, published, RELEASE, stored)


def row(value: bytes, slot: int) -> Observation:
    """A settled row of one reading."""
    return Observation(Token(slot, value), SETTLED, (Reading(0, -60, 300),))


def test_a_checkpoint_of_something_else_is_not_used() -> None:
    """A job begins at the beginning if its batch or its rows are not those of the checkpoint (MT-4)."""
    design = open_design("hybrid")
    key = SharedKey(bytes(16), RELEASE // 7_200 - 1, 1)
    (value, *_), batch = [one.value for one in design.candidates(key, 0)], contents(design, [key])
    before = MatchJob(PythonEngine(), design, batch, RELEASE, IndexedRows({}))
    assert before.step()
    stored = IndexedRows({value: [row(value, key.index)]})
    after = MatchJob(PythonEngine(), design, batch, RELEASE, stored, resume=before.checkpoint())
    assert after.done == 0
    while not after.step():
        pass
    assert [one.token.value for one in after.rows()] == [value]


@each_engine
def test_what_is_stored_during_a_match_does_not_count(engine: str) -> None:
    """A value begun while a batch is matched is not looked for; a row that went is not given (MT-7)."""
    design = open_design("hybrid")
    key = SharedKey(bytes(16), RELEASE // 7_200 - 1, 1)
    early, late, *_ = (one.value for one in design.candidates(key, 0))
    held = {early: [row(early, key.index)]}
    one = MatchJob(engine_of(engine), design, contents(design, [key]), RELEASE, IndexedRows(held))
    held[late] = [row(late, key.index)]
    assert one.step()
    assert [found.token.value for found in one.rows()] == [early]
    del held[early]
    assert one.rows() == []


def test_the_engine_is_the_one_that_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fastest engine that is there, or the one that ANOPTICON_ENGINE names; any other is an error (MT-9)."""
    monkeypatch.delenv("ANOPTICON_ENGINE", raising=False)
    assert best_engine().name == engines()[0].name
    monkeypatch.setenv("ANOPTICON_ENGINE", "python")
    assert best_engine().name == "python"
    monkeypatch.setenv("ANOPTICON_ENGINE", "abacus")
    with pytest.raises(EngineError, match="ANOPTICON_ENGINE is 'abacus', and this machine has the engine"):
        best_engine()


def test_a_machine_without_the_native_engine_matches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the module is missing, or of another version, the Python engine is used and nothing is said (MT-9)."""
    monkeypatch.delenv("ANOPTICON_ENGINE", raising=False)
    module = find_module()
    if module is not None:
        monkeypatch.setattr(native_module, "VERSION", "0.0.0")
        assert find_module() is None
    monkeypatch.setattr(native_module, "MODULE", "anopticon_that_nobody_built")
    assert [one.name for one in engines()] == ["python"]
    assert best_engine().name == "python"
    batch = Contents(0, b"")
    assert MatchJob(best_engine(), open_design("gaen"), batch, RELEASE, IndexedRows({})).step()
