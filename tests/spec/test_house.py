"""The rules of the house that no other tool checks."""

import ast
import re
import subprocess
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("protocol", "client", "server", "simulation", "testbed", "tools", "bench")

MAX_MODULE_LINES = 250
MAX_FUNCTION_LINES = 50

# What may be longer, and why: "path" or "path:function" to the reason.
LONG: dict[str, str] = {}

# The modules that meet the world; every other module of protocol and client is the core.
SHELLS = {
    "anopticon_protocol.__main__",
    "anopticon_protocol.cli",
    "anopticon_client.__main__",
    "anopticon_client.cli",
    "anopticon_client.clock",
    "anopticon_client.native",
    "anopticon_client.radio",
    "anopticon_client.recording",
    "anopticon_client.runner",
    "anopticon_client.storage",
    "anopticon_client.transport",
}

# Written so that this file does not hold what it looks for.
MACHINE_PATH = re.compile(r"/(wor[k]|roo[t]|hom[e]|User[s]|tm[p])/|[A-Z]:\\User[s]")
REGISTRY = re.compile(
    r"py[p]i\.org|python[h]osted\.org|registry\.npm[j]s|crate[s]\.io|proxy\.golan[g]|de[b]\.debian",
    re.IGNORECASE,
)


@cache
def project() -> dict[str, Any]:
    """Give pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@cache
def files() -> tuple[Path, ...]:
    """Give every file that is committed or would be by the next commit."""
    command = [
        "git",
        "-c",
        "safe.directory=*",
        "ls-files",
        "--cached",
        "--others",
        "--exclude-standard",
        "-z",
    ]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    paths = {ROOT / name for name in listed.split("\0") if name}
    return tuple(sorted(path for path in paths if path.is_file()))


@cache
def modules(*folders: str) -> dict[str, ast.Module]:
    """Give the syntax tree of every Python file under some folders, by its path from the root."""
    names = [path.relative_to(ROOT).as_posix() for path in files() if path.suffix == ".py"]
    return {
        name: ast.parse((ROOT / name).read_text(encoding="utf-8"))
        for name in names
        if name.startswith(tuple(f"{folder}/" for folder in folders))
    }


def functions(tree: ast.Module) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Give every function and method of a module, nested ones too."""
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def locked() -> dict[str, str]:
    """Give the version of each package in the lock."""
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9-]+)(?:\[[a-z0-9,-]+\])?==(\S+)", text, re.MULTILINE))


def test_lock_holds_names_versions_and_hashes_only() -> None:
    """Every line of the lock is a package, a hash or a note on who wants it: no address or path fits in."""
    grammar = re.compile(
        r"[a-z0-9-]+(\[[a-z0-9,-]+\])?==[0-9A-Za-z.+!]+"
        r"( ; [a-z_]+ [=!<>]+ '[\w.]+'( (and|or) [a-z_]+ [=!<>]+ '[\w.]+')*)? \\"
        r"|    --hash=sha256:[0-9a-f]{64}( \\)?"
        r"|    # via( [A-Za-z0-9-]+( \(pyproject\.toml\))?)?"
        r"|    #   [A-Za-z0-9-]+( \(pyproject\.toml\))?"
    )
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not grammar.fullmatch(line)] == []


def test_lock_serves_what_the_project_asks_for() -> None:
    """Each dependency, development tool and build backend is locked at a version that it allows."""
    metadata = project()["project"]
    wanted = metadata["dependencies"] + metadata["optional-dependencies"]["dev"]
    wanted += project()["build-system"]["requires"]
    versions = locked()
    for requirement in map(Requirement, wanted):
        assert requirement.specifier, f"{requirement.name} has no lower bound"
        assert requirement.name.lower() in versions, f"{requirement.name} is not in the lock"
        version = versions[requirement.name.lower()]
        assert version in requirement.specifier, (
            f"the lock has {requirement.name} {version}, not {requirement}"
        )


def test_modules_and_functions_are_short() -> None:
    """No module is over 250 lines and no function over 50, but for those that say why."""
    long = set()
    for name, tree in modules(*PARTS).items():
        if len((ROOT / name).read_text(encoding="utf-8").splitlines()) > MAX_MODULE_LINES:
            long.add(name)
        for function in functions(tree):
            assert function.end_lineno
            if function.end_lineno - function.lineno >= MAX_FUNCTION_LINES:
                long.add(f"{name}:{function.name}")
    assert long == set(LONG), "split what is new here, or take out of LONG what has become short"


def test_every_module_has_a_docstring() -> None:
    """Every module says what it is in its first lines."""
    found = modules(*PARTS, "tests")
    assert len(found) > 1
    assert [name for name, tree in found.items() if not ast.get_docstring(tree)] == []


def test_every_test_says_what_holds() -> None:
    """Every test function says in a docstring what holds."""
    silent = [
        f"{name}:{function.name}"
        for name, tree in modules("tests").items()
        if Path(name).name.startswith("test_")
        for function in functions(tree)
        if function.name.startswith("test_") and not ast.get_docstring(function)
    ]
    assert silent == []


def test_no_file_names_a_machine_or_a_registry() -> None:
    """No file of the project holds a path of somebody's machine or the host of a package registry."""
    guilty = []
    for path in files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a picture or a recording
        for number, line in enumerate(text.splitlines(), 1):
            if MACHINE_PATH.search(line) or REGISTRY.search(line):
                guilty.append(f"{path.relative_to(ROOT)}:{number}")
    assert guilty == []


def test_licence_is_the_one_that_is_declared() -> None:
    """The licence file is the one that the package's metadata names."""
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert project()["project"]["license"] == "Apache-2.0"
    assert text.split()[:4] == ["Apache", "License", "Version", "2.0,"]
    assert "END OF TERMS AND CONDITIONS" in text


def test_core_is_everything_but_the_shells() -> None:
    """Every module of protocol and client is a named shell or in the contract that keeps the world out."""
    contracts = project()["tool"]["importlinter"]["contracts"]
    core = set(next(contract["source_modules"] for contract in contracts if contract["id"] == "core"))
    present = set()
    for name in modules("protocol", "client"):
        package, module, *_ = Path(name).with_suffix("").parts[1:]
        if module != "__init__":
            present.add(f"{package}.{module}")
    assert core - present == set(), "the contract names modules that are gone"
    assert present - core - SHELLS == set(), "name these in the contract, or here as shells"


def test_every_part_of_the_build_is_listed_everywhere() -> None:
    """The five packages of the wheel are the five that coverage measures and the import contracts walk."""
    tool = project()["tool"]
    built = [Path(path).name for path in tool["hatch"]["build"]["targets"]["wheel"]["packages"]]
    assert built == tool["coverage"]["run"]["source_pkgs"]
    assert built == tool["importlinter"]["root_packages"]
