# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of a migration as the command and the module take them: the library called, its findings as an answer, and the plan that it is about."""

from __future__ import annotations

from dataclasses import dataclass

from ..answers import Answer
from ..backup import keys
from ..errors import ConfigurationError
from ..limits import Progress
from ..sql import quoted
from . import findings, looking, outcomes, state
from .migration import Migration
from .planned import Plan
from .report import Report
from .run import BlockedError, Context, run
from .snapshot import readers
from .verify import verify


@dataclass(frozen=True)
class Step:
    """What a step answers, and the plan that it is about."""

    plan: Plan
    answer: Answer


def plan(migration: Migration, *, stopped: bool = False) -> Step:
    """What a run would do. Raises ConfigurationError, UnreachableError."""
    looking.require_database(migration)
    if migration.target.host:
        record = loaded(migration)
        if record:
            return Step(record.plan, outcomes.there(record, check=True))
    found = looking.plan_of(migration, stopped=stopped)
    return Step(found, findings.planned(found))


def migrate(migration: Migration, *, progress: Progress, resume: bool = True, stopped: bool = False) -> Step:
    """Load, verify and put in place what is not there yet. Raises FleetDataError."""
    looking.require_database(migration)
    record = loaded(migration)
    if record:
        return Step(record.plan, outcomes.there(record, check=False))
    try:
        report = run(migration=migration, context=Context(progress=progress), resume=resume, stopped=stopped, placed=_keep)
    except BlockedError as blocked:
        record = loaded(migration)  # by another run meanwhile
        if record:
            return Step(record.plan, outcomes.there(record, check=False))
        return Step(blocked.plan, findings.planned(blocked.plan, dry_run=False))
    return Step(report.plan, outcomes.ran(report))


def proved(migration: Migration, *, progress: Progress, stopped: bool = False) -> Step:
    """Compare what PostgreSQL holds now with what SQLite holds now. Raises FleetDataError."""
    looking.require_database(migration)
    with looking.server(migration) as connection:
        kept = state.find(connection, migration.name).plan
        with readers(path=migration.database, count=1, busy_seconds=migration.busy_seconds, work=migration.work, stopped=stopped) as snapshot:
            proofs = verify(plan=kept, reader=snapshot.readers[0], connection=connection, schema=kept.migration.schema, how=migration.verify, progress=progress)
    return Step(kept, outcomes.compared(proofs, migration=migration))


def end(migration: Migration, *, check: bool) -> Answer:
    """Drop what the target keeps of a migration; there is no way back then. Raises ConfigurationError, UnreachableError."""
    with looking.server(migration) as connection:
        known = state.known(connection, migration.name) if check else state.forget(connection, migration.name)
    return outcomes.done(known, name=migration.name, check=check)


def loaded(migration: Migration) -> state.Record | None:
    """What the target keeps of this migration where its tables are in place; None where they are not. Raises ConfigurationError."""
    with looking.server(migration) as connection:
        if not state.known(connection, migration.name):
            return None
        record = state.find(connection, migration.name)
        was = record.plan.migration
        if (was.schema, was.database) != (migration.schema, migration.database):
            raise ConfigurationError(
                f"{migration.target.said} keeps another migration of the name {migration.name}: of {was.database} into schema {was.schema}. "
                "End that one (fleetdata migrate done), or give this one another name."
            )
        names = [f"{quoted(was.schema)}.{quoted(table.name)}" for table in record.plan.tables.values()]
        row = connection.execute("SELECT bool_and(to_regclass(name) IS NOT NULL) FROM unnest(%s::text[]) AS name", (names,)).fetchone()
        return record if row and row[0] else None


def _keep(connection: state.Connection, report: Report) -> None:
    """Note, in the transaction that puts the tables in place, what they hold: what the cut-over compares with."""
    sums = {table.source: (table.rows, table.digest) for table in report.tables}
    name = report.plan.migration.name
    state.keep(connection, state.Record(name=name, state=state.LOADED, plan=report.plan, sums=sums, stamp=keys.stamped(report.stamp)))
