"""Questions over a database and its archived days."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.model import Archive
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.query.archived import Bucket
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.query.run import Answered, Place, Question, answered
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.reading import Reader
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.retention.rules import parse_all
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.store import Store, connect


@contextmanager
def asking(
    archive: Archive, path: Path | None, sql: str, *, store: Store | None = None, cache: Path | None = None, stopped: bool = False, **more: Any
) -> Iterator[Answered]:
    """An answer while it is open. more: of the question, and tables: the rules."""
    store = store or connect(archive=archive)
    rules = more.pop("tables", {"t": {"day_column": "day"}})
    question = Question(sql=sql, **more)
    place = Place(
        bucket=Bucket(store=store, archive=archive, first=question.first, last=question.last),
        reader=Reader(store, None),
        retention=parse_all({"app": {"database": str(path), "tables": rules}}, "retention")["app"] if path else None,
        cache=str(cache) if cache else None,
        notice=lambda sentence: None,
        stopped=lambda: stopped,
        clock=time.monotonic,
        sleep=time.sleep,
    )
    with answered(question, place) as answer:
        yield answer


def ask(archive: Archive, path: Path | None, sql: str, **more: Any) -> list[tuple[Any, ...]]:
    """The rows of an answer."""
    with asking(archive, path, sql, **more) as answer:
        return [tuple(row) for row in answer.rows]
