"""Programs that the lab runs (docker, ssh): argument lists only, and one place that words their failures."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from lab.errors import LabError


def run(*argv: str, stdin: bytes | None = None, timeout: float = 120, what: str = "") -> str:
    """Run ``argv`` and return its standard output; raise :class:`LabError` with the program's own last line."""
    result = attempt(argv, stdin=stdin, timeout=timeout)
    if result.returncode:
        said = result.stderr.decode(errors="replace").strip().splitlines() or ["it said nothing"]
        raise LabError(f"{what or ' '.join(argv[:3])} failed: {said[-1]}")
    return result.stdout.decode(errors="replace")


def attempt(argv: Sequence[str], *, stdin: bytes | None = None, timeout: float = 120) -> subprocess.CompletedProcess[bytes]:
    """Run ``argv`` and let the caller look at its exit status."""
    try:
        return subprocess.run(list(argv), input=stdin or b"", capture_output=True, timeout=timeout, check=False)
    except FileNotFoundError as error:
        raise LabError(f"The program {argv[0]} is not installed: install it and run this again.") from error
    except subprocess.TimeoutExpired as error:
        raise LabError(f"{' '.join(argv[:3])} did not end within {timeout:.0f} s.") from error
