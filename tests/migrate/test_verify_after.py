"""A migration that was done is compared once more, by whoever asks for it later."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.migration import COUNT, DIGEST, QUARANTINE, Migration, Target
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.plan import look
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.reading import Reader
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.run import run
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.verify import TableProof, verify

ROWS = 50


class Told:
    """What a run said of how far it is."""

    def __init__(self) -> None:
        self.files = self.rows = self.moves = 0
        self.names: list[str] = []

    def expect(self, *, files: int, bytes: int = 0) -> None:
        self.files, self.rows = files, bytes

    def moved(self, count: int) -> None:
        self.moves += count

    def finished(self, name: str) -> None:
        self.names.append(name)


@pytest.fixture
def migration(tmp_path: Path, target: Target) -> Migration:
    path = tmp_path / "app.db"
    with closing(sqlite3.connect(path)) as database:
        database.executescript(
            """
            CREATE TABLE visits (id INTEGER PRIMARY KEY, at TIMESTAMP, n INTEGER, twice INTEGER AS (n * 2));
            CREATE TABLE codes (code TEXT PRIMARY KEY, at DATE) WITHOUT ROWID;
            """
        )
        database.executemany("INSERT INTO visits (at, n) VALUES (?, ?)", [("2024-05-06 07:08:09" if n % 10 else "soon", n) for n in range(ROWS)])
        database.executemany("INSERT INTO codes VALUES (?, ?)", [(f"c{n}", "2024-05-06" if n % 7 else "never") for n in range(ROWS)])
        database.commit()
    return Migration(name="app", database=str(path), target=target, on_misfit=QUARANTINE, work=str(tmp_path / "work"))


def compared(migration: Migration, postgres: psycopg.Connection, how: str = DIGEST, progress: Told | None = None) -> dict[str, TableProof]:
    with closing(sqlite3.connect(migration.database)) as database, closing(Reader(migration.database)) as reader:
        plan = look(database=database, migration=migration)
        proofs = verify(plan=plan, reader=reader, connection=postgres, schema=migration.schema, how=how, progress=progress)
    return {proof.table: proof for proof in proofs}


@pytest.mark.parametrize("how", [DIGEST, COUNT])
def test_mrpt14_rows_that_were_put_aside_are_counted_and_no_difference(how: str, migration: Migration, postgres: psycopg.Connection) -> None:
    run(migration=migration)
    told = Told()
    proofs = compared(migration, postgres, how, told)
    assert {name: (proof.same, proof.rows, proof.stored, proof.aside) for name, proof in proofs.items()} == {
        "visits": (True, ROWS - 5, ROWS - 5, 5),
        "codes": (True, ROWS - 8, ROWS - 8, 8),
    }
    assert (told.files, told.rows, told.moves, sorted(told.names)) == (2, 2 * ROWS, 2 * ROWS - (5 if how == DIGEST else 0), ["codes", "visits"])


def test_mrpt14_what_was_written_on_either_side_since_is_named(migration: Migration, postgres: psycopg.Connection) -> None:
    run(migration=migration)
    postgres.execute("UPDATE visits SET n = 1000 WHERE id = 13")
    with closing(sqlite3.connect(migration.database)) as database:
        database.execute("INSERT INTO codes VALUES ('new', '2024-05-07')")
        database.commit()
    proofs = compared(migration, postgres)
    said = {fault.said for proof in proofs.values() for fault in proof.faults}
    assert said == {
        "visits, the row with id = 13, column n: 12 in SQLite, 1000 in PostgreSQL",
        "visits, the row with id = 13, column twice: 24 in SQLite, 2000 in PostgreSQL",
        "codes: the row with code = 'new' is not in PostgreSQL",
    }
