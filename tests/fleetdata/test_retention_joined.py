"""Lines that SQLite puts together are those of the rows to the byte, or are not made; and only rows that are their lines are said to be."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.retention import joined, keyed, rows
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.retention.export import export
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.retention.model import Rule
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.retention.plan import Step
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.retention.rows import Text
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.retention.table import opened, read_table
from hypothesis import given, settings
from hypothesis import strategies as st

DAY = "2026-01-31"
KINDS = (
    "day TEXT, a, b, c)",
    "a, day TEXT, b, c); CREATE INDEX i ON t (day)",
    "day TEXT, a, b, c, PRIMARY KEY (day, a, b)) WITHOUT ROWID",
    "day TEXT COLLATE NOCASE, a COLLATE NOCASE, b, c, PRIMARY KEY (day DESC, a DESC, b)) WITHOUT ROWID",
    "a, b, c, day TEXT, PRIMARY KEY (day, a DESC, b)) WITHOUT ROWID",
    "a, day TEXT, b, c, PRIMARY KEY (a, day, b)) WITHOUT ROWID",
    "id INTEGER PRIMARY KEY, a INT, day TEXT, b TEXT, c REAL)",
)
PLAIN = st.one_of(st.integers(-(2**63), 2**63 - 1), st.sampled_from(["", "a", "B", "é 100%", "'", "12", "-1", "%d"]))
ODD = st.sampled_from([None, 0.5, b"", b"a", "x,y", 'x"y', "x\ny", "x\ry", "x\0y", Text(b"\xff"), "long" * 300])
DAYS = st.sampled_from([DAY] * 6 + ["2026-01-30", "2026-02-01", f"{DAY} 12:30", f"{DAY}x"])


@settings(max_examples=250, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    some=st.lists(st.tuples(DAYS, PLAIN, PLAIN, st.integers(0, 9)), max_size=14),
    odd=st.lists(st.tuples(DAYS, st.one_of(PLAIN, ODD), st.one_of(PLAIN, ODD), st.one_of(PLAIN, ODD)), max_size=2),
)
def test_cs37_f57_a_day_is_written_as_the_lines_of_its_rows(
    tmp_path_factory: pytest.TempPathFactory, kind: str, some: list[tuple[Any, ...]], odd: list[tuple[object, ...]]
) -> None:
    path = tmp_path_factory.mktemp("joined") / "x.db"
    made(path, kind, [*some, *odd])
    with opened(str(path)) as database, pytest.MonkeyPatch.context() as patch:
        patch.setattr(joined, "_FIRST", 1)
        patch.setattr(joined, "_MOST", 3)
        table = read_table(database, "t")
        query = f"SELECT {table.listed} FROM t WHERE substr(day, 1, 10) = ? AND day NOT LIKE '%x' ORDER BY {table.ordered}"
        lines = [rows.line(row) for row in database.execute(query, (DAY,))]
        step = Step(table=table, rule=Rule(table="t", day_column="day"), day=DAY, rows=0, bytes=0)
        assert export(database=database, step=step, path=f"{path}.csv") == len(lines)
        assert Path(f"{path}.csv").read_bytes() == rows.header_line(table.columns) + b"".join(lines)
        assert not database.in_transaction


BEFORE = ("a", 1, "b", 2)
CHANGED = [
    ("a", 1, "b", 3),
    ("a", 1, "b", "2"),
    ("a", 1, "b", 2.0),
    ("a", 1, "b", None),
    ("a", 1, b"b", 2),
    ("a", 1, "b\0", 2),
    ("a", 1, "b,2", 2),
    ("a", "1", "b", 2),
    ("a", 1, None, 2),
    ("A", 1, "b", 2),
]


def test_cs32_cs35_rows_that_are_their_lines_are_told_from_all_others(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("CREATE TABLE t (a, b, c, d, n INT, PRIMARY KEY (n)) WITHOUT ROWID")
        other.executemany("INSERT INTO t VALUES (?, ?, ?, ?, ?)", [(*BEFORE, number) for number in range(4)])
    with opened(str(path)) as database:
        table = read_table(database, "t")
        lines = [rows.line(row) for row in database.execute("SELECT * FROM t")]
        span = keyed.span(table, lines)
        assert joined.are(database, table, span, lines)
        assert not joined.are(database, table, span, lines[:1] + lines[2:])
        assert not joined.are(database, table, span, [lines[0][:-3] + b"r" + lines[0][-2:], *lines[1:]])
        for changed in CHANGED:
            database.execute("UPDATE t SET a = ?, b = ?, c = ?, d = ? WHERE n = 2", changed)
            assert not joined.are(database, table, span, lines), changed
        database.execute("UPDATE t SET a = ?, b = ?, c = ?, d = ? WHERE n = 2", BEFORE)
        assert joined.are(database, table, span, lines)
        database.execute("DELETE FROM t WHERE n = 1")
        assert not joined.are(database, table, span, lines)


def test_cs32_it_is_the_way_that_plain_tables_go(tmp_path: Path) -> None:
    """Else none of this would be proved of it."""
    path = tmp_path / "x.db"
    made(path, KINDS[2], [(DAY, number, "text", -number) for number in range(300)])
    with opened(str(path)) as database:
        table = read_table(database, "t")
        made_here = joined.blocks(database, table, "day = ?1", "day = ?1", (DAY,))
        text, many = b"", 0
        for block, some in made_here:
            text, many = text + block, many + some
        lines = [rows.line(row) for row in database.execute(f"SELECT {table.listed} FROM t ORDER BY {table.ordered}")]
        assert (text, many) == (b"".join(lines), 300)
        assert joined.are(database, table, keyed.span(table, lines), lines)


def made(path: Path, kind: str, some: list[tuple[Any, ...]]) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.executescript(f"CREATE TABLE t ({kind}")
        for day, *values in some:
            (one, a), (two, b), (three, c) = (rows.bound(value) for value in values)
            database.execute(f"INSERT OR IGNORE INTO t (day, a, b, c) VALUES (?, {one}, {two}, {three})", (day, a, b, c))
