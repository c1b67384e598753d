"""One restore that is left alone, then one for each of its steps that dies there, by os._exit: each into a copy of a directory.

Arguments: endpoint, bucket, the directory to copy, and the one to make copies in; they are named 0 (left alone), 1, 2, …
"""

from __future__ import annotations

import itertools
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "plugins" / "module_utils"))

from fleetdata import folder, restore
from fleetdata.catalogue import Wanted
from fleetdata.folder import Folder
from fleetdata.model import Archive, ReportType
from fleetdata.store import connect

DIED = 99
KEY = "{report}/{yyyy}/{mm}/{dd}/catscan-{report}-{day}.csv.gz"
STEPS = ("open", "rename", "unlink", "fsync", "makedirs")


class Steps:
    """Counts steps, and dies before one of them."""

    def __init__(self, fatal: int) -> None:
        self.taken = 0
        self._fatal = fatal

    def step(self) -> None:
        self.taken += 1
        if self.taken == self._fatal:
            os._exit(DIED)

    def between(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        """Each block that is to be written is a step."""
        for block in blocks:
            self.step()
            yield block


class CountedOs:
    """The module os, each of whose changes is a step."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        if name not in STEPS:
            return real

        def counted(*arguments: Any, **options: Any) -> Any:
            self._steps.step()
            return real(*arguments, **options)

        return counted


def restored(endpoint: str, bucket: str, into: Path, fatal: int) -> None:
    """Restore all there is."""
    steps = Steps(fatal)
    folder.os, write = CountedOs(steps), folder.write
    folder.write = lambda path, blocks: write(path, steps.between(blocks))
    archive = Archive(
        bucket=bucket, region="eu-central-1", reports={"performance": ReportType(name="performance")}, key=KEY, endpoint_url=endpoint, concurrency=1
    )
    results = restore.restore(
        store=connect(archive=archive), archive=archive, wanted=Wanted(reports=("performance",)), into=Folder(path=str(into), replace=True)
    )
    assert restore.exit_code(results) == 0, results
    steps.step()


def main(endpoint: str, bucket: str, template: str, copies: str) -> None:
    """Restore until every step was the last once."""
    for fatal in itertools.count():
        into = Path(copies, str(fatal))
        shutil.copytree(template, into)
        child = os.fork()
        if not child:
            restored(endpoint, bucket, into, fatal)
            os._exit(0)
        died = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if fatal and not died:
            return  # there are no more steps
        assert died == (DIED if fatal else 0), died


if __name__ == "__main__":
    main(*sys.argv[1:])
