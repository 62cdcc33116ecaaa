"""The join of published keys and stored observations, for every design alike (SPEC.md 9.4 and 15).

`match` says what matching means, key by key. A `MatchJob` gives the same from the bytes of a batch, through an `Engine`
that expands and compares in bulk, in pieces between which a phone can do other things.
"""

from __future__ import annotations

from anopticon_client.matching.engine import Engine, Lookup
from anopticon_client.matching.exports import ExportJob, ExportResult
from anopticon_client.matching.job import Checkpoint, Contents, MatchJob, match_contents
from anopticon_client.matching.plain import PythonEngine
from anopticon_client.matching.population import PopulationHits, PopulationMatcher, PopulationRows
from anopticon_client.matching.reference import match
from anopticon_client.matching.rows import IndexedRows, StoredRows

__all__ = [
    "Checkpoint",
    "Contents",
    "Engine",
    "ExportJob",
    "ExportResult",
    "IndexedRows",
    "Lookup",
    "MatchJob",
    "PopulationHits",
    "PopulationMatcher",
    "PopulationRows",
    "PythonEngine",
    "StoredRows",
    "match",
    "match_contents",
]
