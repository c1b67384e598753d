"""A run that dies at one of its I/O steps: before a request, which is after the one before it, before it touches a file or sends a statement of SQL."""

from __future__ import annotations

import os
import sqlite3
import sys
import threading
from collections.abc import Callable
from typing import Any

from botocore.httpsession import URLLib3Session

DEAD = 9
_FILE_STEPS = {"open", "os.remove", "os.link", "os.mkdir", "os.rename", "shutil.copyfile", "fcntl.flock"}


def dies_at(step: int, work: Callable[[], object], *, folder: str) -> bool:
    """Do ``work`` in a process that dies at its step number ``step`` (from 1), without a chance to clean up. False when there was no such step."""
    child = os.fork()
    if not child:
        try:
            _arm(step, folder)
            work()
        except BaseException:
            os._exit(1)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, DEAD)
    return status == DEAD


def _arm(step: int, folder: str) -> None:
    taken, lock = 0, threading.Lock()

    def count() -> None:
        nonlocal taken
        with lock:
            taken += 1
            if taken == step:
                os._exit(DEAD)

    send = URLLib3Session.send

    def counted(self: URLLib3Session, request: Any) -> Any:
        count()
        return send(self, request)

    URLLib3Session.send = counted

    connect = sqlite3.connect

    def traced(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection = connect(*arguments, **options)
        connection.set_trace_callback(lambda _: count())
        return connection

    sqlite3.connect = traced

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "fcntl.flock" or (event in _FILE_STEPS and any(str(argument).startswith(folder) for argument in arguments)):
            count()

    sys.addaudithook(watch)
