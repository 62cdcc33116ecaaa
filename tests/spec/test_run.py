"""``run.py``: it starts on a bare Python, trusts no half-made environment, and says what went wrong."""

import ast
import errno
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from tools import environment, failures

ROOT = Path(__file__).resolve().parents[2]

NO_WHEEL = """\
ERROR: Could not find a version that satisfies the requirement anyio==4.99.0 (from versions: 4.15.0, 4.16.0)
ERROR: No matching distribution found for anyio==4.99.0
"""
NO_NETWORK = """\
WARNING: Retrying (Retry(total=4, connect=None)) after connection broken by 'NewConnectionError(\
'Failed to establish a new connection: [Errno -3] Temporary failure in name resolution')': /simple/anyio/
ERROR: Could not find a version that satisfies the requirement anyio==4.16.0 (from versions: none)
ERROR: No matching distribution found for anyio==4.16.0
"""
FULL_DISK = "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device\n"
LOCKED_FILE = "ERROR: Could not install packages due to an OSError: [WinError 32] The process cannot access\n"
CERTIFICATE = "SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] self-signed'))\n"


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a checkout of run.py and its tools, where nothing can be fetched but from the folder "wheels"."""
    root = tmp_path / "checkout"
    shutil.copytree(ROOT / "tools", root / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("run.py", "pyproject.toml"):
        shutil.copy(ROOT / name, root)
    (tmp_path / "wheels").mkdir()
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_RETRIES", "1")  # with none, pip does not say what failed
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    return root


def run(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a verb of a checkout."""
    command = [sys.executable, "run.py", *arguments]
    return subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False, timeout=100)


def test_old_python_can_parse_run_py_and_is_told() -> None:
    """run.py is free of syntax that an old Python lacks, and names both versions and the next step."""
    source = (ROOT / "run.py").read_text(encoding="utf-8")
    tree = ast.parse(source, feature_version=(3, 4))
    modern = (ast.JoinedStr, ast.AnnAssign, ast.FunctionDef, ast.NamedExpr, ast.AsyncFunctionDef, ast.Starred)
    assert not [node for node in ast.walk(tree) if isinstance(node, modern)]

    pretend = "import sys; sys.version_info = (3, 8, 1)\n" + source
    done = subprocess.run([sys.executable, "-c", pretend], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.strip().endswith("start this again as 'python3.11 run.py'.")
    assert "this is Python 3.8, and 3.11 or newer is needed" in done.stderr


def test_a_real_old_python_is_told() -> None:
    """Every old Python that is installed here prints the sentence, not a syntax error."""
    tried = 0
    for name in ("python2.7", "python3.6", "python3.7", "python3.8", "python3.9", "python3.10"):
        program = shutil.which(name)
        # A version manager's shim may answer to the name and have no Python behind it.
        if program and subprocess.run([program, "-c", ""], capture_output=True, check=False).returncode == 0:
            done = subprocess.run(
                [program, str(ROOT / "run.py")], capture_output=True, text=True, check=False
            )
            assert done.returncode == 1
            assert "3.11 or newer is needed" in done.stderr
            tried += 1
    if not tried:
        pytest.skip("no Python older than 3.11 is installed here")


def test_no_or_wrong_verb_lists_the_verbs(checkout: Path) -> None:
    """A call without a verb or with an unknown one lists them and exits 2; asking for help exits 0."""
    for arguments, status in (((), 2), (("fly",), 2), (("--help",), 0)):
        done = run(checkout, *arguments)
        assert done.returncode == status
        verbs = ("demo", "test", "check", "heavy", "bench", "bluez", "vectors", "lock", "native", "fuzz")
        for verb in verbs:
            assert f"\n  {verb} " in done.stdout


def test_unreachable_index_is_explained(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a network the set-up says so in one sentence and leaves no stamp."""
    (checkout / "requirements.txt").write_text(
        "anyio==4.16.0 --hash=sha256:" + "0" * 64 + "\n", encoding="utf-8"
    )
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "https://127.0.0.1:9/simple")
    done = run(checkout, "demo")
    assert done.returncode == 1
    assert done.stderr.startswith("run.py: the package index cannot be reached: connect this machine")
    assert len(done.stderr.splitlines()) == 1
    assert not (checkout / ".venv" / "stamp").exists()


def test_changed_package_is_refused_and_named(checkout: Path, tmp_path: Path) -> None:
    """A package whose bytes are not those of the lock is named and not installed."""
    with zipfile.ZipFile(tmp_path / "wheels" / "tower-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("tower.py", "")
        wheel.writestr("tower-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tower\nVersion: 1.0\n")
        wheel.writestr("tower-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr("tower-1.0.dist-info/RECORD", "")
    (checkout / "requirements.txt").write_text(
        "tower==1.0 --hash=sha256:" + "0" * 64 + "\n", encoding="utf-8"
    )
    done = run(checkout, "demo")
    assert done.returncode == 1
    assert done.stderr.startswith("run.py: a package is not the one in requirements.txt (tower==1.0)")
    assert not list((checkout / ".venv").rglob("tower.py"))


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        (NO_WHEEL, "the package index has no ready-made build of anyio==4.99.0 for this Python"),
        (NO_NETWORK, "the package index cannot be reached"),
        (FULL_DISK, "the disk is full: free 500 MB"),
        (NO_NETWORK + FULL_DISK, "the disk is full: free 500 MB"),
        (LOCKED_FILE, "a file could not be written"),
        (CERTIFICATE + NO_WHEEL, "the package index showed a certificate that this machine does not trust"),
    ],
    ids=["no build", "no network", "full disk", "full disk after a retry", "open file", "certificate"],
)
def test_what_pip_says_becomes_one_sentence(output: str, sentence: str) -> None:
    """What pip writes for a known cause becomes one sentence, of the cause and not of its consequence."""
    said = failures.explain(output)
    assert said.startswith(sentence)
    assert "\n" not in said
    assert said.endswith(".")


def test_unknown_failure_shows_what_pip_said() -> None:
    """A cause that is not known is not guessed: the last lines are shown."""
    assert "    it rained" in failures.explain("collecting\nit rained\n").splitlines()


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (OSError(errno.ENOSPC, "full"), "the disk is full"),
        (PermissionError(errno.EACCES, "no", "/x"), "a file could not be written (Permission denied: /x)"),
        (OSError(errno.EIO, "worn out"), "the system refused a step of the set-up ([Errno 5] worn out)"),
    ],
    ids=["full", "denied", "other"],
)
def test_system_errors_become_one_sentence(error: OSError, sentence: str) -> None:
    """An error of the operating system while setting up becomes one sentence too."""
    assert failures.explain_os_error(error).startswith(sentence)


def test_python_without_pip_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Python without pip or without venv is named before anything is made."""
    for missing, sentence in ((("venv",), failures.NO_VENV), (("ensurepip", "pip"), failures.NO_PIP)):
        monkeypatch.setattr(environment, "_has", lambda module, missing=missing: module not in missing)
        with pytest.raises(failures.SetupError) as caught:
            environment.make_venv(tmp_path / "venv")
        assert str(caught.value) == sentence
        assert not (tmp_path / "venv").exists()


def test_only_a_finished_environment_is_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """None, one without interpreter, without stamp or with a stamp of something else is made again."""
    for name in ("VENV", "STAMP", "LOCK", "PROJECT"):
        monkeypatch.setattr(environment, name, tmp_path / getattr(environment, name).relative_to(ROOT))
    environment.LOCK.write_text("a==1\n", encoding="utf-8")
    environment.PROJECT.write_text("", encoding="utf-8")
    why = environment._why_stale
    assert why() == "there is none yet"
    environment.VENV.symlink_to(tmp_path / "nowhere")
    assert why() == "its interpreter is gone"
    environment.VENV.unlink()
    venv.create(environment.VENV, symlinks=os.name != "nt")
    assert why() == "it was not finished"
    environment.STAMP.write_text(environment._fingerprint(), encoding="ascii")
    assert why() == ""
    environment.LOCK.write_text("a==2\n", encoding="utf-8")
    assert why() == "the lock, pyproject.toml, Python or the folder changed"


def test_the_environment_is_kept_from_strays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables that would mix in other libraries or install elsewhere do not reach pip or a verb."""
    monkeypatch.setenv("PYTHONPATH", "elsewhere")
    monkeypatch.setenv("PIP_TARGET", "elsewhere")
    assert {"PYTHONPATH", "PIP_TARGET"} & environment.child_environment().keys() == set()
    assert "PATH" in environment.child_environment()
