"""Tables of each kind that retention knows, and rows of whatever SQLite can hold."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.retention import rows
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.retention.rows import Text, Value
from hypothesis import strategies as st
from retention_runs import day

TABLES = (
    "CREATE TABLE t (day TEXT, a, b)",
    "CREATE TABLE t (a, id INTEGER PRIMARY KEY, day TEXT, b INT)",
    "CREATE TABLE t (day TEXT, a BLOB, b, PRIMARY KEY (b, day, a)) WITHOUT ROWID",
    "CREATE TABLE t (a TEXT COLLATE NOCASE, b REAL, day TEXT, c AS (a || b)); CREATE INDEX d ON t (day)",
)
DAYS = [day(back) for back in (93, 92, 91, 1)]
OLD = DAYS[:3]
VALUE = st.one_of(
    st.integers(min_value=-(2**63), max_value=2**63 - 1),
    st.floats(allow_nan=False),
    st.text(max_size=5).map(lambda text: Text(text.encode("utf-8", "replace"))),
    st.sampled_from([b"", b"\0", b"a\nb", b'"', b"\xff", b"x" * 50]),
    st.sampled_from([b"\xff\xfe", b"a\0b", b",\r"]).map(Text),
)
ROW = st.tuples(st.sampled_from(DAYS), VALUE, VALUE)


def insert(path: Path, some: Iterable[tuple[str, Value, Value]]) -> None:
    """What an application that knows nothing of retention adds; a row whose key is taken is left out."""
    with closing(sqlite3.connect(path)) as other, other:
        for its_day, *values in some:
            (one, a), (two, b) = map(rows.bound, values)
            other.execute(f"INSERT OR IGNORE INTO t (day, a, b) VALUES (?, {one}, {two})", [its_day, a, b])
