"""A migration that dies at one of its steps: before a statement goes to PostgreSQL, before a block of rows goes, before a transaction is committed."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

import psycopg

DEAD = 9


def dies_at(step: int, work: Callable[[], object]) -> bool:
    """Do ``work`` in a process that dies at its step number ``step`` (from 1), without a chance to clean up. False when there was no such step."""
    child = os.fork()
    if not child:
        try:
            _arm(step)
            work()
        except BaseException:
            os._exit(1)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, DEAD)
    return status == DEAD


def _arm(step: int) -> None:
    taken, lock = 0, threading.Lock()

    def counted(do: Callable[..., Any]) -> Callable[..., Any]:
        def first(*arguments: Any, **options: Any) -> Any:
            nonlocal taken
            with lock:
                taken += 1
                if taken == step:
                    os._exit(DEAD)
            return do(*arguments, **options)

        return first

    psycopg.Connection.execute = counted(psycopg.Connection.execute)
    psycopg.Connection._commit_gen = counted(psycopg.Connection._commit_gen)
    psycopg.Copy.write = counted(psycopg.Copy.write)
    psycopg.Transaction._commit_gen = counted(psycopg.Transaction._commit_gen)
