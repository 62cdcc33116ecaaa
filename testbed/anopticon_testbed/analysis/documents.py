"""An analysis as JSON: every number of the tables, and those that they leave out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

from anopticon_testbed.analysis.clocks import Alignment, closure_seconds
from anopticon_testbed.analysis.contacts import Recall
from anopticon_testbed.analysis.dead_time import DeadTime
from anopticon_testbed.analysis.fits import Line
from anopticon_testbed.analysis.reception import Reception
from anopticon_testbed.analysis.strength import StrengthFit
from anopticon_testbed.analysis.summary import Analysis, RunAnalysis

VERSION: Final = 1


def as_json(analysis: Analysis) -> dict[str, Any]:
    """The analysis as plain values; a number that does not exist is null."""
    return {
        "version": VERSION,
        "options": {
            "near_metres": analysis.options.near_metres,
            "bound_db": analysis.options.bound_db,
            "grace_seconds": analysis.options.grace_seconds,
        },
        "runs": [_run_json(run) for run in analysis.runs],
        "strength": _strength_json(analysis.strength),
        "reception": _reception_json(analysis.reception),
    }


def _run_json(run: RunAnalysis) -> dict[str, Any]:
    checked = run.audit
    return {
        "run": run.survey.run,
        "nodes": [_node_json(one) for one in run.dead],
        "torn": [end for node in run.survey.nodes for end in node.torn],
        "rotation": {
            "clean": checked.clean,
            "identifiers": checked.identifiers,
            "addresses": checked.addresses,
            "hidden_frames": checked.hidden,
            "longest_seconds": rounded(checked.longest_seconds),
            "fixed_addresses": [address.hex() for address in checked.fixed],
            "overlong": [[one.identifier.hex(), rounded(one.seconds)] for one in checked.overlong],
            "links": [
                {
                    "kind": link.kind,
                    "shared": link.shared.hex(),
                    "brief": link.brief,
                    "pairings": [
                        [
                            one.address.hex(),
                            one.identifier.hex(),
                            rounded(one.first),
                            rounded(one.last),
                            one.frames,
                        ]
                        for one in link.pairings
                    ],
                }
                for link in checked.links
            ],
        },
        "clocks": {
            "closure_seconds": rounded(closure_seconds(run.alignments), 6),
            "pairs": [_clock_json(one) for one in run.alignments],
        },
        "contacts": _recall_json(run.recall),
    }


def _node_json(dead: DeadTime) -> dict[str, Any]:
    return {
        "node": dead.node,
        "recorded_seconds": rounded(dead.recorded),
        "listening_seconds": rounded(dead.listening),
        "listening_known": dead.known,
        "duty": dead.duty,
        "dead_fraction": rounded(dead.dead_fraction, 4),
        "off_spans": len(dead.off),
        "silences": len(dead.silences),
        "silent_seconds": rounded(sum(end - start for start, end in dead.silences)),
        "frames": dead.frames,
        "dropped": dead.dropped,
        "resets": dead.resets,
        "failures": dead.failures,
    }


def _clock_json(pair: Alignment) -> dict[str, Any]:
    return {
        "one": pair.one,
        "other": pair.other,
        "events": pair.events,
        "wall_seconds": rounded(pair.wall_seconds, 6),
        "told_seconds": rounded(pair.told_seconds, 6),
        "drift_ppm": rounded(pair.drift_ppm, 3),
        "residual_seconds": rounded(pair.residual_seconds, 6),
        "disagrees": pair.disagrees,
    }


def _recall_json(recall: Recall | None) -> dict[str, Any] | None:
    if recall is None:
        return None
    return {
        "scans": recall.scans,
        "scans_made_up": recall.made_up,
        "heard_share": rounded(recall.heard_share, 4),
        "recall": rounded(recall.recall, 4),
        "precision": rounded(recall.precision, 4),
        "pairs": [
            {
                "sender": one.sender,
                "receiver": one.receiver,
                "known_seconds": rounded(one.known),
                "near_seconds": rounded(one.true),
                "heard_seconds": rounded(one.heard),
                "counted_seconds": rounded(one.counted),
                "counted_and_near_seconds": rounded(one.right),
            }
            for one in recall.contacts
        ],
    }


def _strength_json(fit: StrengthFit | None) -> dict[str, Any] | None:
    if fit is None:
        return None
    return {
        "frames": fit.frames,
        "pairs": fit.pairs,
        "floor_dbm": fit.floor_dbm,
        **_line_json(fit.best, ("level_at_1m_dbm", "slope_db_per_decade")),
        "deviation_db": rounded(fit.deviation_db),
        "plain": _line_json(fit.plain, ("level_at_1m_dbm", "slope_db_per_decade")),
        "between_pairs_db": rounded(fit.between_pairs_db),
        "within_pair_db": rounded(fit.within_pair_db),
    }


def _reception_json(heard: Reception | None) -> dict[str, Any] | None:
    if heard is None:
        return None
    line = {} if heard.line is None else _line_json(heard.line, ("log_odds_at_1m", "log_odds_per_decade"))
    return {
        "sent": rounded(heard.sent),
        "heard": rounded(heard.heard),
        "share": rounded(heard.share, 4),
        "half_distance_metres": rounded(heard.half_distance()),
        **line,
        "bins": [
            [rounded(one.low_metres), rounded(one.high_metres), rounded(one.sent), rounded(one.share, 4)]
            for one in heard.bins
        ],
        "pairs": {
            f"{sender} > {receiver}": rounded(share, 4) for (sender, receiver), share in heard.by_pair.items()
        },
    }


def _line_json(line: Line, names: Sequence[str]) -> dict[str, Any]:
    return {
        name: {"value": rounded(one.value), "low": rounded(one.low), "high": rounded(one.high)}
        for name, one in zip(names, (line.intercept, line.slope), strict=True)
    }


def rounded(value: float | None, places: int = 2) -> float | None:
    """A number for JSON: null where there is none."""
    return None if value is None or not math.isfinite(value) else round(value, places)
