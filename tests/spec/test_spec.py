"""SPEC.md against the code and the tests: ids, numbers, worked examples, cross references."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from collections import Counter
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest

import anopticon_client
import anopticon_protocol
import anopticon_server
import anopticon_simulation
import anopticon_testbed
from anopticon_protocol.advert import encode
from anopticon_protocol.batch import encode_batch
from anopticon_protocol.codes import make_code
from anopticon_protocol.designs import DESIGNS, open_design
from anopticon_protocol.designs.base import Design
from anopticon_protocol.designs.gaen import encrypt_metadata, padded_data, rpis
from anopticon_protocol.designs.hybrid import WINDOW_LABEL, window_ephids
from anopticon_protocol.designs.lowcost import BROADCAST_LABEL, day_ephids, next_day_key
from anopticon_protocol.designs.records import SharedKey
from anopticon_protocol.designs.unlinkable import ephid_of_seed, hashed_observation
from anopticon_protocol.entropy import Entropy
from anopticon_protocol.fingerprints import FingerprintFilter
from anopticon_protocol.messages import Upload, upload_bytes
from anopticon_protocol.params import SPEC_VERSION
from anopticon_protocol.primitives import hmac_sha256, shuffled
from anopticon_protocol.signing import SigningKey

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("protocol", "client", "server", "simulation", "testbed")
RULE = re.compile(r"^- \*\*\[([A-Z]{2}-\d+)\]\*\* ", re.MULTILINE)
ID = re.compile(r"\b([A-Z]{2}-\d+)\b")
CITATION = re.compile(r"(?:\bSPEC: |\()((?:[A-Z]{2}-\d+(?:, )?)+)[.)]")
"""`SPEC: LC-3, LC-4.` or `(LC-3, LC-4)` in the docstring of a test."""
BOUND = re.compile(r"`(?:(\w+)\.)?([A-Z][A-Z0-9_]+)` = (-?[\d,]+)")
HEADING = re.compile(r"^#{2,4} ([\d.]+?)\.? ", re.MULTILINE)
REFERENCE = re.compile(r"SPEC\.md ((?:\d+(?:\.\d+)*)(?:(?:, | and | to )\d+(?:\.\d+)*)*)")
TEK = bytes.fromhex("75c734c6dd1a782de7a965da5eb93125")


@cache
def spec() -> str:
    """The specification."""
    return (ROOT / "SPEC.md").read_text(encoding="utf-8")


@cache
def modules() -> tuple[ModuleType, ...]:
    """Every module of the five packages that is no program."""
    packages = (
        anopticon_protocol,
        anopticon_client,
        anopticon_server,
        anopticon_simulation,
        anopticon_testbed,
    )
    names = [
        info.name
        for package in packages
        for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
        if not info.name.endswith("__main__")
    ]
    return tuple(importlib.import_module(name) for name in names)


@cache
def citations() -> Counter[str]:
    """How often the docstring of a test cites each id."""
    cited: Counter[str] = Counter()
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                for group in CITATION.findall(ast.get_docstring(node) or ""):
                    cited.update(ID.findall(group))
    return cited


def rules() -> list[str]:
    """Every id at the start of a rule."""
    return RULE.findall(spec())


def test_version_is_that_of_the_code() -> None:
    """The version in the head of SPEC.md is SPEC_VERSION."""
    assert f"\nVersion: {SPEC_VERSION} (`SPEC_VERSION`)\n" in spec()


def test_ids_are_unique() -> None:
    """No two rules have one id, and every bold id begins a rule."""
    assert [name for name, times in Counter(rules()).items() if times > 1] == []
    assert sorted(re.findall(r"\*\*\[([^\]]*)\]\*\*", spec())) == sorted(rules())


def test_every_rule_is_cited_by_a_test() -> None:
    """A rule that no test cites is a promise that nobody keeps."""
    assert [name for name in rules() if name not in citations()] == []


def test_every_cited_rule_exists() -> None:
    """A test that cites an id cites one of SPEC.md."""
    assert sorted(set(citations()) - set(rules())) == []


def test_rules_mentioned_in_the_text_exist() -> None:
    """An id in the text, in the code or in a decision record is one of SPEC.md's."""
    prefixes = {name.split("-")[0] for name in rules()}
    texts = [ROOT / "SPEC.md", *(ROOT / "docs").rglob("*.md")]
    texts += [path for part in PARTS for path in (ROOT / part).rglob("*.py")]
    mentioned = {
        (path.name, name)
        for path in texts
        for name in ID.findall(path.read_text(encoding="utf-8"))
        if name.split("-")[0] in prefixes
    }
    assert {(file, name) for file, name in mentioned if name not in rules()} == set()


def test_sections_named_in_the_code_exist() -> None:
    """Every `SPEC.md 8.4` of a docstring is a heading, and headings are numbered in order."""
    headings = HEADING.findall(spec())
    numbers = [[int(part) for part in heading.split(".")] for heading in headings]
    assert numbers == sorted(numbers)
    assert len(set(headings)) == len(headings)
    missing = {
        (path.name, number)
        for part in PARTS
        for path in (ROOT / part).rglob("*.py")
        for group in REFERENCE.findall(path.read_text(encoding="utf-8"))
        for number in re.findall(r"\d+(?:\.\d+)*", group)
        if number not in headings
    }
    assert missing == set()


def test_every_bound_has_the_value_of_the_code() -> None:
    """`NAME` = value is what a module defines; a name that modules define differently is given with its module."""
    wrong = []
    for module_name, name, text in BOUND.findall(spec()):
        values = {
            vars(module)[name]
            for module in modules()
            if name in vars(module) and module_name in ("", module.__name__.rpartition(".")[2])
        }
        if values != {int(text.replace(",", ""))}:
            wrong.append((module_name, name, text, values))
    assert wrong == []
    assert len(BOUND.findall(spec())) > 50


def column(design: Design) -> list[str]:
    """What the table of section 6 must say about a design, row by row."""
    key = SharedKey(bytes(range(design.secret_bytes)), 10, 1)
    embargo = design.release_from(key) - design.key_range(key)[1]
    slots = {86_400: "day", 900: "epoch", 600: "interval", 7_200: "w"}
    return [
        str(design.secret_bytes),
        str(design.epoch_seconds),
        slots[design.observation_slot_seconds],
        "no" if design.received(1, 1) < 0 else "yes",
        f"{design.max_upload_keys:,}",
        {0: "end of the epoch", 7_200: "2 h after the key's end"}.get(embargo, "at once"),
        "no" if design.shares_every_later_key else "yes",
    ]


def test_the_table_of_designs_is_what_the_code_does() -> None:
    """SPEC: DS-2. The table of section 6 agrees with each design, column by column."""
    rows = {
        cells[0].strip(): [cell.strip() for cell in cells[1:]]
        for line in spec().split("## 6. Designs")[1].split("### 6.1")[0].splitlines()
        if line.startswith("| ") and len(cells := re.split(r"(?<!\\)\|", line.strip("|"))) == 5
    }
    named = (
        "Secret, bytes", "Identifier lives, s", "Observation slot", "Release period kept until settled",
        "Most keys in an upload", "Published from", "Ranges can be withheld",
    )  # fmt: skip
    for number, name in enumerate(DESIGNS):
        shown = [rows[row][number] for row in named]
        shown[4] = re.sub(r".*\((\d+)\)", r"\1", shown[4])
        assert shown == column(open_design(name))


def examples() -> dict[str, str]:
    """Every worked example, computed here."""
    signer = SigningKey.from_secret(bytes(range(32)))
    seed_hash = hashed_observation(ephid_of_seed(bytes(32)), 1_888_888)
    fresh = Entropy(bytes(32))
    rpi = rpis(TEK, 2_642_976, 1)[0]
    day = day_ephids(bytes(32))
    lowcost, hybrid, gaen = (open_design(name) for name in ("lowcost", "hybrid", "gaen"))
    first = SharedKey(bytes(32), 19_675, 1)
    code = make_code(bytes(range(16)))
    return {
        "public key": signer.public.to_text(),
        "order": ", ".join(map(str, shuffled(8, bytes(32)))),
        "entropy seed": fresh.take("seed", 16).hex(),
        "entropy order": fresh.take("order", 32).hex(),
        "frame": encode(0xFD68, bytes(range(16))).hex(),
        "frame without flags": encode(0xFD6F, bytes(range(20)), flags=False).hex(),
        "lowcost stream": hmac_sha256(bytes(32), BROADCAST_LABEL).hex(),
        "lowcost first": day[0].hex(),
        "lowcost last": day[95].hex(),
        "lowcost next": next_day_key(bytes(32)).hex(),
        "lowcost entry": lowcost.publish([first])[1].hex(),
        "unlinkable ephid": ephid_of_seed(bytes(32)).hex(),
        "unlinkable value": seed_hash.hex(),
        "hybrid stream": hmac_sha256(bytes(16), WINDOW_LABEL).hex(),
        "hybrid first": window_ephids(bytes(16), 8)[0].hex(),
        "hybrid entry": hybrid.publish([SharedKey(bytes(16), 236_111, 1)])[1].hex(),
        "gaen block": padded_data(2_642_976).hex(),
        "gaen rpi": rpi.hex(),
        "gaen metadata": encrypt_metadata(TEK, rpi, bytes.fromhex("40080000")).hex(),
        "gaen entry": gaen.publish([SharedKey(TEK, 2_642_976, 144)])[1].hex(),
        "code": code,
        "zero code": make_code(bytes(16)),
        "upload": Upload("lowcost", code.replace("-", ""), (first,)).encode(lowcost).decode(),
        "batch": encode_batch(lowcost, 1_699_999_200, 7_200, [first], signer, "demo-1").hex(),
        "empty filter": FingerprintFilter.build([]).encode().hex(),
        "filter": FingerprintFilter.build([seed_hash]).encode().hex(),
        **{f"length of {name}": f"{upload_bytes(open_design(name)):,}" for name in DESIGNS},
    }


@pytest.mark.parametrize("name", list(examples()))
def test_worked_examples_are_what_the_code_gives(name: str) -> None:
    """SPEC: UP-8, BA-9, CR-4, CR-8. Each computed value stands in SPEC.md, in a code span or a code block."""
    value = "".join(examples()[name].split())
    blocks = "".join(line for line in spec().splitlines() if line.startswith("    "))
    assert f"`{value}`" in spec() or value in "".join(blocks.split()) or f" {examples()[name]} " in spec()
