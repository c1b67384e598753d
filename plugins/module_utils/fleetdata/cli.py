# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command ``fleetdata``: arguments in, an answer out. What it does is in the library; how it ends is here."""

from __future__ import annotations

import io
import json
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import Any, NoReturn, TextIO

from . import answers, arguments, configuration
from .actions import ALL as ACTIONS
from .errors import OK, USAGE, FleetDataError
from .progress import Stop, Stopped
from .request import Request
from .table import clean

STOPPED = "Stopped. What was finished stays; run the same command again to go on."
COUNTS = "STEADY_JOB_COUNTS"
"""The environment variable with the file in which a job's wrapper counts what was moved."""


def main(said: Sequence[str], *, stdout: TextIO, stderr: TextIO, stop: Stop | None = None) -> int:
    """Do what the arguments say, write the answer, return the exit code. stop: asked by whoever stops it."""
    as_json = "--json" in said
    try:
        asked = arguments.parse(said)
        request = Request(asked=asked, configuration=configuration.load(asked.config), stdout=stdout, stderr=stderr, stop=stop or Stop())
        answer = ACTIONS[asked.action].run(request)
    except FleetDataError as error:
        return _refuse(error.code, answers.refusal(error), as_json, stdout, stderr)
    except OSError as error:
        return _refuse(USAGE, {"ok": False, "error": {"kind": "system", "message": answers.system(error)}}, as_json, stdout, stderr)
    except Stopped as stopped:
        return _refuse(128 + stopped.number, {"ok": False, "error": {"kind": "stopped", "message": STOPPED}}, as_json, stdout, stderr)
    _write(stdout, json.dumps(answer.document, indent=1) + "\n" if as_json else answer.text)
    return answers.worst((answer.code, _count(answer, stderr)))


def run() -> NoReturn:
    """The program: as ``main``, with this process's arguments, streams and signals."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a file's name may be what this terminal cannot show
            stream.reconfigure(errors="backslashreplace")
    stop = Stop()

    def ask(number: int, _frame: FrameType | None) -> None:
        """What is being read is given up, what is being proved or deleted is finished; who asks twice is not made to wait."""
        try:
            stop.ask(number)
        finally:
            signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # as nohup says it
            signal.signal(number, ask)
    sys.exit(main(sys.argv[1:], stdout=sys.stdout, stderr=sys.stderr, stop=stop))


def _refuse(code: int, refused: dict[str, Any], as_json: bool, stdout: TextIO, stderr: TextIO) -> int:
    if as_json:
        _write(stdout, json.dumps(refused, indent=1) + "\n")
    else:
        _write(stderr, f"fleetdata: {clean(refused['error']['message'])}\n")
    return code


def _write(stream: TextIO, text: str) -> None:
    """Whoever reads the answer may stop reading: what was done is done."""
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _count(answer: answers.Answer, stderr: TextIO) -> int:
    """Tell the job's wrapper what was moved; the exit code for that."""
    path = os.environ.get(COUNTS)
    try:
        if path and answer.counts:
            with open(path, "a", encoding="ascii") as counts:
                counts.write(" ".join(f"{name}={count}" for name, count in answer.counts.items()) + "\n")
    except OSError as error:
        _write(stderr, f"fleetdata: {answers.system(error)} {COUNTS} names it; nothing was counted there.\n")
        return USAGE
    return OK
