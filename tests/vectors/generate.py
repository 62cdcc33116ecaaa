"""Write the vector files of this folder, or compare them with what would be written.

    python tests/vectors/generate.py            writes every file that differs
    python tests/vectors/generate.py --check    writes nothing; exits 1 and names the files that differ

Each case says beforehand whether it is valid, and an invalid one why; the expected values are then computed
by the package. A case whose outcome is not what was said stops the generator, so that a fault cannot become a
vector unseen.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parents[1]))  # run as a script, it finds its neighbours as the tests do

from anopticon_protocol.params import SPEC_VERSION  # noqa: E402
from anopticon_protocol.vectors.document import Node  # noqa: E402
from anopticon_protocol.vectors.own import INVALID, SCHEMA, SCHEMA_VERSION, VALID, evaluate  # noqa: E402
from tests.vectors import batches, exports, frames, identifiers, matches, uploads  # noqa: E402
from tests.vectors.made import VectorFile  # noqa: E402

FILES: Final[dict[str, Callable[[], VectorFile]]] = {
    "lowcost.json": identifiers.lowcost_file,
    "unlinkable.json": identifiers.unlinkable_file,
    "hybrid.json": identifiers.hybrid_file,
    "gaen.json": identifiers.gaen_file,
    "match.json": matches.match_file,
    "advertisement.json": frames.advertisement_file,
    "filter_build.json": frames.filter_build_file,
    "filter_ask.json": frames.filter_ask_file,
    "code.json": frames.code_file,
    "batch.json": batches.batch_file,
    "export.json": exports.export_file,
    "upload.json": uploads.upload_file,
}


def render(file: VectorFile) -> str:
    """The text of a file; SystemExit if a case does not come out as it says."""
    rows = []
    for number, case in enumerate(file.cases, start=1):
        result, outcome = evaluate(file.kind, Node(case.input, f"$.cases[{number - 1}].input"))
        wanted = VALID if case.why is None else INVALID
        if result != wanted or any(outcome.get(name) != value for name, value in (case.why or {}).items()):
            sys.exit(
                f"{file.kind}, {case.comment!r}: said {wanted} {case.why or ''}, came out {result} {outcome}"
            )
        rows.append(
            {
                "id": number,
                "comment": case.comment,
                "result": result,
                "flags": list(case.flags),
                "input": case.input,
                "expected": outcome,
            }
        )
    whole = {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "kind": file.kind,
        "provenance": f"Computed by anopticon_protocol, SPEC.md {SPEC_VERSION}, with tests/vectors/generate.py.",
        "notes": list(file.notes),
        "flags": file.flags,
        "count": len(rows),
        "cases": rows,
    }
    return json.dumps(whole, indent=1, ensure_ascii=True) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or compare all files."""
    parser = argparse.ArgumentParser(description="Write the project's own vector files.")
    parser.add_argument("--check", action="store_true", help="compare only; exit 1 if a file differs")
    options = parser.parse_args(arguments)
    different = []
    for name, build in FILES.items():
        path, text = FOLDER / name, render(build())
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        different.append(name)
        if not options.check:
            path.write_text(text, encoding="utf-8", newline="\n")
    verb = "differs from what the code gives" if options.check else "written"
    for name in different:
        print(f"{name}: {verb}")
    return 1 if options.check and different else 0


if __name__ == "__main__":
    sys.exit(main())
