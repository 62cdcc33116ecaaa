"""Write scoring.json, or compare it with what would be written.

    python tests/vectors/scoring/generate.py            writes the file if it differs
    python tests/vectors/scoring/generate.py --check    writes nothing; exits 1 if it differs

Each case says its value beforehand, worked out by hand; one that comes out otherwise stops the generator. The vectors
of the protocol are one folder up; these belong to the phone, which the protocol does not know.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parents[2]))  # run as a script, it finds its neighbours as the tests do

from anopticon_protocol.params import SPEC_VERSION  # noqa: E402
from tests.vectors.scoring.cases import FLAGS, Case, minutes_cases, summary_cases, window_cases  # noqa: E402
from tests.vectors.scoring.evaluate import evaluate  # noqa: E402

ERRORS: Final = {"C": "ConfigurationError", "S": "ScoringError"}


def render() -> str:
    """The text of the file; SystemExit if a case does not come out as it says."""
    rows = []
    for number, case in enumerate([*minutes_cases(), *summary_cases(), *window_cases()], start=1):
        given = {"configuration": case.configuration, "now": case.now, "contacts": list(case.contacts)}
        result, outcome = evaluate(given)
        _hold_against(case, outcome)
        row = {"id": number, "comment": case.comment, "result": result, "flags": list(case.flags)}
        rows.append(row | {"input": given, "expected": outcome})
    whole = {
        "schema": "anopticon-scoring-vectors",
        "schema_version": 1,
        "kind": "scoring",
        "provenance": f"Computed by anopticon_client, SPEC.md {SPEC_VERSION} section 16, with tests/vectors/scoring.",
        "notes": [
            "Values and thresholds are fractions: numerator, denominator.",
            "A packet without a time has a day, and seconds that it stands for; else seconds since the scan before.",
        ],
        "flags": FLAGS,
        "count": len(rows),
        "cases": rows,
    }
    return json.dumps(whole, indent=1, ensure_ascii=True) + "\n"


def _hold_against(case: Case, outcome: dict[str, Any]) -> None:
    if isinstance(case.says, str):
        as_said = outcome.get("error") == ERRORS[case.says]
    else:
        found = {day["day"]: Fraction(*day["value"]) for day in outcome.get("days", ())}
        as_said = "days" in outcome and found == case.says
    if not as_said:
        sys.exit(f"{case.comment!r}: said {case.says}, came out {outcome}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or compare."""
    parser = argparse.ArgumentParser(description="Write the vectors of exposure scoring.")
    parser.add_argument("--check", action="store_true", help="compare only; exit 1 if the file differs")
    options = parser.parse_args(arguments)
    path, text = FOLDER / "scoring.json", render()
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return 0
    if not options.check:
        path.write_text(text, encoding="utf-8", newline="\n")
    print(f"{path.name}: {'differs from what the code gives' if options.check else 'written'}")
    return 1 if options.check else 0


if __name__ == "__main__":
    sys.exit(main())
