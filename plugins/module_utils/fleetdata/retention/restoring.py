# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archived rows of one table, or of all of a database, into a database file; and how that is told."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace

from .. import errors
from ..answers import Answer, worst
from ..catalogue import check_range
from ..errors import ConfigurationError
from ..limits import Progress
from ..model import CONFLICT, DAMAGED, FAILED, UNCHANGED, Archive
from ..restore import RESTORED
from ..sql import quoted, words
from ..store import Store
from ..table import clean, number, table
from .archived import NothingArchivedError, report_name, rows_archive, tables
from .bring_back import CODES, STOPPED, Asked, BroughtBack, bring_back, taken_back
from .table import opened, table_names

ALL = "all"
"""Stands for every table that has archived rows."""


@dataclass(frozen=True)
class Into:
    """path: the database's file. create: it, or its tables, are made if they are not there; rows in it may refer to rows that are not."""

    path: str
    create: bool = False


@dataclass(frozen=True)
class Restored:
    """results: of each table and day. notices: what else there is to know, sentences."""

    results: tuple[BroughtBack, ...]
    notices: tuple[str, ...] = ()


def restore_rows(
    *, asked: Asked, into: Into, store: Store, archive: Archive, declared: Collection[str] = (), check: bool = False, progress: Progress | None = None
) -> Restored:  # fmt: skip
    """Bring rows back. asked: its table may be ALL; then a table that cannot take rows stops no other.

    declared: the databases that retention knows: that nothing of one is archived yet is no mistake. Raises ConfigurationError, StoreError.
    """
    nowhere = check and into.create and not os.path.exists(into.path)
    try:
        names = tables(store=store, archive=archive, name=asked.name) if asked.table == ALL else [asked.table]
    except NothingArchivedError:
        if asked.name not in declared:
            raise
        return Restored(results=())
    place = rows_archive(archive=archive, name=asked.name, columns={names[0]: ()})
    check_range(place, report_name(names[0]), asked.first, asked.last)
    try:
        with opened("" if nowhere else into.path, mode="rwc" if into.create else "rw") as database, taken_back(database) if check else nullcontext():
            results: list[BroughtBack] = []
            for name in _parents_first(database, names):
                one = replace(asked, table=name)
                try:
                    results += bring_back(asked=one, database=database, store=store, archive=archive, create=into.create, check=check, progress=progress)
                except ConfigurationError as error:
                    if asked.table != ALL:
                        raise
                    results.append(BroughtBack(table=name, day="", status=STOPPED, reason=str(error)))
            return Restored(results=tuple(results), notices=tuple(_unreferred(database, names) if into.create and not check else ()))
    except sqlite3.Error as error:
        raise ConfigurationError(f"{into.path}: {error}. What came back before stays. Run again.") from None


def told(restored: Restored, *, into: str, check: bool) -> Answer:
    """What came back, or in a check would."""
    results = restored.results
    total = {name: sum(getattr(one, name) for one in results) for name in ("in_archive", "there", "added", "renumbered", "conflicts")}
    statuses = (RESTORED, UNCHANGED, CONFLICT, DAMAGED, STOPPED, FAILED)
    summary = {"days": len(results), **{status: sum(one.status == status for one in results) for status in statuses}, **total, "dry_run": check}
    did = "would come back into" if check else "came back into"
    said = [f"{number(total['added'], 'row')} of {number(len(results), 'day')} {did} {into}", f"{total['there']:,} were there"]
    said += [f"{total['conflicts']:,} conflict"] if total["conflicts"] else []
    shown = [(one.status, one.table, one.day, one.in_archive, one.there, one.added, one.conflicts) for one in results]
    heading = ("STATUS", "TABLE", "DAY", "IN ARCHIVE", "THERE", "ADDED", "CONFLICTS")
    return Answer(
        code=worst(CODES.get(one.status, errors.OK) for one in results) if results else errors.INCOMPLETE,
        summary=summary,
        sentence=f"{', '.join(said)}." if results else "No row of this is archived: there is nothing to do.",
        listing=table(heading, shown),
        problems=[*(clean(problem) for one in results for problem in _problems(one)), *restored.notices],
        files=[{**asdict(one), "changed": one.changed} for one in results],
        more={"notices": list(restored.notices)},
        counts={} if check else {"rows": total["added"], "conflicts": total["conflicts"]},
        changed=any(one.changed for one in results),
        diff=[_difference(into, one) for one in results if one.changed],
    )


def _problems(one: BroughtBack) -> Iterator[str]:
    where = f"{one.table}, {one.day}" if one.day else one.table
    yield from (f"{where}: {sentence}" for sentence in (*one.named, *one.unproved, one.reason) if sentence)


def _difference(into: str, one: BroughtBack) -> dict[str, str]:
    where, there = f"{into}: {one.table}", f"{one.day}: {number(one.there, 'archived row')} there\n"
    after = f"{one.day}: {number(one.there + one.added, 'archived row')} there\n"
    return {"before_header": where, "after_header": where, "before": there, "after": after}


def _parents_first(database: sqlite3.Connection, names: Sequence[str]) -> Iterator[str]:
    """Tables, each after those that its rows refer to, as far as that goes."""
    there = {name.lower(): name for name in table_names(database)}
    left = {name: {parent for parent in _parents(database, there.get(name.lower(), "")) if parent != name.lower()} for name in names}
    while left:
        waiting = {name.lower() for name in left}
        name = next((name for name, parents in left.items() if not parents & waiting), next(iter(left)))
        del left[name]
        yield name


def _parents(database: sqlite3.Connection, name: str) -> Iterator[str]:
    for key in database.execute(f"PRAGMA foreign_key_list({quoted(name)})").fetchall():
        yield words(key[2]).lower()


def _unreferred(database: sqlite3.Connection, names: Sequence[str]) -> Iterator[str]:
    for name in names:
        try:
            count = sum(1 for _ in database.execute(f"PRAGMA foreign_key_check({quoted(name)})"))
        except sqlite3.Error as error:
            yield f"Whether rows of {name} refer to rows that are not there cannot be told: {error}."
        else:
            if count:
                yield f"{number(count, 'row')} of {name} refer to rows that are not in this database."
