"""The numbers of the specification against what they are made of."""

from __future__ import annotations

import pytest

from anopticon_protocol import SPEC_VERSION, params


def test_package_shows_the_version_of_the_specification() -> None:
    """The package's face and params agree on SPEC_VERSION."""
    assert params.SPEC_VERSION == SPEC_VERSION == "1.0"


def test_last_time_is_the_last_whose_epoch_fits_32_bits() -> None:
    """SPEC: TI-1. MAX_UNIX_TIME has an epoch number that fits u32, the second after it has not."""
    assert params.MAX_UNIX_TIME // params.EPOCH_SECONDS == 2**32 - 1
    assert (params.MAX_UNIX_TIME + 1) // params.EPOCH_SECONDS == 2**32


@pytest.mark.parametrize(
    ("whole", "part"),
    [
        (params.DAY_SECONDS, params.EPOCH_SECONDS),
        (params.DAY_SECONDS, params.INTERVAL_SECONDS),
        (params.DAY_SECONDS, params.RELEASE_PERIOD_SECONDS),
        (params.RELEASE_PERIOD_SECONDS, params.EPOCH_SECONDS),
        (params.RELEASE_PERIOD_SECONDS, params.INTERVAL_SECONDS),
    ],
    ids=["epochs in a day", "intervals in a day", "releases in a day", "epochs", "intervals"],
)
def test_units_of_time_fit_into_each_other(whole: int, part: int) -> None:
    """Borders of days, releases, epochs and intervals fall together, so that a release never cuts an identifier."""
    assert whole % part == 0


def test_an_index_of_two_weeks_fits_its_bounds() -> None:
    """14 days of hourly batches and a day to spare fit MAX_INDEX_BATCHES, and their lines MAX_INDEX_BYTES."""
    assert params.MAX_INDEX_BATCHES >= 15 * 24
    assert params.MAX_INDEX_BATCHES * 130 <= params.MAX_INDEX_BYTES


def test_the_largest_batches_fit_their_bound() -> None:
    """MAX_BATCH_KEYS of the longest entry and MAX_FILTER_ITEMS with their counts stay below MAX_BATCH_BYTES."""
    assert params.MAX_BATCH_KEYS * 36 < params.MAX_BATCH_BYTES
    assert params.MAX_FILTER_ITEMS * 8 < params.MAX_BATCH_BYTES
