"""The tools for implementers on the command line; all I/O of the package is here.

python -m anopticon_protocol inspect FILE... [--key KEY]... [--json]
python -m anopticon_protocol check-vectors FILE...
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from anopticon_protocol.errors import KeyTextError
from anopticon_protocol.inspection import (
    FORMAT,
    MAX_INSPECTED_BYTES,
    Inspection,
    inspect_bytes,
    printable,
    render,
)
from anopticon_protocol.signing import MAX_KEY_TEXT_CHARS, VerifyingKey
from anopticon_protocol.vectors import MAX_VECTOR_BYTES, VectorReport, check_vectors

CLEAN: Final = 0
FAULTY: Final = 1
UNUSABLE: Final = 2
"""Nothing could be looked at: a wrong call, a file that cannot be read, a schema that is not known."""

INSPECT_HELP: Final = """\
Says what each file holds, whether its signature verifies, and every defect.

FILE is an Exposure Notification archive (.zip), an export.bin on its own, or an Anopticon batch.
KEY is a P-256 public key: PEM, or base64 of its DER form, or a file with one of them. Several may be given;
one that verifies is enough.

Exit status: 0 if nothing is wrong, 1 if a file has a defect or does not verify with the given key, 2 if a
file cannot be read. With several files 1 wins over 2, and 2 over 0: all files are looked at in any case.
Without --key a signature is not checked, which is told and is no failure. A file that cannot be read is told
on stderr; with --json it is listed too, with verdict "unreadable" and its error.
"""

VECTORS_HELP: Final = """\
Computes every value of each vector file with this package, and names each one that differs.

The schema is recognised by content: dp3t_lowcost, dp3t_unlinkable, dp3t_hybrid_proposed, gaen, and the
project's own (tests/vectors). Paths name the value at fault, as in $.chains[0].days[3].ephids[7].

Exit status: 0 if all values are as computed, 1 if one is not, 2 if a file cannot be read, is of no known
schema or cannot be checked by this version. With several files 1 wins over 2, and 2 over 0. A JSON Schema
holds no values: it is named as one, and does not change the status.
"""
SHOWN_FAULTS: Final = 20
"""Faults of one file that are printed; the first is usually the cause of the others."""


class CallError(Exception):
    """What the person at the keyboard must put right; printed as one sentence."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except BrokenPipeError:
        # The reader of our output went away, as `head` does. Nothing more can be printed, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAULTY


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m anopticon_protocol", description="Tools for those who implement the protocol."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    plain = argparse.RawDescriptionHelpFormatter
    inspect = commands.add_parser(
        "inspect",
        help="say what an export or batch file holds and what is wrong with it",
        description=INSPECT_HELP,
        formatter_class=plain,
    )
    inspect.add_argument("files", nargs="+", metavar="FILE")
    inspect.add_argument("--key", action="append", default=[], help="a public key to verify signatures with")
    inspect.add_argument("--json", action="store_true", help="print one JSON object for all files")
    inspect.set_defaults(run=_inspect)
    check = commands.add_parser(
        "check-vectors",
        help="compute every value of a vector file and name those that differ",
        description=VECTORS_HELP,
        formatter_class=plain,
    )
    check.add_argument("files", nargs="+", metavar="FILE")
    check.set_defaults(run=_check_vectors)
    return parser


def _inspect(options: argparse.Namespace) -> int:
    try:
        keys = dict(_key(text, number) for number, text in enumerate(options.key, start=1))
    except CallError as error:
        _complain(str(error))
        return UNUSABLE
    found: list[Inspection] = []
    listed: list[Inspection] = []
    for name in options.files:
        try:
            data = read_file(name, MAX_INSPECTED_BYTES)
        except CallError as error:
            _complain(str(error))
            listed.append(Inspection.unreadable(name, str(error)))
            continue
        if found and not options.json:
            print()
        found.append(inspect_bytes(name, data, keys))
        listed.append(found[-1])
        if not options.json:
            print(render(found[-1]))
    if options.json:
        print(json.dumps({"format": FORMAT, "files": [one.to_json() for one in listed]}, indent=2))
    if not all(one.flawless for one in found):
        return FAULTY
    return UNUSABLE if len(listed) > len(found) else CLEAN


def _check_vectors(options: argparse.Namespace) -> int:
    verdicts = set()
    for name in options.files:
        try:
            report = check_vectors(read_file(name, MAX_VECTOR_BYTES))
        except CallError as error:
            _complain(str(error))
            verdicts.add("unreadable")
            continue
        verdicts.add(report.verdict)
        for line in _vector_lines(name, report):
            print(printable(line))
    if "fail" in verdicts:
        return FAULTY
    return CLEAN if verdicts <= {"pass", "schema"} else UNUSABLE


def _vector_lines(name: str, report: VectorReport) -> Iterator[str]:
    if report.verdict == "pass":
        yield f"{name}: {report.schema}, {report.checked:,} values, all as computed"
    elif report.verdict == "fail":
        yield f"{name}: {report.schema}, FAILED: {report.fault_count:,} faults, {report.checked:,} values compared"
        for fault in report.faults[:SHOWN_FAULTS]:
            yield f"  {fault}"
        if report.fault_count > SHOWN_FAULTS:
            yield f"  and {report.fault_count - SHOWN_FAULTS:,} more"
    elif report.verdict == "schema":
        yield f"{name}: a schema, {report.sentence}"
    else:
        yield f"{name}: {report.schema or report.verdict}, {report.sentence}"


def _key(text: str, number: int) -> tuple[str, VerifyingKey]:
    """Read a key given as text or as the name of a file; the name that reports give it comes first."""
    label, body, hint = f"key {number}", text, ", and there is no file of that name"
    if "-----" not in text and _is_file(text):
        label, body, hint = text, read_file(text, MAX_KEY_TEXT_CHARS).decode("utf-8", "replace"), ""
    try:
        return label, VerifyingKey.from_text(body)
    except KeyTextError as error:
        raise CallError(f"--key {text[:60]}: {error}{hint}") from error


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):
        return False


def read_file(name: str, most: int) -> bytes:
    """Read a file of at most `most` bytes; raises CallError with a sentence."""
    try:
        with Path(name).open("rb") as opened:
            data = opened.read(most + 1)
    except FileNotFoundError:
        problem = "there is no such file"
    except IsADirectoryError:
        problem = "this is a directory; name the files in it"
    except PermissionError:
        problem = "no permission to read it"
    except (OSError, ValueError) as error:
        problem = getattr(error, "strerror", None) or str(error)
    else:
        if len(data) <= most:
            return data
        problem = f"longer than {most:,} bytes, which no file of this kind is"
    raise CallError(f"{name}: {problem}")


def _complain(sentence: str) -> None:
    print(printable(sentence), file=sys.stderr)
