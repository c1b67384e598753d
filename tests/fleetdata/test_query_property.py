"""An answer over live and archived days is the answer of a copy that retention never touched."""

from __future__ import annotations

import dataclasses
import itertools
import shutil
import sqlite3
import tempfile
from collections import Counter
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import Any

from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.model import Archive
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.retention import rows
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.retention.rows import Text, Value
from archived_days import without_versions
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from queries import ask
from retention_runs import database, day, run

TABLES = (
    "CREATE TABLE t (day TEXT, a, b)",
    "CREATE TABLE t (a, id INTEGER PRIMARY KEY, day TEXT, b INT)",
    "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, day TEXT, a NUMERIC, b REAL, UNIQUE (day, a))",
    "CREATE TABLE t (day TEXT, a BLOB, b, PRIMARY KEY (b, day, a)) WITHOUT ROWID",
    "CREATE TABLE t (a TEXT COLLATE NOCASE, b REAL, day TEXT, c AS (a || b), d TEXT AS (upper(a)) STORED); CREATE INDEX d ON t (day)",
    "CREATE TABLE t (a ANY, day TEXT, b ANY) STRICT",
    'CREATE TABLE t (day TEXT, a "WEIRD INT", b VARCHAR(9), x DEFAULT 7)',
)
OTHERS = """CREATE TABLE names (a, name TEXT); INSERT INTO names VALUES (1, 'one'), ('x', 'ex'), (NULL, 'none');
CREATE VIEW v AS SELECT day, a FROM t WHERE b IS NOT NULL;"""
DAYS = [day(back) for back in (93, 92, 91, 2, 1)]
VALUE = st.one_of(
    st.none(),
    st.integers(min_value=-3, max_value=3),
    st.integers(min_value=-(2**63), max_value=2**63 - 1),
    st.floats(allow_nan=False),
    st.sampled_from(["", "1", "1.0", "x", "X", "a\nb", 'q"', "ü", ",", "-0"]).map(lambda text: Text(text.encode())),
    st.sampled_from([b"", b"\0", b"\xff", b"x"]),
    st.sampled_from([b"\xff\xfe", b"a\0b", b",\r"]).map(Text),
)
ROW = st.tuples(st.sampled_from(DAYS), VALUE, VALUE)
BINARY = "typeof(a), quote(a) COLLATE BINARY, typeof(b), quote(b)"
SELECTS = (
    f"SELECT day, {BINARY} FROM t",
    "SELECT *, typeof(a), typeof(b) FROM t",
    "SELECT day, count(*), count(a), count(DISTINCT a), min(quote(a) COLLATE BINARY), max(typeof(b)) FROM t GROUP BY day",
    "SELECT max(quote(a) COLLATE BINARY), count(*) FROM t GROUP BY a HAVING count(*) > 0",
    "SELECT day, a FROM t WHERE a = 1 OR b > 'a' OR a = 'x' OR b = '1'",
    "SELECT t.day, names.name FROM t JOIN names ON t.a IS names.a",
    "SELECT x.day, y.day FROM t x JOIN t y ON x.a = y.a AND x.day < y.day",
    "SELECT day, count(*) FROM v GROUP BY day",
    f"WITH old AS (SELECT * FROM T WHERE day < '{DAYS[3]}') SELECT count(*), (SELECT count(*) FROM t) FROM old",
    "SELECT count(DISTINCT a) FROM t WHERE day IN (SELECT max(day) FROM t UNION SELECT min(day) FROM t)",
    f"SELECT count(*) FROM t WHERE day BETWEEN '{DAYS[1]}' AND '{DAYS[3]}' AND a IS NOT NULL",
    "SELECT day, row_number() OVER (PARTITION BY day ORDER BY a) FROM t",
)
NUMBERS = itertools.count(1)


def insert(path: Path, some: list[tuple[str, Value, Value]]) -> None:
    with closing(sqlite3.connect(path)) as other, other:
        for its_day, *values in some:
            (one, a), (two, b) = map(rows.bound, values)
            with suppress(sqlite3.IntegrityError):  # NULL in a key
                other.execute(f"INSERT OR REPLACE INTO t (day, a, b) VALUES (?, {one}, {two})", [its_day, a, b])


def expected(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as copy:
        copy.text_factory = partial(str, encoding="utf-8", errors="backslashreplace")
        return copy.execute(sql).fetchall()


def as_lines(found: list[tuple[Any, ...]]) -> Counter[str]:
    return Counter(map(repr, found))


@settings(
    max_examples=25,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.sampled_from(TABLES),
    st.lists(ROW, max_size=14),
    st.lists(ROW, max_size=4),
    st.booleans(),
    st.lists(st.sampled_from(SELECTS), min_size=2, max_size=4, unique=True),
)
def test_cs37_f60_an_answer_is_that_of_an_untouched_copy(
    archive: Archive, table: str, first: list[Any], late: list[Any], again: bool, selects: list[str]
) -> None:
    one = dataclasses.replace(archive, prefix=f"case-{next(NUMBERS)}/")
    one = without_versions(one) if one.prefix == "case-1/" else dataclasses.replace(one, bucket=f"{archive.bucket}-plain")
    with tempfile.TemporaryDirectory() as folder:
        path, copy = database(Path(folder), f"{table};{OTHERS}"), Path(folder) / "copy.db"
        insert(path, [*first, (DAYS[-1], 1, Text(b"newest"))])
        shutil.copy(path, copy)
        assert not run(one, path).refused
        insert(path, late)
        insert(copy, late)
        if again:
            run(one, path)
        for select in selects:
            assert as_lines(ask(one, path, select)) == as_lines(expected(copy, select)), select
