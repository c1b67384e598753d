"""Whatever differs between SQLite and PostgreSQL is found, and located to table, row and column."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.locate import CHANGED, DOUBLED, EXTRA, LOST
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.migration import COUNT, Migration, Target
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.plan import look
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.planned import Plan
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.reading import Reader
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.statements import create_table
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.verify import (
    DifferentError,
    NothingComparedError,
    TableProof,
    require_same,
    verify,
)
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.retention.rows import Text

ROWS = 3000
SCHEMA = "public"
DECLARED = """
CREATE TABLE orders (id INTEGER PRIMARY KEY, name TEXT, note TEXT, at TIMESTAMP NOT NULL, amount REAL, n INTEGER, data BLOB, phone TEXT);
CREATE TABLE log (said TEXT, n INTEGER, size REAL, extra TEXT);
CREATE TABLE codes (code TEXT PRIMARY KEY, name TEXT, left_, right_) WITHOUT ROWID;
"""


def order(i: int) -> tuple[object, ...]:
    at = f"2024-{1 + i % 12:02d}-{1 + i % 28:02d} {i % 24:02d}:00:{i % 60:02d}"
    return (i, f"name {i}", "" if i % 3 == 0 else None if i % 5 == 0 else f"note {i} ", at, i / 7, i % 100, b"\0\xff" * (i % 5), f"+49 {i}")


CONTENT = {
    "orders": [order(i) for i in range(1, ROWS + 1)],
    "log": [(f"line {i % 50}", i % 50, float(i % 50), f"x{i}") for i in range(ROWS)] + [("same", 1, 1.0, "same")] * 2,
    "codes": [(f"c{i:05d}", f"code {i}", i, i + 1) for i in range(ROWS)],
}


@pytest.fixture
def source(tmp_path: Path) -> str:
    path = tmp_path / "app.db"
    with closing(sqlite3.connect(path)) as database:
        database.executescript(DECLARED)
        for name, rows in CONTENT.items():
            database.executemany(f"INSERT INTO {name} VALUES ({', '.join('?' * len(rows[0]))})", rows)
        database.commit()
    return str(path)


@pytest.fixture
def plan(source: str, target: Target) -> Plan:
    with closing(sqlite3.connect(source)) as database:
        database.text_factory = Text
        return look(database=database, migration=Migration(name="app", database=source, target=target, secret=("orders.phone",)))


@pytest.fixture
def moved(plan: Plan, postgres: psycopg.Connection) -> psycopg.Connection:
    """The same rows in PostgreSQL, as its driver writes them."""
    with postgres.transaction(), postgres.cursor() as cursor:
        for name, rows in CONTENT.items():
            cursor.execute(create_table(plan.tables[name], schema=SCHEMA))
            with cursor.copy(f"COPY {name} FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
    return postgres


@pytest.fixture
def reader(source: str) -> Iterator[Reader]:
    with closing(Reader(source)) as opened:
        yield opened


def found(proofs: list[TableProof]) -> set[tuple[str, str, str, str]]:
    assert [proof.same for proof in proofs] == [not proof.faults for proof in proofs]
    return {(fault.kind, fault.table, fault.row, fault.column) for proof in proofs for fault in proof.faults}


def test_mrpt14_what_is_the_same_is_proved_table_by_table(plan: Plan, reader: Reader, moved: psycopg.Connection) -> None:
    proofs = verify(plan=plan, reader=reader, connection=moved, schema=SCHEMA)
    assert {proof.table: (proof.rows, proof.stored, proof.same) for proof in proofs} == {name: (len(rows), len(rows), True) for name, rows in CONTENT.items()}
    require_same(proofs)


ORDER, CODE = "the row with id = {}", "the row with code = 'c{:05d}'"
FAULTS = {
    "one bit of a real": (
        "UPDATE orders SET amount = amount + 2e-16 * amount WHERE id = 1500",
        {(CHANGED, "orders", ORDER.format(1500), "amount")},
    ),
    "one bit of a blob": (
        "UPDATE orders SET data = set_bit(data, 3, 1 - get_bit(data, 3)) WHERE id = 2",
        {(CHANGED, "orders", ORDER.format(2), "data")},
    ),
    "a lost row": ("DELETE FROM orders WHERE id = 77", {(LOST, "orders", ORDER.format(77), "")}),
    "a row too many": ("INSERT INTO orders SELECT 90000, 'n', 'o', now(), 1, 1, '', ''", {(EXTRA, "orders", ORDER.format(90000), "")}),
    "a doubled row": ("INSERT INTO orders SELECT * FROM orders WHERE id = 8", {(DOUBLED, "orders", ORDER.format(8), "")}),
    "a row instead of another": (
        "DELETE FROM orders WHERE id = 9; INSERT INTO orders SELECT * FROM orders WHERE id = 8",
        {(LOST, "orders", ORDER.format(9), ""), (DOUBLED, "orders", ORDER.format(8), "")},
    ),
    "two columns of a row swapped": (
        "UPDATE orders SET name = phone, phone = name WHERE id = 10",
        {(CHANGED, "orders", ORDER.format(10), "name"), (CHANGED, "orders", ORDER.format(10), "phone")},
    ),
    "two rows' values swapped": (
        "UPDATE orders SET name = CASE id WHEN 11 THEN 'name 12' ELSE 'name 11' END WHERE id IN (11, 12)",
        {(CHANGED, "orders", ORDER.format(11), "name"), (CHANGED, "orders", ORDER.format(12), "name")},
    ),
    "NULL for an empty text": ("UPDATE orders SET note = NULL WHERE id = 3", {(CHANGED, "orders", ORDER.format(3), "note")}),
    "an empty text for NULL": ("UPDATE orders SET note = '' WHERE id = 5", {(CHANGED, "orders", ORDER.format(5), "note")}),
    "a value moved to another row": (
        "UPDATE orders SET note = NULL WHERE id = 7; UPDATE orders SET note = 'note 7 ' WHERE id = 5",
        {(CHANGED, "orders", ORDER.format(5), "note"), (CHANGED, "orders", ORDER.format(7), "note")},
    ),
    "an hour": ("UPDATE orders SET at = at + interval '1 hour' WHERE id = 13", {(CHANGED, "orders", ORDER.format(13), "at")}),
    "a microsecond": ("UPDATE orders SET at = at - interval '1 us' WHERE id = 13", {(CHANGED, "orders", ORDER.format(13), "at")}),
    "a trimmed text": ("UPDATE orders SET note = rtrim(note) WHERE id = 14", {(CHANGED, "orders", ORDER.format(14), "note")}),
    "another key": ("UPDATE orders SET id = 80000 WHERE id = 16", {(CHANGED, "orders", ORDER.format(16), "id")}),
    "a line of a table without a key": ("UPDATE log SET n = 7 WHERE extra = 'x20'", {(CHANGED, "log", "row 21", "n")}),
    "a line lost that is there twice": (
        "DELETE FROM log WHERE ctid IN (SELECT ctid FROM log WHERE said = 'same' LIMIT 1)",
        {(LOST, "log", f"row {ROWS + 2}", "")},
    ),
    "a line that is there once more": ("INSERT INTO log VALUES ('same', 1, 1, 'same')", {(DOUBLED, "log", "a row", "")}),
    "a cell of a table without row numbers": ("UPDATE codes SET name = upper(name) WHERE code = 'c00100'", {(CHANGED, "codes", CODE.format(100), "name")}),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_mrpt14_a_planted_fault_is_located(fault: str, plan: Plan, reader: Reader, moved: psycopg.Connection) -> None:
    planted, expected = FAULTS[fault]
    moved.execute(planted)
    proofs = verify(plan=plan, reader=reader, connection=moved, schema=SCHEMA)
    assert found(proofs) == expected
    with pytest.raises(DifferentError) as error:
        require_same(proofs)
    assert all(row in str(error.value) for _, _, row, _ in expected)
    assert not any(proof.located.more for proof in proofs)


def test_mrpt14_two_columns_swapped_in_all_rows_are_named_with_examples(plan: Plan, reader: Reader, moved: psycopg.Connection) -> None:
    moved.execute("UPDATE codes SET left_ = right_, right_ = left_")
    moved.execute("UPDATE log SET size = size + 1")
    codes, log = (proof for proof in verify(plan=plan, reader=reader, connection=moved, schema=SCHEMA) if not proof.same)
    assert {codes.table, log.table} == {"codes", "log"}
    codes, log = (codes, log) if codes.table == "codes" else (log, codes)
    assert codes.located.columns == ("left_", "right_")
    assert {(fault.kind, fault.column) for fault in codes.faults} == {(CHANGED, "left_"), (CHANGED, "right_")}
    assert codes.located.more
    assert log.located.columns == ("size",)
    assert {(fault.kind, fault.column) for fault in log.faults} == {(CHANGED, "size")}


def test_mrpt14_a_secret_value_is_in_no_message(plan: Plan, reader: Reader, moved: psycopg.Connection) -> None:
    moved.execute("UPDATE orders SET phone = '+49 0' WHERE id = 100")
    with pytest.raises(DifferentError, match=r"the row with id = 100, column phone: \(a hidden value\)") as error:
        require_same(verify(plan=plan, reader=reader, connection=moved, schema=SCHEMA))
    assert "+49" not in str(error.value)


def test_a_row_that_does_not_fit_is_no_proof(plan: Plan, source: str, moved: psycopg.Connection) -> None:
    with closing(sqlite3.connect(source)) as database:
        database.execute("INSERT INTO orders VALUES (90001, 'n', 'o', 'soon', 1, 1, '', '')")
        database.commit()
    with closing(Reader(source)) as reader:
        proof = next(one for one in verify(plan=plan, reader=reader, connection=moved, schema=SCHEMA) if one.table == "orders")
    assert (proof.same, proof.unfit, proof.rows, proof.stored) == (False, 1, ROWS, ROWS)
    assert [(fault.kind, fault.row) for fault in proof.faults] == [(LOST, "the row with id = 90001")]


def test_what_was_sent_is_not_read_once_more(plan: Plan, reader: Reader, moved: psycopg.Connection) -> None:
    known = {proof: (0, 0) for proof in plan.tables}
    proofs = verify(plan=plan, reader=reader, connection=moved, schema=SCHEMA, known=known)
    assert not any(proof.same for proof in proofs)


def test_counts_alone_see_lost_rows_alone(plan: Plan, reader: Reader, moved: psycopg.Connection) -> None:
    moved.execute("UPDATE orders SET name = ''; DELETE FROM log WHERE n = 3")
    proofs = {proof.table: proof for proof in verify(plan=plan, reader=reader, connection=moved, schema=SCHEMA, how=COUNT)}
    assert (proofs["orders"].same, proofs["log"].same) == (True, False)
    assert "as many as in SQLite" in proofs["orders"].said


def test_nothing_compared_is_a_failure(plan: Plan, reader: Reader, postgres: psycopg.Connection) -> None:
    with pytest.raises(NothingComparedError, match="no table to compare"):
        verify(plan=replace(plan, tables={}), reader=reader, connection=postgres, schema=SCHEMA)


def test_a_run_that_is_stopped_leaves_the_server_idle(plan: Plan, reader: Reader, moved: psycopg.Connection) -> None:
    with pytest.raises(InterruptedError):
        verify(plan=plan, reader=reader, connection=moved, schema=SCHEMA, stop=lambda: True)
    assert moved.info.transaction_status.name == "IDLE"
    assert verify(plan=plan, reader=reader, connection=moved, schema=SCHEMA)[0].same
