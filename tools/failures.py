"""Every way a set-up fails, as one sentence that says what to do next."""

import errno
import re

RETRY = "then run the same command again"


class SetupError(Exception):
    """The environment could not be made; the message is a sentence for the person at the keyboard."""


NO_VENV = (
    "this Python has no venv module: install it (on Debian and Ubuntu 'apt-get install python3-venv') or use "
    f"a Python from python.org, {RETRY}."
)
NO_PIP = (
    "this Python has neither pip nor ensurepip: install one (on Debian and Ubuntu 'apt-get install "
    f"python3-pip' or 'python3-venv'), {RETRY}."
)

# What pip writes when it fails, and what that means. First match wins, so a cause stands before its
# consequences: a full disk also breaks a download, a download that breaks leaves no version to choose.
_CAUSES = (
    (
        r"No space left on device|\[Errno 28\]|not enough space on the disk|Disk quota exceeded",
        (
            "the disk is full: free 500 MB where this checkout lies and where temporary files go "
            f"(TMPDIR tells), {RETRY}."
        ),
    ),
    (
        r"DO NOT MATCH THE HASHES",
        (
            "a package is not the one in requirements.txt ({detail}): nothing was installed from it; "
            "a proxy or mirror may have changed it, so try another network, and report it if it stays."
        ),
    ),
    (
        r"CERTIFICATE_VERIFY_FAILED|SSLError|SSLCertVerificationError",
        (
            "the package index showed a certificate that this machine does not trust: on a network that "
            f"opens encrypted traffic, point PIP_CERT at its certificate, {RETRY}."
        ),
    ),
    (
        r"40[137] Client Error|403 Forbidden|407 Proxy Authentication|ProxyError",
        (
            "a proxy or the package index refused the request: set HTTPS_PROXY or PIP_INDEX_URL to what your "
            f"network wants, {RETRY}."
        ),
    ),
    (
        (
            r"NewConnectionError|Failed to establish a new connection|NameResolutionError|name resolution"
            r"|getaddrinfo failed|ConnectTimeout|ReadTimeout|Read timed out|Network is unreachable"
            r"|Connection (refused|reset|aborted)|IncompleteRead"
        ),
        (
            "the package index cannot be reached: connect this machine, or set HTTPS_PROXY or "
            f"PIP_INDEX_URL if your network needs it, {RETRY}; what was fetched already is kept."
        ),
    ),
    (
        r"is not a trusted or secure host",
        f"pip ignored a package index whose address is plain http: set PIP_INDEX_URL to https, {RETRY}.",
    ),
    (
        r"No matching distribution found|is not a supported wheel",
        (
            "the package index has no ready-made build of {detail} for this Python on this system: use "
            "Python 3.11, 3.12 or 3.13 on Linux, macOS or Windows, or a fuller index if PIP_INDEX_URL "
            f"names one, {RETRY}."
        ),
    ),
    (
        r"Permission denied|\[Errno 13\]|WinError 5\b|WinError 32\b|Read-only file system",
        (
            "a file could not be written ({detail}): make this folder yours and close programs that run from "
            f".venv, {RETRY}."
        ),
    ),
)
# The line of pip's output that names the package or the file, per cause that asks for it.
_DETAIL = re.compile(
    r"No matching distribution found for (\S+)|^\s+(\S+) from \S+.*:$|((?:Permission denied|Read-only).*)",
    re.MULTILINE,
)


def explain(output: str) -> str:
    """Turn what pip or venv wrote when it failed into one sentence, or show its last lines if it is new."""
    for pattern, sentence in _CAUSES:
        if re.search(pattern, output):
            found = _DETAIL.search(output)
            detail = next(filter(None, found.groups()), "") if found else ""
            return sentence.format(detail=detail or "unnamed")
    tail = "\n".join(f"    {line}" for line in output.strip().splitlines()[-12:])
    return f"pip failed in a way not foreseen, the next run starts afresh; its last lines were\n{tail}"


def explain_os_error(error: OSError) -> str:
    """Turn an error of the operating system met while setting up into one sentence."""
    if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)):
        return explain("No space left on device")
    if isinstance(error, PermissionError) or error.errno == errno.EROFS:
        return explain(f"Permission denied: {error.filename}")
    return f"the system refused a step of the set-up ({error}): put that right, {RETRY}."
