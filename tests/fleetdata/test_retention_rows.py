"""Rows as lines of CSV and back: every value that SQLite can hold, of every kind of table, is the same value of the same type again."""

from __future__ import annotations

import io
import sqlite3
from pathlib import Path

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.errors import ConfigurationError, DamageError
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.model import FILE_NAME, ReportType
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.retention import rows
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.retention.rows import Text
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.retention.table import opened, read_table
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.scan import scan
from hypothesis import given, settings
from hypothesis import strategies as st

VALUES = st.one_of(
    st.none(),
    st.integers(min_value=-(2**63), max_value=2**63 - 1),
    st.floats(allow_nan=False),
    st.text(st.characters(exclude_categories=["Cs"])).map(lambda text: Text(text.encode())),
    st.sampled_from(["", ",", '"', '"\n"', "\r", "a\r\nb", "\0", "NULL", "12", "1e5"]).map(lambda text: Text(text.encode())),
    st.binary(max_size=20).map(Text),
    st.binary(max_size=20),
)
ROWS = st.lists(st.tuples(VALUES, VALUES, VALUES), max_size=8)


def exact(value: object) -> tuple[type, object]:
    """A value so that equal is equal to the bit: 1 is not 1.0, and 0.0 is not -0.0."""
    return type(value), repr(value)


@settings(max_examples=60, deadline=None)
@given(ROWS)
def test_cs37_f57_every_value_comes_back_from_its_line_exactly(some: list[tuple[rows.Value, ...]]) -> None:
    written = rows.header_line(("a", "b", "c")) + b"".join(map(rows.line, some))
    first, *read = rows.lines(io.BytesIO(written))
    assert first == b"a,b,c,_types\n"
    assert [[exact(value) for value in rows.values(line)] for line in read] == [[exact(value) for value in row] for row in some]
    facts = scan(stream=io.BytesIO(written), report=ReportType(name="t", columns=("a", "b", "c", "_types"), report_day=FILE_NAME), name="t-2026-01-31.csv")
    assert facts.rows == len(some)  # it is what the archive calls a CSV


@settings(max_examples=200, deadline=None)
@given(ROWS)
def test_cs37_f57_rows_written_at_once_are_the_lines_of_each(some: list[tuple[rows.Value, ...]]) -> None:
    assert rows.block(some) == b"".join(map(rows.line, some))


def test_cs37_f57_a_comma_more_and_one_less_are_seen() -> None:
    some = [(Text(b"a,b"), Text(b"c")), (Text(b"1\n2"), None), (Text("ä".encode()), 1.0), (Text(b"\xff"), 2)]
    assert rows.block(some) == b'"a,b",c,tt\n"1\n2",,tn\n\xc3\xa4,1.0,tr\nff,2,xi\n'


@settings(max_examples=40, deadline=None)
@given(ROWS)
def test_cs37_f57_sqlite_reads_what_it_held_after_there_and_back(some: list[tuple[rows.Value, ...]]) -> None:
    there, back = sqlite3.connect(":memory:"), sqlite3.connect(":memory:")
    for database in (there, back):
        database.text_factory = Text
        database.execute("CREATE TABLE t (a, b, c)")
    insert(there, some)
    held = there.execute("SELECT * FROM t ORDER BY rowid").fetchall()
    assert [[exact(value) for value in row] for row in held] == [[exact(value) for value in row] for row in some]
    insert(back, [rows.values(rows.line(row)) for row in held])
    assert [[exact(value) for value in row] for row in back.execute("SELECT * FROM t ORDER BY rowid")] == [[exact(value) for value in row] for row in held]
    there.close(), back.close()


def insert(database: sqlite3.Connection, some: list[tuple[rows.Value, ...]]) -> None:
    for row in some:
        placed = [rows.bound(value) for value in row]
        database.execute(f"INSERT INTO t VALUES ({', '.join(place for place, _ in placed)})", [value for _, value in placed])


def test_cs37_no_number_and_infinity_are_what_sqlite_makes_of_them() -> None:
    with sqlite3.connect(":memory:") as database:
        row = database.execute("SELECT ?, ?, ?, ?", (float("nan"), float("inf"), -float("inf"), -0.0)).fetchone()
    database.close()
    assert rows.line(row) == b",inf,-inf,-0.0,nrrr\n"
    assert [exact(value) for value in rows.values(rows.line(row))] == [exact(value) for value in row]


@pytest.mark.parametrize(
    "text", [b"1,i", b"1,2,i\n", b"1,ii\n", b"1,q\n", b"x,i\n", b"01,i\n", b"zz,b\n", b'"a,t\n', b'"a",t\n', b"1,n\n", b"\n", b"1,i\n2,i\n"]
)
def test_cs37_what_is_no_line_of_a_row_is_damage(text: bytes) -> None:
    with pytest.raises(DamageError):
        rows.values(text)


def test_cs37_a_row_that_is_cut_is_damage() -> None:
    with pytest.raises(DamageError, match="without its end"):
        list(rows.lines([b'1,"a\n', b"b\n"]))


def test_cs32_the_column_of_types_has_a_name_of_its_own() -> None:
    assert rows.header(("_types", "__types")) == ("_types", "__types", "___types")


@pytest.mark.parametrize(
    ("declared", "columns", "key"),
    [
        ("day TEXT, n INT", ("rowid", "day", "n"), ("rowid",)),
        ("day TEXT, id INTEGER PRIMARY KEY", ("day", "id"), ("id",)),
        ("day TEXT, id INTEGER PRIMARY KEY AUTOINCREMENT", ("day", "id"), ("id",)),
        ("day TEXT, id INT PRIMARY KEY", ("rowid", "day", "id"), ("rowid",)),
        ("day TEXT, id INTEGER PRIMARY KEY DESC", ("rowid", "day", "id"), ("rowid",)),
        ("day TEXT, rowid TEXT", ("_rowid_", "day", "rowid"), ("_rowid_",)),
        ("day TEXT, RowID TEXT, _rowid_ INT", ("oid", "day", "RowID", "_rowid_"), ("oid",)),
        ("a, day TEXT, b, PRIMARY KEY (b, a)", ("rowid", "a", "day", "b"), ("rowid",)),
    ],
)
def test_cs32_a_row_is_named_by_its_number(tmp_path: Path, declared: str, columns: tuple[str, ...], key: tuple[str, ...]) -> None:
    table = made(tmp_path, f"CREATE TABLE t ({declared})")
    assert (table.columns, table.key) == (columns, key)


def test_cs32_a_table_without_rowid_is_named_by_its_primary_key(tmp_path: Path) -> None:
    table = made(tmp_path, "CREATE TABLE t (a, day TEXT, b, rowid, PRIMARY KEY (b, a)) WITHOUT ROWID")
    assert (table.columns, table.key, table.key_places) == (("a", "day", "b", "rowid"), ("b", "a"), (2, 0))


def test_cs32_generated_columns_are_read_and_known(tmp_path: Path) -> None:
    table = made(tmp_path, "CREATE TABLE t (id INTEGER PRIMARY KEY, day TEXT, twice AS (id * 2), thrice INT AS (id * 3) STORED)")
    assert table.columns == ("id", "day", "twice", "thrice")
    assert table.generated == {"twice", "thrice"}


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("CREATE VIEW t AS SELECT 1", "view"),
        ("CREATE VIRTUAL TABLE t USING fts5(day)", "virtual table"),
        ("CREATE TABLE t (rowid, _rowid_, oid)", "Rename"),
        ("CREATE TABLE other (day)", "no table 'T'; there are other"),
    ],
)
def test_cs32_a_table_whose_rows_cannot_be_named_is_refused(tmp_path: Path, sql: str, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        made(tmp_path, sql)


def test_cs32_a_database_that_is_not_there_or_none_or_of_other_texts_is_refused(tmp_path: Path) -> None:
    (tmp_path / "none.db").write_bytes(b"no database, " * 100)
    with sqlite3.connect(tmp_path / "wide.db") as wide:
        wide.execute("PRAGMA encoding = 'UTF-16le'")
        wide.execute("CREATE TABLE t (a)")
    wide.close()
    for name, reason in {"gone.db": "no such database", "none.db": "not a database", "wide.db": "UTF-16le"}.items():
        with pytest.raises(ConfigurationError, match=reason), opened(str(tmp_path / name)):
            pass
    assert not (tmp_path / "gone.db").exists()


def made(folder: Path, sql: str):
    with sqlite3.connect(folder / "x.db") as database:
        database.execute(sql)
    database.close()
    with opened(str(folder / "x.db")) as database:
        return read_table(database, "T")
