"""Issue, upload, publish, purge in any order, against a model of a few lines (a hypothesis state machine)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from anopticon_protocol.codes import make_code
from anopticon_protocol.designs.records import SharedKey
from anopticon_protocol.designs.unlinkable import ephid_of_seed, hashed_observation
from anopticon_protocol.timebase import release_bucket
from anopticon_server.authorisation import RETRY_SECONDS
from anopticon_server.errors import CodeRefusedError, UploadRefusedError
from anopticon_server.reception import ACCEPTED
from tests.server.kit import DAY, HOUR, PERIOD, START, Desk, each_design, keys_of, open_desk

KEEP = 3
"""Days of retention: short, so that a run of a few steps sees the end of things."""


class Machine(RuleBasedStateMachine):
    """What a server should do, said a second time."""

    spec = "gaen"
    codes: Bundle[str] = Bundle("codes")

    @initialize()
    def start(self) -> None:
        """An empty server and an empty model."""
        self.desk: Desk = open_desk(self.spec, retention_days=KEEP)
        self.ends: dict[str, int] = {}
        self.spent: set[str] = set()
        self.keys: dict[SharedKey, int] = {}
        self.closed = 0
        self.files: dict[int, bytes] = {}

    @rule(target=codes)
    def issue(self) -> str:
        """A fresh code is good for a day and the rest of the hour."""
        issued = self.desk.server.issue_code()
        self.ends[issued.code] = -(-(self.desk.clock.now + DAY) // HOUR) * HOUR
        assert issued.valid_until == self.ends[issued.code]
        return issued.code

    @rule(code=codes | st.binary(min_size=16, max_size=16).map(make_code), person=st.integers(1, 3))
    def upload(self, code: str, person: int) -> None:
        """A valid code stores the keys, a spent one repeats the answer if they are stored, others nothing."""
        now = self.desk.clock.now
        keys = keys_of(self.spec, person, START, days=1)
        fresh = all(self.desk.design.key_range(key)[1] + 15 * DAY >= now for key in keys)
        known = all(key in self.keys for key in keys)
        end = self.ends.get(code, 0)
        if code in self.spent and now < end + RETRY_SECONDS and known:
            assert self.desk.server.upload(self.desk.body(code, keys)) == ACCEPTED
        elif not fresh:
            with pytest.raises(UploadRefusedError):
                self.desk.server.upload(self.desk.body(code, keys))
        elif code in self.ends and code not in self.spent and now < end:
            assert self.desk.server.upload(self.desk.body(code, keys)) == ACCEPTED
            self.spent.add(code)
            for key in keys:
                allowed = max(self.desk.design.release_from(key), now + 1, self.closed + 1)
                self.keys.setdefault(key, -(-allowed // PERIOD) * PERIOD)
        else:
            with pytest.raises(CodeRefusedError):
                self.desk.server.upload(self.desk.body(code, keys))

    @rule(seconds=st.sampled_from([1, 600, HOUR, PERIOD, 5 * HOUR, DAY, KEEP * DAY]))
    def wait(self, seconds: int) -> None:
        """Time passes, and nobody publishes."""
        self.desk.clock.now += seconds

    @rule()
    def publish(self) -> None:
        """What is due and not too old comes out; its bytes are remembered for good."""
        now = self.desk.clock.now
        self.closed = max(self.closed, release_bucket(now, PERIOD))
        due = {r for r in self.keys.values() if now - KEEP * DAY < r <= self.closed}
        assert set(self.desk.server.publish()) == due - self.files.keys()
        for entry in self.desk.index().batches:
            data = self.desk.server.batch(entry.sha256)
            assert self.files.setdefault(entry.release, data) == data

    @rule()
    def purge(self) -> None:
        """What is older than retention goes, codes at their end, spent ones a day later."""
        now = self.desk.clock.now
        self.desk.server.purge()
        self.keys = {key: release for key, release in self.keys.items() if release > now - KEEP * DAY}
        self.files = {release: data for release, data in self.files.items() if release > now - KEEP * DAY}
        over = {c for c, end in self.ends.items() if end + RETRY_SECONDS * (c in self.spent) <= now}
        self.ends = {code: end for code, end in self.ends.items() if code not in over}
        self.spent -= over

    @invariant()
    def rows_agree(self) -> None:
        """The database holds the model's codes and keys, each key with its release, and nothing else."""
        if not hasattr(self, "desk"):
            return
        rows = self.desk.server.rows()
        held = self.desk.keys_held()
        assert held == {(k.secret.hex(), k.index, k.span): release for k, release in self.keys.items()}
        assert sorted(str(row["spent"]) for row in rows["codes"]) == sorted(
            str(code in self.spent) for code in self.ends
        )

    @invariant()
    def files_agree(self) -> None:
        """The index lists the model's files; each holds exactly the keys of its release."""
        if not hasattr(self, "desk"):
            return
        batches = self.desk.batches()
        assert set(batches) == set(self.files)
        assert self.desk.index().complete_until == self.closed
        for release, batch in batches.items():
            keys = {key for key, one in self.keys.items() if one == release}
            published: Any = batch.published()
            if self.spec == "unlinkable":
                assert all(
                    hashed_observation(ephid_of_seed(key.secret), key.index) in published for key in keys
                )
                assert len(published) == len(keys)
            else:
                assert set(published) == keys


@each_design
def test_the_server_agrees_with_its_model(spec: str) -> None:
    """No order of issuing, uploading, waiting, publishing and purging makes server and model differ."""
    machine = type("Machine", (Machine,), {"spec": spec})
    run_state_machine_as_test(
        machine, settings=settings(max_examples=25, stateful_step_count=25, deadline=None)
    )
