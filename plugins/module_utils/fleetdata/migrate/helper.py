# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A process that loads parts of tables beside the run's own: a thread gains nothing, as Python packs rows with one core only.

It has its own reader of the run's snapshot and its own connection to the server, is told what to do through a pipe, and ends with that.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any

from ..errors import FleetDataError
from .connection import connect, without_waiting
from .journal import Part
from .load import Sent, StoppedError, load_part
from .planned import Plan
from .reading import Reader

_MOVED, _DONE, _FAILED = "moved", "done", "failed"
_START = "import importlib, json, sys; sys.path[:] = json.loads(sys.argv[1]); importlib.import_module(sys.argv[2]).work(int(sys.argv[3]))"


class Helper:
    """The run's end of it."""

    def __init__(self, process: subprocess.Popen[bytes], pipe: Connection) -> None:
        self._process, self._pipe = process, pipe

    def begin(self) -> None:
        """Hold what the database is now."""
        self._say(None)
        self._answer()

    def prepare(self, plan: Plan, *, digests: bool) -> None:
        """What it is to load. digests: whether those of the rows are made."""
        self._say((plan, digests))
        self._answer()

    def load(self, table: str, part: Part, moved: Callable[[int], None], stop: Callable[[], bool]) -> Sent:
        """Have it load a part. Raises what that does."""
        self._say((table, part))
        while True:
            kind, value = self._answer()
            if kind == _DONE:
                return value  # type: ignore[no-any-return]
            moved(value)
            if stop():
                raise StoppedError

    def end(self) -> None:
        """What it was at is taken back."""
        self._process.kill()

    def _say(self, what: Any) -> None:
        with suppress(BrokenPipeError):  # its answer is missing, too
            self._pipe.send(what)

    def _answer(self) -> tuple[str, Any]:
        try:
            kind, value = self._pipe.recv()
        except (EOFError, ConnectionError):
            raise FleetDataError("A process that was to load a part ended at once. Run again with jobs: 1.") from None
        if kind == _FAILED:
            raise value
        return kind, value


@contextmanager
def helper(path: str) -> Iterator[Helper]:
    """One that has opened the database, and has not begun to read. It is ended with the block."""
    ours, theirs = Pipe()
    with closing(ours), closing(theirs):
        handle = theirs.fileno()
        command = [sys.executable, "-c", _START, json.dumps([_root(), *sys.path]), __name__, str(handle)]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, pass_fds=[handle], start_new_session=True) as process:
            theirs.close()
            try:
                one = Helper(process, ours)
                one._say(path)
                one._answer()
                yield one
            finally:
                process.kill()


def _root() -> str:
    """The directory, or archive, in which this package is found by its whole name."""
    return os.path.abspath(__file__).rsplit(os.sep, __name__.count(".") + 1)[0]


def work(handle: int) -> None:
    """The life of the process itself. handle: of its end of the pipe."""
    with closing(Connection(handle)) as pipe, suppress(EOFError, ConnectionError):
        try:
            _work(pipe)
        except Exception as error:  # whatever it is, the run has to say it
            pipe.send((_FAILED, error))


def _work(pipe: Connection) -> None:
    with closing(Reader(pipe.recv(), standard=False)) as reader:  # nothing else opens the file in this process
        pipe.send((_DONE, None))
        pipe.recv()
        reader.begin()
        pipe.send((_DONE, None))
        plan, digests = pipe.recv()
        with closing(connect(plan.migration.target)) as connection:
            without_waiting(connection)
            pipe.send((_DONE, None))
            while True:
                name, part = pipe.recv()
                sent = load_part(
                    connection=connection, reader=reader, table=plan.tables[name], schema=plan.migration.staging, part=part,
                    moved=lambda rows: pipe.send((_MOVED, rows)), digests=digests,
                )  # fmt: skip
                pipe.send((_DONE, sent))
