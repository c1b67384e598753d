# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What PostgreSQL stored is what SQLite holds, or else: where not.

For each table count and digest of ``canonical`` are made on both sides at once: here of the source's values, there by the server. Where they differ,
``locate`` says which cells and rows do.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ..errors import DAMAGED, INCOMPLETE, ConfigurationError, FleetDataError
from ..limits import Progress, Silence
from ..sql import quoted, statement
from .canonical import RowDigest
from .digest_sql import digest_sql
from .locate import Fault, Located, locate
from .migration import COUNT, DIGEST, QUARANTINE
from .misfit import misfit_table
from .planned import Plan, TablePlan
from .reading import Reader
from .sides import InSource, Sum
from .statements import qualified

if TYPE_CHECKING:
    import psycopg

_WORKERS = 2
"""Processes of the server that may read one table beside the session's own."""


class DifferentError(FleetDataError):
    """PostgreSQL does not hold what SQLite does."""

    code = DAMAGED


class NothingComparedError(FleetDataError):
    """There was no table to compare."""

    code = INCOMPLETE


@dataclass(frozen=True)
class TableProof:
    """What a table's comparison found. table: of the source. rows: of the source, without those put aside; stored: of PostgreSQL.

    how: DIGEST or COUNT. unfit: rows of the source that do not fit and were not put aside. located: what differs, where it was looked for.
    """

    table: str
    rows: int
    stored: int
    same: bool
    how: str = DIGEST
    aside: int = 0
    unfit: int = 0
    located: Located = field(default_factory=Located)

    @property
    def faults(self) -> tuple[Fault, ...]:
        """The first of them, by cell and row."""
        return self.located.faults

    @property
    def said(self) -> str:
        """As a sentence."""
        if self.same:
            what = "every value is the same" if self.how == DIGEST else "as many as in SQLite"
            return f"{self.table}: {self.rows} rows, {what}"
        unfit = f" ({self.unfit} of them do not fit)" if self.unfit else ""
        told = "; ".join(fault.said for fault in self.faults)
        more = " and others" if self.located.more else ""
        columns = f"; columns {', '.join(self.located.columns)}" if self.located.columns else ""
        return f"{self.table}: differs, {self.rows + self.unfit} rows in SQLite{unfit}, {self.stored} in PostgreSQL{columns}{': ' if told else ''}{told}{more}"


def verify(
    *,
    plan: Plan,
    reader: Reader,
    connection: psycopg.Connection[Any],
    schema: str,
    how: str = DIGEST,
    known: Mapping[str, Sum] | None = None,
    progress: Progress | None = None,
    stop: Callable[[], bool] | None = None,
) -> list[TableProof]:
    """Compare all tables of a plan with those of a schema; what differs is in the proofs.

    known: count and sum of the rows that were sent, by table of the source, where they were taken while they were read. progress: its bytes are rows.
    connection: one of its own while this runs. Raises NothingComparedError without a table, ConfigurationError where the server's texts are not UTF-8.
    """
    if not plan.tables:
        raise NothingComparedError(f"{plan.source.path}: there is no table to compare. See that include and exclude name what is to be migrated.")
    told, taken = progress or Silence(), known or {}
    told.expect(files=len(plan.tables), bytes=sum(table.rows for name, table in plan.tables.items() if name not in taken))
    with _one_state(connection):
        aside = {name: _put_aside(connection, plan, table, schema) for name, table in plan.tables.items()}
        proofs = []
        with _asked(connection, [(name, _query(table, schema, how)) for name, table in plan.tables.items()]) as answers:
            for name, table in plan.tables.items():
                ours = _Ours(*taken[name], aside[name].unnamed) if name in taken else _of_source(reader, table, how, aside[name], told, stop)
                theirs = answers[name].result()
                same = (ours.rows, ours.sum if how == DIGEST else 0) == theirs and ours.unfit == aside[name].unnamed
                unfit = 0 if ours.unfit == aside[name].unnamed else ours.unfit
                proofs.append(TableProof(name, ours.rows, theirs[0], same, how=how, aside=aside[name].count, unfit=unfit))
                told.finished(name)
        return [one if one.same or how == COUNT else _with_faults(one, plan, reader, connection, schema, aside[one.table]) for one in proofs]


def require_same(proofs: list[TableProof]) -> None:
    """Raises DifferentError, whose message names what differs."""
    differing = [proof.said for proof in proofs if not proof.same]
    if differing:
        raise DifferentError(
            f"{len(differing)} of {len(proofs)} tables differ: {'. '.join(differing)}. Nothing of SQLite was changed; migrate these tables again."
        )


@dataclass(frozen=True)
class _Ours:
    rows: int
    sum: int
    unfit: int = 0


@dataclass(frozen=True)
class _Aside:
    """Rows that were put aside: their numbers, and how many have none."""

    numbers: Collection[int] = ()
    unnamed: int = 0

    @property
    def count(self) -> int:
        return len(self.numbers) + self.unnamed


def _of_source(reader: Reader, table: TablePlan, how: str, aside: _Aside, told: Progress, stop: Callable[[], bool] | None) -> _Ours:
    if how == COUNT:
        count = int(reader.select(statement("SELECT count(*) FROM", quoted(table.source.name)))[0][0])
        told.moved(count)
        return _Ours(count - aside.count, 0, aside.unnamed)
    digest = RowDigest(table)
    source = InSource(reader=reader, table=table, left_out=aside.numbers, fitting=bool(aside.unnamed))
    for rows, _ in source.rows():
        if stop and stop():
            raise InterruptedError
        digest.add(rows)
        told.moved(len(rows))
    told.moved(source.refused)
    return _Ours(digest.count, digest.sum, digest.unfit + source.refused)


def _query(table: TablePlan, schema: str, how: str) -> str:
    return digest_sql(table, schema) if how == DIGEST else statement("SELECT count(*), 0 FROM", qualified(table.name, schema))


@contextmanager
def _asked(connection: psycopg.Connection[Any], queries: list[tuple[str, str]]) -> Iterator[dict[str, Future[Sum]]]:
    """The server's answers, one query after the other, while this process does its part. They end with the block, however that ends."""

    def answer(query: str) -> Sum:
        row = connection.execute(query).fetchone()
        return (int(row[0]), int(row[1])) if row else (0, 0)

    with ThreadPoolExecutor(1, thread_name_prefix="digest") as pool:
        answers = {name: pool.submit(answer, query) for name, query in queries}
        try:
            yield answers
        except BaseException:
            for one in answers.values():
                one.cancel()
            connection.cancel()
            raise


@contextmanager
def _one_state(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """A transaction that reads one state of the tables, or a savepoint of the one that there is."""
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise ConfigurationError(f"The database's encoding is {encoding}, which has not all characters. Make one with ENCODING 'UTF8', and migrate to that.")
    alone = connection.info.transaction_status.name == "IDLE"
    with connection.transaction():
        if alone:
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        connection.execute("SET LOCAL client_encoding = 'UTF8'")
        connection.execute("SET LOCAL TimeZone = 'UTC'")
        connection.execute(f"SET LOCAL max_parallel_workers_per_gather = {_WORKERS}")
        yield


def _put_aside(connection: psycopg.Connection[Any], plan: Plan, table: TablePlan, schema: str) -> _Aside:
    """What the table's ``__misfit`` has."""
    if plan.migration.on_misfit != QUARANTINE:
        return _Aside()
    name = qualified(misfit_table(table.name), schema)
    found = connection.execute("SELECT to_regclass(%s) IS NOT NULL", (name,)).fetchone()
    if not found or not found[0]:
        return _Aside()
    rows = [row[0] for row in connection.execute(statement('SELECT "row" FROM', name)).fetchall()]
    return _Aside(frozenset(row for row in rows if row is not None), sum(row is None for row in rows))


def _with_faults(proof: TableProof, plan: Plan, reader: Reader, connection: psycopg.Connection[Any], schema: str, aside: _Aside) -> TableProof:
    here = InSource(reader=reader, table=plan.tables[proof.table], left_out=aside.numbers, fitting=bool(aside.unnamed) and not proof.unfit)
    return replace(proof, located=locate(here=here, schema=schema, connection=connection, rows=max(proof.rows, proof.stored)))
