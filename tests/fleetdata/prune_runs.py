"""Runs of the rules over real folders, and who has files open beside them."""

from __future__ import annotations

import datetime
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.file_retention.model import Rule
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.file_retention.rules import parse_all
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.file_retention.run import Context, Report, prune
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.model import Archive
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.store import Store

NOW = datetime.datetime(2026, 11, 22, 12, 0, tzinfo=datetime.UTC)
UNPROVED = {"proof": "none", "acknowledged": "Tests: nobody needs them"}


def rule(folder: Path | str, name: str = "files", **said: Any) -> Rule:
    """A rule as it is declared. said: settings other than these."""
    return parse_all({name: {"folder": str(folder), "patterns": ["*"], "max_share": 1, **UNPROVED} | said}, "the test")[name]


def run(*rules: Rule, check: bool = False, now: datetime.datetime = NOW, archive: Archive | None = None, store: Store | None = None) -> Report:
    """One run."""

    def place() -> tuple[Archive, Store]:
        assert archive is not None
        assert store is not None
        return archive, store

    return prune(rules=rules, context=Context(archive=place, clock=lambda: now, host="shop-1"), check=check)


def write(path: Path, *, days: float = 100, content: bytes = b"text") -> Path:
    """A file that was changed last so many days ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return aged(path, days)


def aged(path: Path, days: float) -> Path:
    """Let it have been changed last so many days ago."""
    moment = NOW.timestamp() - days * 86400
    os.utime(path, (moment, moment), follow_symlinks=False)
    return path


def there(folder: Path) -> list[str]:
    """All that is below a folder, directories with a slash."""
    return sorted(str(path.relative_to(folder)) + ("/" if path.is_dir() and not path.is_symlink() else "") for path in folder.rglob("*"))


def statuses(report: Report) -> dict[str, str]:
    """What became of each, by name."""
    return {os.path.basename(result.path): result.status for result in report.results}


def gone(report: Report) -> set[str]:
    """The paths that went, or in a check would."""
    return {result.path for result in report.results if result.status in ("deleted", "planned")}


@contextmanager
def another(program: str, *arguments: Path) -> Iterator[None]:
    """Another process runs this and then waits. In it p and q are the arguments."""
    code = f"import fcntl, mmap, os, sys\np, q = (sys.argv[1:] + [''])[:2]\n{program}\nprint('ready', flush=True)\nsys.stdin.read()"
    process = subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "ready\n"
        yield
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait()
