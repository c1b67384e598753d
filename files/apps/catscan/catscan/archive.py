"""Archive a report in S3 before it is imported; the host's command does it, and counts only what it has read back."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

TIMEOUT_SECONDS = 900
ARCHIVED = ("uploaded", "unchanged")
REFUSED = ("quarantined", "conflict")
# Neither this program's secrets nor its job's counts are the command's.
PRIVATE = ("CATSCAN_", "STEADY_")


class NotArchived(Exception):
    """The report could not be archived now; the message says why. The next run tries again."""


class Refused(Exception):
    """The report's content cannot be archived; the message says why. Trying again would not help."""


def archive_to_s3(file_path: Path, report_type: str, *, command: str, sha256: str) -> str:
    """Archive a file and return its S3 URI. sha256: of the content that is meant. Raises NotArchived or Refused."""
    row = _ask([command, "archive", "--json", "--keep-source", "--report", report_type, str(file_path)])
    if row["status"] in REFUSED:
        raise Refused(row["reason"].rstrip("."))
    if row["status"] not in ARCHIVED or not row["uri"]:
        raise NotArchived(row["reason"].rstrip(".") or f"{command} says {row['status']!r}")
    if row["content_sha256"] != sha256:
        raise NotArchived("it changed while it was archived; upload reports as NAME.part")
    return str(row["uri"])


def _ask(argv: list[str]) -> dict[str, str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(PRIVATE)}
    try:
        done = subprocess.run(argv, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise NotArchived(f"{argv[0]} did not end within {TIMEOUT_SECONDS} s") from None
    except OSError as error:
        raise NotArchived(f"{argv[0]} cannot be started ({error.strerror})") from None
    return _row(done, argv[0])


def _row(done: subprocess.CompletedProcess[str], command: str) -> dict[str, str]:
    """What the answer says of the one file."""
    try:
        answer: Any = json.loads(done.stdout)
        if "error" in answer:
            raise NotArchived(str(answer["error"]["message"]).rstrip("."))
        (row,) = answer["files"]
        return {name: str(row[name]) for name in ("status", "reason", "uri", "content_sha256")}
    except (ValueError, KeyError, TypeError):
        said = (done.stderr.strip() or "nothing").rpartition("\n")[2]
        raise NotArchived(f"{command} ended with {done.returncode} and said {said[:300]!r}") from None
