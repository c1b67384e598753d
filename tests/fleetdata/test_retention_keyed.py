"""Rows that deletion takes together: those that were proved, whatever lies between them and however their keys are ordered."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.retention import apply, rows
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.retention.apply import ChangedError, Pace
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.retention.table import opened, read_table
from hypothesis import given, settings
from hypothesis import strategies as st

KINDS = (
    "a, b, c)",
    "a, b, c, PRIMARY KEY (b, a))",
    "a, b, c, PRIMARY KEY (a, b)) WITHOUT ROWID",
    "a TEXT COLLATE NOCASE, b, c, PRIMARY KEY (b DESC, a)) WITHOUT ROWID",
    "a TEXT COLLATE NOCASE, b INT, c, PRIMARY KEY (a, b DESC)) WITHOUT ROWID",
)
VALUES = st.one_of(
    st.integers(-9, 9), st.sampled_from([0.5, -1.5, 2.0]), st.sampled_from(["", "a", "B", "b", "é", "9", 'x"y', "u,v"]), st.sampled_from([b"", b"a", b"\xff"])
)


@settings(max_examples=150, deadline=None)
@given(kind=st.sampled_from(KINDS), some=st.lists(st.tuples(VALUES, VALUES, VALUES), max_size=12), goes=st.sets(st.integers(0, 11)), at_once=st.integers(1, 4))
def test_cs32_cs35_just_the_proved_rows_go(
    tmp_path_factory: pytest.TempPathFactory, kind: str, some: list[tuple[object, ...]], goes: set[int], at_once: int
) -> None:
    path = tmp_path_factory.mktemp("keyed") / "x.db"
    made(path, kind, some)
    with opened(str(path)) as database:
        lines, order = listed(database)
        proved = [line for number, line in enumerate(lines) if number in goes]
        assert delete(database, path, proved, at_once) == len(proved)
        assert listed(database) == ([line for line in lines if line not in proved], order)


@pytest.mark.parametrize("kind", KINDS)
def test_cs32_a_row_in_another_ones_place_stays_and_stops_the_batch(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x.db"
    made(path, kind, [(number, number, number) for number in range(9)])
    with opened(str(path)) as database:
        lines, _ = listed(database)
        database.execute("UPDATE t SET a = 4.5 WHERE a = 4")
        with pytest.raises(ChangedError):
            delete(database, path, lines, 9)
        assert len(listed(database)[0]) == 9


def made(path: Path, kind: str, some: list[tuple[object, ...]]) -> None:
    database = sqlite3.connect(path)
    with database:
        database.execute(f"CREATE TABLE t ({kind}")
        database.executemany("INSERT OR IGNORE INTO t VALUES (?, ?, ?)", some)
    database.close()


def listed(database: sqlite3.Connection) -> tuple[list[bytes], str]:
    """The lines of the rows, in the order that the archive has them."""
    table = read_table(database, "t")
    return [rows.line(row) for row in database.execute(f"SELECT {table.listed} FROM t ORDER BY {table.ordered}")], table.ordered


def delete(database: sqlite3.Connection, path: Path, lines: list[bytes], at_once: int) -> int:
    table = read_table(database, "t")
    proof = path.with_suffix(".csv")
    proof.write_bytes(rows.header_line(table.columns) + b"".join(lines))
    pace = Pace(clock=lambda: 0, sleep=lambda _: None, rows=at_once)
    return sum(apply.delete(database=database, table=table, path=str(proof), schema=apply.schema_version(database), pace=pace))
